"""Files are read only where they are files, and not where they are too large."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flake8_dbsession.reading import read_file


def test_a_file_and_a_link_to_one(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"text")
    (tmp_path / "link").symlink_to("a")
    assert read_file(tmp_path / "link") == b"text"
    with pytest.raises(OSError):  # noqa: PT011  # the system's own words
        read_file(tmp_path / "link", links=False)


def test_nothing_is_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    for name in ("pipe", "zero"):
        with pytest.raises(OSError, match="is not a regular file"):
            read_file(tmp_path / name)
    with pytest.raises(IsADirectoryError):
        read_file(tmp_path)


def test_the_size_is_bounded(tmp_path: Path) -> None:
    with open(tmp_path / "large", "wb") as file:
        file.truncate(2**40)
    with pytest.raises(OSError, match="is larger than 1000 bytes"):
        read_file(tmp_path / "large", most=1000)
