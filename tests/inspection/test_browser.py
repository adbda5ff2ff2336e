"""The page in a real browser: Chromium, without a window and without a network.

Skipped where there is no Chromium, unless GANTOOL_REQUIRE_BROWSER=1 asks for it on CI.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gantool.inspection import page

from .helpers import hostile, mixed, picture, report

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
REQUIRED = os.environ.get("CI") == "true" and os.environ.get("GANTOOL_REQUIRE_BROWSER") == "1"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not REQUIRED and not (CHROMIUM and DRIVER),
        reason="no chromium and chromedriver here; GANTOOL_REQUIRE_BROWSER=1 with CI=true makes this a failure",
    ),
]
ARGUMENTS = (
    "--headless",
    "--no-sandbox",  # Chromium refuses its sandbox to root, and CI runs as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    assert CHROMIUM, "chromium was asked for, and it is not on the PATH"
    assert DRIVER, "chromedriver was asked for, and it is not on the PATH"
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in (*ARGUMENTS, f"--user-data-dir={tmp_path_factory.mktemp('browser')}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = webdriver.Chrome(options=options, service=Service(executable_path=DRIVER))
    yield browser
    browser.quit()


@pytest.fixture
def opened(driver: Any, tmp_path: Path) -> Any:
    """The driver, at a page of everything, in a window of a usual size."""
    return at(driver, tmp_path, page.render(mixed(), picture))


def at(driver: Any, folder: Path, html: str, width: int = 1280) -> Any:
    file = folder / "check.html"
    file.write_text(html, encoding="utf-8")
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    )
    driver.get_log("browser")
    driver.get_log("performance")
    driver.get(file.as_uri())
    return driver


def texts(driver: Any, selector: str) -> list[str]:
    """What can be seen of the elements that match."""
    return [element.text for element in driver.find_elements("css selector", selector) if element.is_displayed()]


def kinds(driver: Any) -> list[str]:
    return [
        element.get_attribute("data-kind")
        for element in driver.find_elements("css selector", ".part")
        if element.is_displayed()
    ]


def press(driver: Any, selector: str) -> None:
    driver.find_element("css selector", selector).click()


def write(driver: Any, text: str) -> None:
    box = driver.find_element("id", "search")
    box.clear()
    box.send_keys(text)


def severe(driver: Any) -> list[str]:
    return [entry["message"] for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]


EVERY_KIND = [
    "unreadable",
    "two_labels",
    "near_duplicates",
    "blank",
    "blurred",
    "small_class",
    "alpha",
    "mixed_sizes",
]


@pytest.mark.parametrize("name", ["mixed", "hostile"])
def test_it_opens_without_an_error_and_every_picture_loads(driver: Any, tmp_path: Path, name: str) -> None:
    at(driver, tmp_path, page.render({"mixed": mixed, "hostile": hostile}[name](), picture))
    widths = driver.execute_script("return [...document.images].map((image) => image.complete && image.naturalWidth)")
    assert len(widths) > 8
    assert set(widths) <= {28, 120}
    assert severe(driver) == []


def test_it_asks_the_network_for_nothing(opened: Any) -> None:
    press(opened, ".thumb")
    messages = [json.loads(entry["message"])["message"] for entry in opened.get_log("performance")]
    asked = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert len([url for url in asked if url.startswith("file:")]) == 1  # the page itself: the log does work


def test_the_policy_stops_code_and_pictures_from_elsewhere(opened: Any) -> None:
    """What the policy is for: even text that got through unescaped would not run."""
    opened.execute_script(
        "document.body.insertAdjacentHTML('beforeend', "
        "'<img src=data:, onerror=window.hacked=1><img src=\"https://example.invalid/x.png\">');"
        "const script = document.createElement('script'); script.textContent = 'window.hacked = 2';"
        "document.body.append(script);"
    )
    refused = severe(opened)
    assert any("script-src" in message for message in refused)
    assert any("img-src" in message for message in refused)
    assert opened.execute_script("return window.hacked") is None


def test_hostile_names_run_nothing(driver: Any, tmp_path: Path) -> None:
    at(driver, tmp_path, page.render(hostile(), picture))
    for thumb in driver.find_elements("css selector", ".thumb")[:12]:
        driver.execute_script("arguments[0].click()", thumb)
    press(driver, "[data-close]")
    write(driver, "onerror")
    assert driver.execute_script("return window.hacked") is None
    assert driver.execute_script("return document.querySelectorAll('script').length") == 1
    assert severe(driver) == []


def test_severities_filter(opened: Any) -> None:
    assert kinds(opened) == EVERY_KIND
    assert texts(opened, "#count") == ["12 findings"]
    press(opened, "[name=severity][value=look]")
    press(opened, "[name=severity][value=note]")
    assert kinds(opened) == EVERY_KIND[:4]
    assert texts(opened, "#count") == ["6 of 12"]
    press(opened, "[name=severity][value=stop]")
    press(opened, "[name=severity][value=poison]")
    assert kinds(opened) == []
    assert texts(opened, "#nothing") == ["Nothing matches this filter."]
    press(opened, "#show-all")
    assert kinds(opened) == EVERY_KIND
    assert texts(opened, "#count") == ["12 findings"]


def test_a_kind_can_be_chosen(opened: Any) -> None:
    opened.find_element("id", "kind").send_keys("blurred")  # typed: a driver's click on an option sends no "input"
    assert kinds(opened) == ["blurred"]
    assert texts(opened, "#count") == ["2 of 12"]
    press(opened, "[name=severity][value=look]")
    assert kinds(opened) == []
    press(opened, "nav a[href='#blank']")  # what a link leads to is shown, whatever is filtered
    assert kinds(opened) == EVERY_KIND


def test_names_details_and_labels_can_be_searched(opened: Any) -> None:
    write(opened, "PICTURES/00 differ")
    assert kinds(opened) == ["near_duplicates"]
    write(opened, "006.png")  # a group is shown whole
    assert texts(opened, ".entry .name") == ["pictures/004.png", "pictures/005.png", "pictures/006.png"]
    assert texts(opened, ".matches") == ["1 of 2 match"]
    assert texts(opened, ".copy") == ["Copy 2 names"]
    assert texts(opened, "#count") == ["1 of 12"]
    write(opened, "emu")
    assert texts(opened, ".entry") == ["emu: 5 pictures"]


def test_a_picture_is_enlarged_and_escape_closes_it(opened: Any) -> None:
    from selenium.webdriver import ActionChains, Keys

    def key(name: str) -> None:
        ActionChains(opened).send_keys(name).perform()

    thumb = next(
        one
        for one in opened.find_elements("css selector", "#blurred .thumb")
        if "pictures/010.png" in one.find_element("css selector", "img").get_attribute("alt")
    )
    thumb.send_keys(Keys.ENTER)  # by keyboard, as by mouse
    assert texts(opened, "#lens-name") == ["pictures/010.png"]
    assert texts(opened, ".about") == ["cat · sharpness 0.09"]
    image = opened.find_element("css selector", "#lens img")
    assert image.size["width"] > 4 * 28
    assert image.value_of_css_property("image-rendering") == "pixelated"
    key(Keys.ARROW_LEFT)
    assert texts(opened, "#lens-name") == ["pictures/009.png"]
    key(Keys.ARROW_RIGHT)
    assert texts(opened, "#lens-name") == ["pictures/010.png"]
    key(Keys.ARROW_LEFT)
    key(Keys.ESCAPE)
    assert not texts(opened, "#lens")
    focused = opened.switch_to.active_element.find_element("css selector", "img")
    assert focused.get_attribute("alt") == "pictures/009.png"  # the one that was seen last


def test_names_are_copied(opened: Any) -> None:
    opened.execute_script("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
    press(opened, "#near_duplicates .copy")
    assert opened.execute_script("return window.copied") == "pictures/003.png\npictures/005.png\npictures/006.png\n"
    assert texts(opened, "#near_duplicates .copy") == ["Copied 3 names"]


@pytest.mark.parametrize("name", ["mixed", "hostile"])
@pytest.mark.parametrize("width", [400, 1600])
def test_nothing_is_wider_than_the_window(driver: Any, tmp_path: Path, width: int, name: str) -> None:
    at(driver, tmp_path, page.render({"mixed": mixed, "hostile": hostile}[name](), picture), width)
    assert driver.execute_script("return innerWidth") == width
    assert driver.execute_script("return document.documentElement.scrollWidth") <= width
    beyond = driver.execute_script(
        "return [...document.querySelectorAll('body *')]"
        ".filter((e) => e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.outerHTML.slice(0, 80))"
    )
    assert beyond == []


def test_the_filters_stay_in_sight(opened: Any) -> None:
    opened.execute_script("window.scrollTo(0, document.documentElement.scrollHeight)")
    assert opened.execute_script("return document.querySelector('#controls').getBoundingClientRect().top") == 0


def test_without_findings_it_opens_too(driver: Any, tmp_path: Path) -> None:
    at(driver, tmp_path, page.render(report(), picture))
    assert "Fine: nothing was found" in texts(driver, "h1")[0]
    assert severe(driver) == []
