"""Fixes generated programs, and runs what was fixed safely before and after."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flake8_dbsession.fixes.repair import Left, Repair
from flake8_dbsession.rewriting.proof import UnprovedError
from tests.fixes.grammar import HELPERS
from tests.fixes.house import ASYNC_DATABASE, HOUSE
from tests.fixes.repairs import repaired
from tests.fixes.stage import InjectedError, InjectedValueError, Stage, same_commits

HOUSES = {
    "commits": ASYNC_DATABASE,
    "reads": re.sub(r".* db\.commit\(\)\n", "", ASYNC_DATABASE),
    "keeps": ASYNC_DATABASE.replace("engine)\n", "engine, expire_on_commit=False)\n"),
    "bare": re.sub(r" *@\w*contextmanager(.|\n)*?close\(\)\n", "", ASYNC_DATABASE),
}
_NAMES = ("a", "")


@dataclass(frozen=True)
class Comparison:
    """What became of a program.

    Attributes:
        fixed: the codes that were fixed safely.
        left: what was left, where only safe fixes were made.
        runs: how many times the program ran before and after.
        difference: how the fixed program differs, with its text; empty where it does not.
    """

    fixed: tuple[str, ...] = ()
    left: tuple[Left, ...] = ()
    runs: int = 0
    difference: str = ""


class Village:
    """A house in which programs are fixed and run, each as ``work.py``.

    Args:
        folder: an empty folder.
        database: the source of the house's ``core.database``.
        server: the address of a PostgreSQL server; empty for SQLite.
    """

    def __init__(self, folder: Path, database: str, server: str = "") -> None:
        self._folder = folder / "code"
        self._files = {**HOUSE, **HELPERS, "core/database.py": database}
        self._stage = Stage(folder, database, server)

    def __enter__(self) -> Village:
        return self

    def __exit__(self, *error: object) -> None:
        self._stage.__exit__(*error)

    def compare(self, source: str) -> Comparison:
        """Fix a program and, where something was fixed, run it before and after.

        Args:
            source: the program.
        """
        try:
            safe = self._repaired(source)
            self._prove_all_fixes(source, safe)
        except (UnprovedError, AssertionError) as error:
            return Comparison(difference=f"{type(error).__name__}: {error}\n{source}")
        codes = tuple(fixed.code for fixed in safe.fixed)
        if not codes:
            return Comparison(left=safe.left)
        runs = list(self._differences(source, safe))
        difference = next(filter(None, runs), "")
        return Comparison(codes, safe.left, len(runs), difference)

    def _repaired(self, source: str, *, unsafe: bool = False) -> Repair:
        files = {**self._files, "work.py": source}
        return repaired(self._folder, files, "work.py", unsafe=unsafe)

    def _prove_all_fixes(self, source: str, safe: Repair) -> None:
        """Make sure that with unsafe fixes too, what comes out compiles and is left alone."""
        has_unsafe = any(left.is_unsafe for left in safe.left)
        text = self._repaired(source, unsafe=True).text if has_unsafe else safe.text
        ast.parse(text.content)
        again = self._repaired(text.content, unsafe=True)
        assert not again.fixed, f"a second run changes {again.fixed}"

    def _differences(self, before: str, safe: Repair) -> Iterator[str]:
        """Run with and without an error at each call, and tell what differs, run by run.

        Leaks count only where all is fixed: what is left may have them.
        """
        after = safe.text.content
        commits = same_commits(before, after)
        for name in _NAMES:
            failing, calls = 0, 0
            while failing <= calls:
                error = (InjectedError, InjectedValueError)[failing % 2]
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    old = self._stage.run(before, name, failing, error, commits=commits)
                    new = self._stage.run(after, name, failing, error, commits=commits)
                calls = old.calls
                if new != old or (new.leaks and not safe.left):
                    yield (
                        f"work({name!r}), error at call {failing}: "
                        f"before: {old}\nafter:  {new}\n{after}"
                    )
                yield ""
                failing += 1
