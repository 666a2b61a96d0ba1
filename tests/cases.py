"""Cases: source in which each line that must be reported carries its codes as a comment.

    db = SessionLocal()  # DBS101 DBS302

The codes are the first words of the comment; what follows them explains.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from textwrap import dedent

from flake8_dbsession.linter import Linter, Settings

_EXPECTED = re.compile(r"#\s*((?:DBS\d{3}\b[ ,]*)+)")

CHOSEN = {"dbsession.toml": 'preset = "standard"\n'}
"""A policy that chooses a standard, so that a provider is asked for wherever there is one."""

HOUSE = CHOSEN | {
    "core/database.py": """\
        from contextlib import contextmanager

        from sqlalchemy import create_engine
        from sqlalchemy.orm import sessionmaker

        SessionLocal = sessionmaker(create_engine("postgresql://localhost/app"))


        @contextmanager
        def get_db_session():
            with SessionLocal() as db:
                yield db
        """
}
"""A policy, and a module with a factory and a provider, in which nothing is found."""


def expected_codes(text: str) -> list[tuple[int, str]]:
    """Read the codes that the comments of a source expect, as (line, code) pairs."""
    return sorted(
        (number, code)
        for number, line in enumerate(text.splitlines(), 1)
        for comment in _EXPECTED.findall(line)
        for code in re.findall(r"DBS\d{3}", comment)
    )


def write_project(folder: Path, files: dict[str, str]) -> None:
    """Write the files of a small project, with a mark that its folder is a repository's root."""
    (folder / ".git").mkdir(exist_ok=True, parents=True)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")


def lint(folder: Path, name: str, **settings: object) -> list[tuple[int, int, str, str]]:
    """Check one file of a project and give (line, column, code, message) of each violation."""
    text = (folder / name).read_text(encoding="utf-8")
    linter = Linter(Settings(**settings))  # type: ignore[arg-type]
    found = linter.check(str(folder / name), text, ast.parse(text))
    return [(v.line, v.column, v.code, v.message) for v in found]


def assert_cases(
    folder: Path, files: dict[str, str], codes: set[str] | None = None, **settings: object
) -> None:
    """Check every Python file of a project against the comments in it.

    Args:
        folder: an empty folder.
        files: the project's files by path.
        codes: the codes that the case is about; None for all.
        settings: of the linter.
    """
    write_project(folder, files)
    for name, text in files.items():
        if name.endswith(".py"):
            found = sorted(
                (line, code)
                for line, _, code, _ in lint(folder, name, **settings)
                if codes is None or code in codes
            )
            expected = [e for e in expected_codes(dedent(text)) if codes is None or e[1] in codes]
            assert found == expected, name
