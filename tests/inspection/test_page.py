"""The page as text: escaping, order, limits, which pictures are asked for. test_browser.py opens it."""

from __future__ import annotations

import base64
import hashlib
import re
from itertools import pairwise

import pytest

from gantool.inspection import page
from gantool.inspection.report import KINDS, SEVERITIES, Finding, Report

from .. import pages
from .helpers import HOSTILE, hostile, mixed, picture, report


class Read(pages.Read):
    """A check's page."""

    @property
    def parts(self) -> list[str]:
        return [str(tag["data-kind"]) for tag in self.all("section") if "data-kind" in tag]


def rendered(shown: Report, per_kind: int = page.PER_KIND) -> Read:
    html = page.render(shown, picture, per_kind)
    html.encode("utf-8")  # no lone surrogates
    return Read(html)


def test_kinds_stand_worst_first() -> None:
    parts = rendered(mixed()).parts
    assert parts == [
        "unreadable",
        "two_labels",
        "near_duplicates",
        "blank",
        "blurred",
        "small_class",
        "alpha",
        "mixed_sizes",
    ]
    everything = rendered(report([Finding(kind, (0, 1) if KINDS[kind].grouped else (0,), "x") for kind in KINDS])).parts
    assert sorted(everything) == sorted(KINDS)
    ranks = [SEVERITIES.index(KINDS[kind].severity) for kind in everything]
    assert ranks == sorted(ranks)


def test_strangers_text_stays_text() -> None:
    read = rendered(hostile())
    plain = Read(page.render(report(), picture))
    assert len(read.code["script"]) == len(read.code["style"]) == 1
    assert read.code == plain.code
    assert {tag for tag, _ in read.tags} <= {tag for tag, _ in rendered(mixed()).tags}
    for _, attributes in read.tags:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        assert not str(attributes.get("href", "#")).startswith("javascript:")
    for name in HOSTILE[:6]:
        assert name in read.text
    assert r"bytes-\udcff-of-another-time.png" in read.text
    assert r"\x1b[2J\x07 clears\nthe screen\u202egnp.exe" in read.text


def test_only_its_own_code_runs_and_nothing_is_fetched() -> None:
    read = rendered(mixed())
    (policy,) = (tag["content"] for tag in read.all("meta") if tag.get("http-equiv") == "Content-Security-Policy")
    rules = dict(rule.strip().split(" ", 1) for rule in str(policy).split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    for tag in ("script", "style"):
        (text,) = read.code[tag]
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[f"{tag}-src"] == f"'sha256-{digest}'"
    for _, attributes in read.tags:
        for name in ("src", "href"):
            assert str(attributes.get(name, "#")).startswith(("data:", "#"))


def test_no_more_than_the_limit_is_shown_and_the_page_says_so() -> None:
    shown = report([Finding("blurred", (index,), f"sharpness {index}", -index) for index in range(40)])
    read = rendered(shown, per_kind=7)
    assert len(read.all("figure")) == 7
    assert "7 of 40 pictures shown; all are in the JSON" in read.text
    assert page.wanted(shown, per_kind=7) == list(range(7))
    assert "in the JSON" not in rendered(shown, per_kind=40).text


def test_groups_are_not_torn_and_large_ones_are_begun() -> None:
    names = [f"{index}.png" for index in range(600)]
    pairs = report([Finding("near_duplicates", (2 * i, 2 * i + 1), "") for i in range(10)], names=names)
    read = rendered(pairs, per_kind=7)
    assert len(read.all("figure")) == 6
    assert "3 of 10 groups shown" in read.text
    large = rendered(report([Finding("exact_duplicates", tuple(range(500)), "equal")], names=names))
    assert len(large.all("figure")) < 20
    assert f"and {500 - len(large.all('figure'))} more" in large.text
    assert "499 pictures beyond the first" in large.text


def test_exactly_the_wanted_pictures_are_asked_for() -> None:
    shown = mixed()
    asked: list[int] = []

    def thumbnail(index: int) -> bytes | None:
        asked.append(index)
        return picture(index)

    page.render(shown, thumbnail)
    assert page.wanted(shown) == sorted(set(asked)) == list(range(13))
    assert all(before < after for before, after in pairwise(page.wanted(shown)))


def test_the_kept_picture_of_a_group_is_marked() -> None:
    read = rendered(mixed())
    kept = [tag["data-name"] for tag in read.all("figure") if "kept" in str(tag["class"]).split()]
    assert kept == ["pictures/002.png", "pictures/004.png"]  # and none of those under two labels


def test_what_has_no_thumbnail_is_there_all_the_same() -> None:
    shown = report([Finding("unreadable", (0,), "truncated"), Finding("near_duplicates", (1, 2), "equal")])
    for content in (None, b"no picture at all", b""):
        read = Read(page.render(shown, lambda _, content=content: content))
        assert not read.all("img")
        for text in ("pictures/000.png", "truncated", "pictures/002.png"):
            assert text in read.text


def test_every_picture_says_what_it_is() -> None:
    images = rendered(mixed()).all("img")
    assert images
    assert all(str(image["alt"]).startswith("pictures/") for image in images)
    assert {str(image["src"]).split(";")[0] for image in images} == {"data:image/png", "data:image/webp"}


def test_copied_names_are_lines_of_the_exclusion_list() -> None:
    names = {tag["data-name"] for tag in rendered(hostile()).all("figure")}
    assert r'"bytes-\udcff-of-another-time.png"' in names
    assert "{{ 7 * 7 }}{% raw %}.png" in names


def test_facts_and_advice_are_told() -> None:
    text = " ".join(rendered(mixed()).text.split())
    for told in (
        "PNG 39, JPEG 1",
        "30×20 to 640×480",
        "median 80×64",
        "40 pictures are few.",
        "no mirrored",
        "folder32",
    ):
        assert told in text


def test_many_classes_leave_out_the_middle() -> None:
    read = rendered(report(classes={f"class {index:03d}": 1000 - index for index in range(300)}))
    assert "class 000" in read.text
    assert "class 299" in read.text
    assert "276 classes between" in read.text
    assert "class 150" not in read.text


def test_a_clean_set_gets_a_page_without_filters() -> None:
    read = rendered(report())
    assert "Fine: nothing was found" in read.text
    assert not read.all("form")
    assert not read.parts


def test_the_page_is_deterministic() -> None:
    assert page.render(mixed(), picture) == page.render(mixed(), picture)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_can_be_read(scheme: str) -> None:
    """Every colour of text on every ground it stands on: contrast of at least 4.5 (WCAG 2, 1.4.3)."""
    (style,) = rendered(mixed()).code["style"]
    blocks = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    colours = dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6})", blocks[scheme == "dark"]))
    grounds = [colours[name] for name in ("ground", "raised", "sunken")]
    for name in ("text", "quiet", "stop", "poison", "look", "note", "fine"):
        for ground in grounds:
            assert contrast(colours[name], ground) >= 4.5, (name, ground)


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
