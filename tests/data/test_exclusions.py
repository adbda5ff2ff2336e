"""The list of pictures to leave out: what is written is read again, and what is broken is said with its line."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gantool import files
from gantool.data import PreparedSet, exclusions, prepare
from gantool.data.sources.folder import Folder
from gantool.errors import UsageError
from tests.data.conftest import Pictures

NAMES = ["a.png", "a b/ü.png", "#1.png", '"quoted".png', "line\nbreak.png", " space.png", "\udcff.png", "a\u2028b.png"]


def test_every_name_comes_back_and_a_proposal_only_when_it_is_made_active(tmp_path: Path) -> None:
    entries = [
        (name, "blurred" if number % 3 else "cannot be read", number % 2 == 0) for number, name in enumerate(NAMES)
    ]
    text = exclusions.render(entries)
    path = tmp_path / "list.txt"
    path.write_text(text, encoding="utf-8")
    assert exclusions.read(path) == {name for name, _, active in entries if active}
    path.write_text(text.replace(exclusions.PROPOSED, ""), encoding="utf-8")
    assert exclusions.read(path) == set(NAMES)


@given(st.lists(st.text(st.characters(), min_size=1), unique=True))
def test_any_text_is_a_name(names: list[str]) -> None:
    path = Path("list.txt")
    text = exclusions.render((name, "because", True) for name in names).encode("utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "read_regular", lambda path, most_bytes: text)
        assert exclusions.read(path) == set(names)


def test_it_reads_like_a_list(tmp_path: Path) -> None:
    text = exclusions.render(
        [("a", "exact  duplicates\n", True), ("b", "exact duplicates", True), ("c", "dark", False)]
    )
    assert text.endswith("\n# exact duplicates\na\n\n# exact duplicates\nb\n\n# dark\n#? c\n")
    same = exclusions.render([("a", "dark", True), ("b", "dark", False)])
    assert same.endswith("\n# dark\na\n#? b\n")


def test_what_editors_do_to_a_list_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(b"\xef\xbb\xbf# mine\r\na.png\r\n\r\n  b.png\t\r\n#c.png")
    assert exclusions.read(path) == {"a.png", "b.png"}


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text('a.png\n"b.png\n')
    with pytest.raises(UsageError, match=r"list.txt:2: .*JSON string"):
        exclusions.read(path)
    path.write_bytes(b"a.png\nb.png\n\xff.png\n")
    with pytest.raises(UsageError, match=r"list.txt:3: .*not UTF-8"):
        exclusions.read(path)
    with pytest.raises(UsageError, match=r"nowhere.txt: .*cannot be read: No such file"):
        exclusions.read(tmp_path / "nowhere.txt")


def test_prepare_leaves_them_out_and_says_what_it_does_not_find(
    pictures: Pictures, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "list.txt"
    path.write_text("1.png\nnowhere.png\n")
    settings = Folder(path=str(pictures(count=6)), exclude=str(path))
    with caplog.at_level(logging.WARNING):
        found = PreparedSet.open(prepare(settings, seed=0))
    assert [record["name"] for record in found.records()] == ["0.png", "2.png", "3.png", "4.png", "5.png"]
    assert found.header["excluded"] == 1
    assert "1 excluded pictures are not there, such as nowhere.png" in caplog.text
    assert str(tmp_path) not in json.dumps(found.header)


def test_what_the_list_leaves_out_makes_the_set_not_its_path_or_its_comments(
    pictures: Pictures, tmp_path: Path
) -> None:
    folder = str(pictures(count=6))
    one, same, other = (tmp_path / name for name in ("one.txt", "same.txt", "other.txt"))
    one.write_text("1.png\n3.png\n")
    same.write_text("# a comment\n3.png\n1.png\n")
    other.write_text("1.png\n")
    sets = [prepare(Folder(path=folder, exclude=str(path)), seed=0) for path in (one, same, other)]
    assert sets[0] == sets[1] != sets[2]
    assert prepare(Folder(path=folder), seed=0) not in sets
