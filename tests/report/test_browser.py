"""The report and the comparison in a real browser: Chromium, without a window and without a network.

Skipped where there is no Chromium, unless GANTOOL_REQUIRE_BROWSER=1 asks for it on CI.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gantool.comparison import compare
from gantool.comparison import page as comparison_page
from gantool.report import write_report

from ..inspection.test_browser import driver, pytestmark, severe, texts  # noqa: F401 - the fixture and its condition
from .helpers import full_run, hostile_run, make_run

BEYOND = (
    "return [...document.querySelectorAll('body *')]"
    ".filter((e) => e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.outerHTML.slice(0, 80))"
)
SHOWN = "return [...document.querySelectorAll('.frame')].filter((f) => f.offsetParent).map((f) => f.dataset.seen)"


def at(browser: Any, file: Path, width: int = 1280) -> Any:
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    )
    browser.get_log("browser")
    browser.get_log("performance")
    browser.get(file.as_uri())
    return browser


def reported(run: Path) -> Path:
    write_report(run)
    return run / "report.html"


def compared(folder: Path, make: Any) -> Path:
    runs = [make(folder / name) for name in ("one", "two")]
    file = folder / "compare.html"
    file.write_text(comparison_page.render(compare(runs)), encoding="utf-8")
    return file


@pytest.fixture
def opened(driver: Any, tmp_path: Path) -> Any:  # noqa: F811 - a fixture takes a fixture by its name
    return at(driver, reported(full_run(tmp_path / "run")))


def test_the_slider_moves_the_picture(opened: Any) -> None:
    from selenium.webdriver import Keys

    slider = opened.find_element("id", "slider")
    assert opened.execute_script(SHOWN) == ["after 256 images"]
    for key, seen in ((Keys.ARROW_LEFT, 192), (Keys.HOME, 0), (Keys.ARROW_RIGHT, 64), (Keys.END, 256)):
        slider.send_keys(key)
        assert opened.execute_script(SHOWN) == [f"after {seen} images"]
        assert texts(opened, "#seen") == [f"after {seen} images"]
        assert slider.get_attribute("aria-valuetext") == f"after {seen} images"
    assert severe(opened) == []


def test_it_plays_from_the_first_to_the_last(opened: Any) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    play = opened.find_element("id", "play")
    play.click()
    assert play.text == "Pause"
    assert opened.execute_script(SHOWN) == ["after 0 images"]
    WebDriverWait(opened, 60).until(lambda _: play.text == "Play")
    assert opened.execute_script(SHOWN) == ["after 256 images"]


def test_every_picture_loads_and_nothing_is_fetched(opened: Any) -> None:
    opened.execute_script("document.querySelectorAll('.frame').forEach((frame) => { frame.hidden = false; })")
    loaded = opened.execute_async_script(
        "const done = arguments[0];"
        "Promise.all([...document.images].map((image) => image.decode())).then(() =>"
        " done([...document.images].map((image) => image.naturalWidth)))"
    )
    assert loaded == [120] * 5 + [300]
    messages = [json.loads(entry["message"])["message"] for entry in opened.get_log("performance")]
    asked = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert severe(opened) == []


def test_a_curve_tells_its_values(opened: Any) -> None:
    from selenium.webdriver import ActionChains

    chart = opened.find_element("css selector", "#training .chart")
    plot = chart.find_element("css selector", ".plot")
    reading = chart.find_element("css selector", ".reading")
    assert not reading.is_displayed()
    opened.execute_script("arguments[0].scrollIntoView({block: 'center'})", plot)
    ActionChains(opened).move_to_element_with_offset(plot, plot.size["width"] // 2 - 16, 0).perform()
    assert reading.text == "640 images · generator 1.7 · discriminator 1.4"
    ActionChains(opened).move_to_element(opened.find_element("css selector", "#training h2")).perform()
    assert not reading.is_displayed()


def test_without_a_script_the_last_picture_and_all_words_are_there(driver: Any, tmp_path: Path) -> None:  # noqa: F811
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        at(driver, reported(full_run(tmp_path / "run")))
        assert [
            f.get_attribute("data-seen") for f in driver.find_elements("css selector", ".frame") if f.is_displayed()
        ]
        assert texts(driver, "#seen") == ["after 256 images"]
        assert texts(driver, "#slider") == texts(driver, "#play") == []
        assert len(texts(driver, ".chart")) >= 4
    finally:
        driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


@pytest.mark.parametrize("make", [full_run, hostile_run, make_run])
@pytest.mark.parametrize("width", [400, 1280])
def test_nothing_of_a_report_is_wider_than_the_window(
    driver: Any,  # noqa: F811
    tmp_path: Path,
    width: int,
    make: Any,
) -> None:
    at(driver, reported(make(tmp_path / "run")), width)
    driver.execute_script("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert driver.execute_script("return document.documentElement.scrollWidth") <= width
    assert driver.execute_script(BEYOND) == []
    assert driver.execute_script("return window.hacked") is None
    assert severe(driver) == []


@pytest.mark.parametrize("make", [full_run, hostile_run])
@pytest.mark.parametrize("width", [400, 1280])
def test_nothing_of_a_comparison_is_wider_than_the_window(
    driver: Any,  # noqa: F811
    tmp_path: Path,
    width: int,
    make: Any,
) -> None:
    at(driver, compared(tmp_path, make), width)
    assert driver.execute_script("return document.documentElement.scrollWidth") <= width
    assert driver.execute_script(BEYOND) == []
    assert driver.execute_script("return window.hacked") is None
    assert len(driver.execute_script("return [...document.images].filter((image) => image.naturalWidth)")) == 2
    assert severe(driver) == []
