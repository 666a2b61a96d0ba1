"""The processes in which files are looked at."""

from __future__ import annotations

import os
from collections.abc import Callable

from flake8_dbsession.checking.running.workers import spread

FILES = ["a.py", "b.py", "c.py", "d.py", "e.py"]


def _looker() -> Callable[[list[str]], tuple[list[str], int]]:
    return lambda files: (files, os.getpid())


def test_files_are_given_to_processes_in_their_order_so_many_at_a_time() -> None:
    found = list(spread(_looker, FILES, 2, at_once=2))
    assert [files for files, _ in found] == [["a.py", "b.py"], ["c.py", "d.py"], ["e.py"]]
    assert os.getpid() not in {process for _, process in found}


def test_no_process_is_begun_for_the_files_of_one_time() -> None:
    assert list(spread(_looker, FILES, 2, at_once=5)) == [(FILES, os.getpid())]
