"""What is found in a folder, whatever the file system does."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from gantool.data.listing import existing_folder, files_below
from gantool.errors import DataError


def names(folder: Path) -> list[str]:
    return [found.name for found in files_below(folder)]


def touch(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path)


def test_files_are_sorted_by_folder_and_name_whatever_order_they_were_made_in(tmp_path: Path) -> None:
    touch(tmp_path, "b/1", "a/9", "a/10", "z", "a-b/1")
    assert names(tmp_path) == ["a/10", "a/9", "a-b/1", "b/1", "z"]


def test_hidden_and_left_behind_files_are_passed_over(tmp_path: Path) -> None:
    touch(tmp_path, ".DS_Store", "Thumbs.db", "desktop.ini", "__MACOSX/._a.png", ".hidden/a.png", "a.png", "b/.x.png")
    assert names(tmp_path) == ["a.png"]


def test_special_files_are_passed_over(tmp_path: Path) -> None:
    touch(tmp_path, "a.png")
    os.mkfifo(tmp_path / "pipe.png")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket.png"))
        assert names(tmp_path) == ["a.png"]


def test_link_loops_end_and_each_file_counts_once(tmp_path: Path) -> None:
    touch(tmp_path, "z/real.png", "z/other.png")
    (tmp_path / "a").symlink_to("z")  # sorts before the real one, and yet does not take its name
    (tmp_path / "z" / "up").symlink_to("..")
    (tmp_path / "z" / "self.png").symlink_to("self.png")
    (tmp_path / "z" / "gone.png").symlink_to("nowhere.png")
    (tmp_path / "hard.png").hardlink_to(tmp_path / "z" / "real.png")
    assert names(tmp_path) == ["hard.png", "z/other.png"]


def test_links_that_lead_outside_are_followed(tmp_path: Path) -> None:
    touch(tmp_path, "outside/deep/a.png", "inside/b.png")
    (tmp_path / "inside" / "linked").symlink_to(tmp_path / "outside")
    (tmp_path / "inside" / "again").symlink_to(tmp_path / "outside" / "deep")
    assert names(tmp_path / "inside") == ["again/a.png", "b.png"]


def test_a_missing_folder_names_the_nearest_one_that_is_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder") as caught:
        existing_folder(str(tmp_path / "no" / "such"))
    assert str(tmp_path) in str(caught.value)
    (tmp_path / "a.zip").touch()
    with pytest.raises(DataError, match="this is a file"):
        existing_folder(str(tmp_path / "a.zip"))
