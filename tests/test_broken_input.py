"""Input that is broken, hostile or absurd: lint goes on, and what is said is one clear line."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from flake8_dbsession.analysis.library.frameworks import TEARDOWN
from flake8_dbsession.analysis.names.project import Project
from tests.cases import HOUSE, lint, write_project
from tests.flake8_runs import run_flake8

FACTORY = """\
from sqlalchemy.orm import sessionmaker

make = sessionmaker()
"""
# DBS101 on its line 4 where ``make`` can be followed to a factory, else nothing.
USE = """\
from core.database import make
from db import SessionLocal

print(make(), 1)
"""
# DBS102 on its line 4.
CANARY = """\
from core.names import SessionLocal, get_db_session


with SessionLocal() as db:
    db.expunge(1)
"""


def reported(folder: Path, name: str = "app.py") -> list[tuple[int, str]]:
    """Give line and code of what is found of opened sessions in one file."""
    found = [(line, code) for line, _, code, _ in lint(folder, name)]
    return [each for each in found if each[1] in ("DBS001", "DBS002", "DBS101", "DBS102")]


def is_followed(folder: Path) -> bool:
    """Tell whether ``app.py`` is understood by way of ``core/database.py``."""
    write_project(folder, {"app.py": USE})
    found = reported(folder)
    assert found in ([], [(4, "DBS101")])
    return bool(found)


class TestLintedFiles:
    """flake8 says its own line about the file; the files after it are linted."""

    @pytest.fixture(autouse=True)
    def _house(self, tmp_path: Path) -> None:
        write_project(tmp_path, {"core/names.py": HOUSE["core/database.py"]})

    @pytest.mark.parametrize(
        ("data", "codes"),
        [
            (b"def broken(:\n", ["E999"]),
            (b"", []),
            (b"\xef\xbb\xbf", []),
            (b"\n\n\f\n", []),
            (b"# coding: no-such-codec\nx = 1\n", []),
            (b'x = "\xff"  # session\n', []),
        ],
        ids=["syntax", "empty", "only a mark", "blank", "unknown coding", "undecodable"],
    )
    def test_lint_goes_on(self, tmp_path: Path, data: bytes, codes: list[str]) -> None:
        write_project(tmp_path, {"b.py": CANARY})
        (tmp_path / "a.py").write_bytes(data)
        run = run_flake8("--select=DBS,E9", "--jobs=1", ".", folder=tmp_path)
        assert run.errors == ""
        assert [line.split()[1] for line in run.lines] == [*codes, "DBS102"]
        assert run.lines[-1].startswith("./b.py:4:6: ")

    def test_what_is_undecodable_is_linted_as_far_as_flake8_reads_it(self, tmp_path: Path) -> None:
        (tmp_path / "a.py").write_bytes(b'"\xfc\xff"\n' + CANARY.encode())
        (line,) = run_flake8("--select=DBS,E9", "a.py", folder=tmp_path).lines
        assert line.startswith("a.py:5:6: DBS102")

    @pytest.mark.skipif(
        sys.version_info < (3, 11, 4), reason="flake8 itself breaks on NUL with an older Python"
    )
    def test_nul(self, tmp_path: Path) -> None:
        write_project(tmp_path, {"a.py": "x = 1\0\n", "b.py": CANARY})
        run = run_flake8("--select=DBS,E9", "--jobs=1", ".", folder=tmp_path)
        assert run.errors == ""
        first, second = run.lines
        assert "E999" in first
        assert "null bytes" in first
        assert second.startswith("./b.py:4:6: DBS102")

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        write_project(tmp_path, {"b.py": CANARY})
        run = run_flake8("--select=DBS,E9", "none.py", "b.py", folder=tmp_path)
        assert [line.split()[1] for line in run.lines] == ["DBS102", "E902"]


# Nearly as deep as flake8 survives by itself with Python 3.10 to 3.13, found by bisection: its
# check of names recurses, most of all for calls of methods, and the parser counts brackets.
DEEP = 315
DEEP_CALLS = 190
DEEP_BRACKETS = 195
DEEP_BLOCKS = 95
DEEP_SHAPES = {
    "operators": "x = SessionLocal()" + " + db" * DEEP,
    "comparisons": "x = SessionLocal()" + " < db" * DEEP,
    "attributes": "x = SessionLocal()" + ".db" * DEEP,
    "method calls": "x = SessionLocal()" + ".filter(db)" * DEEP_CALLS,
    "calls of calls": "x = SessionLocal" + "()" * DEEP,
    "items": "x = SessionLocal()" + "[db]" * DEEP,
    "signs": "x = " + "-" * DEEP + "SessionLocal()",
    "lambdas": "session = " + "lambda db: " * DEEP + "SessionLocal().commit()",
    "conditions": "x = " + "db if db else " * DEEP + "SessionLocal()",
    "unions": "def f(db: " + "int | " * DEEP + "Session): SessionLocal()",
    "brackets": "x = " + "[" * DEEP_BRACKETS + "SessionLocal()" + "]" * DEEP_BRACKETS,
    "comprehensions": "[" * DEEP_CALLS + "SessionLocal()" + " for db in get_db()]" * DEEP_CALLS,
    "arguments": "session_of(" * DEEP_CALLS + "SessionLocal()" + ")" * DEEP_CALLS,
    "elif": "if db: pass\n" + "elif db: pass\n" * DEEP + "else: db = SessionLocal()",
}
BLOCKS = {
    "functions": "def get_db():",
    "classes": "class DbSession:",
    "branches": "if db:",
    "loops": "for db in SessionLocal():",
    "with blocks": "with SessionLocal() as db:",
}
for shape, opener in BLOCKS.items():
    levels = [" " * level + opener for level in range(DEEP_BLOCKS)]
    DEEP_SHAPES[shape] = "\n".join([*levels, " " * DEEP_BLOCKS + "db = SessionLocal()"])


def test_nesting_as_deep_as_flake8_survives(tmp_path: Path) -> None:
    write_project(tmp_path, {f"{shape}.py": f"{text}\n" for shape, text in DEEP_SHAPES.items()})
    run = run_flake8("--select=DBS,E9", "--format=%(path)s %(code)s", ".", folder=tmp_path)
    assert run.errors == ""
    found = {tuple(line.removeprefix("./").split(".py ")) for line in run.lines}
    assert {shape for shape, _ in found} == set(DEEP_SHAPES)
    assert not {code for _, code in found} & {"DBS002", "E902", "E999"}


class TestPolicies:
    def test_a_folder_is_no_policy(self, tmp_path: Path) -> None:
        write_project(tmp_path, {"app.py": CANARY, "dbsession.toml/app.py": ""})
        ((_, _, code, message),) = lint(tmp_path, "app.py")
        assert code == "DBS001"
        assert message.endswith("dbsession.toml: is a folder, not a file")

    def test_a_link_in_a_circle_is_no_policy(self, tmp_path: Path) -> None:
        write_project(tmp_path, {"app.py": CANARY})
        (tmp_path / "dbsession.toml").symlink_to("dbsession.toml")
        ((_, _, code, message),) = lint(tmp_path, "app.py")
        assert code == "DBS001"
        assert "dbsession.toml: " in message

    def test_a_policy_out_of_the_repository_is_not_read(self, tmp_path: Path) -> None:
        outside, inside = tmp_path / "outside", tmp_path / "inside"
        outside.mkdir()
        inside.mkdir()
        (outside / "house.toml").write_text('preset = "sqlalchemy"')
        write_project(inside, {"app.py": CANARY})
        (inside / "dbsession.toml").symlink_to(outside / "house.toml")
        ((_, _, code, message),) = lint(inside, "app.py")
        assert code == "DBS001"
        assert message.endswith("is a link that leads out of the repository")


class TestFollowedModules:
    @pytest.fixture
    def module(self, tmp_path: Path) -> Path:
        write_project(tmp_path, {"core/__init__.py": ""})
        return tmp_path / "core" / "database.py"

    def test_a_sound_one_is_followed(self, tmp_path: Path, module: Path) -> None:
        module.write_text(FACTORY)
        assert is_followed(tmp_path)

    @pytest.mark.parametrize(
        "data",
        [
            b"make = = 1\n",
            FACTORY.encode() + b'x = "\xff"\n',
            b"# coding: no-such-codec\n" + FACTORY.encode(),
            b"make = " + b"(" * 10_000 + b")" * 10_000,
            b"make = " + b"-" * 10_000 + b"1",
            b"make = 1" + b".a" * 10_000,
            b"make = " + b"lambda: " * 10_000 + b"1",
            b"\0" + FACTORY.encode(),
            b"",
        ],
        ids=[
            "does not parse",
            "not UTF-8",
            "an unknown coding",
            "deep brackets",
            "deep signs",
            "deep attributes",
            "deep lambdas",
            "NUL",
            "empty",
        ],
    )
    def test_an_unusable_one_is_not(self, tmp_path: Path, module: Path, data: bytes) -> None:
        module.write_bytes(data)
        assert not is_followed(tmp_path)

    def test_functions_10_000_levels_deep(self, tmp_path: Path, module: Path) -> None:
        levels = "".join(" " * level + "def make():\n" for level in range(10_000))
        module.write_text(FACTORY.replace("make", "made") + levels + " " * 10_000 + "pass\n")
        assert not is_followed(tmp_path)

    def test_a_broken_end_costs_only_itself(self, tmp_path: Path, module: Path) -> None:
        module.write_text(FACTORY + "\ndef broken(:\n")
        assert is_followed(tmp_path)

    def test_a_folder(self, tmp_path: Path, module: Path) -> None:
        module.mkdir()
        assert not is_followed(tmp_path)

    def test_ten_megabytes(self, tmp_path: Path, module: Path) -> None:
        module.write_text(FACTORY + "row = [1, 2, 3]\n" * 650_000)
        assert not is_followed(tmp_path)

    def test_a_pipe_is_not_waited_for(self, tmp_path: Path, module: Path) -> None:
        os.mkfifo(module)
        assert not is_followed(tmp_path)

    def test_modules_that_import_each_other(self, tmp_path: Path, module: Path) -> None:
        module.write_text("from core.other import make\n")
        (tmp_path / "core/other.py").write_text("from core.database import *\n")
        assert not is_followed(tmp_path)

    def test_a_cycle_does_not_hide_a_factory(self, tmp_path: Path, module: Path) -> None:
        module.write_text("from core.other import *\n" + FACTORY)
        (tmp_path / "core/other.py").write_text("from core.database import *\n")
        assert is_followed(tmp_path)

    def test_a_module_that_imports_itself(self, tmp_path: Path, module: Path) -> None:
        module.write_text("from core.database import *\nfrom core.database import make\n")
        assert not is_followed(tmp_path)


class TestLinks:
    def test_inside_the_repository_are_followed(self, tmp_path: Path) -> None:
        write_project(tmp_path, {"core/__init__.py": "", "core/real.py": FACTORY})
        (tmp_path / "core/database.py").symlink_to("real.py")
        assert is_followed(tmp_path)

    @pytest.mark.parametrize("absolute", [False, True])
    def test_out_of_the_repository_are_not(self, tmp_path: Path, absolute: bool) -> None:
        inside = tmp_path / "inside"
        inside.mkdir()
        (tmp_path / "outside").mkdir()
        (tmp_path / "outside" / "database.py").write_text(FACTORY)
        write_project(inside, {})
        target = tmp_path / "outside" if absolute else Path("..", "outside")
        (inside / "core").symlink_to(target)
        assert not is_followed(inside)

    def test_in_a_circle(self, tmp_path: Path) -> None:
        write_project(tmp_path, {"core/__init__.py": ""})
        (tmp_path / "core/database.py").symlink_to("database.py")
        (tmp_path / "core/core").symlink_to(".")
        assert not is_followed(tmp_path)

    def test_a_repository_reached_by_a_link(self, tmp_path: Path) -> None:
        real = tmp_path / "real"
        real.mkdir()
        write_project(real, {"core/database.py": FACTORY})
        (tmp_path / "link").symlink_to("real")
        assert is_followed(tmp_path / "link")


def test_a_chain_of_imports_without_end(tmp_path: Path) -> None:
    chain = {f"core/m{n}.py": f"from core.m{n + 1} import make\n" for n in range(500)}
    write_project(tmp_path, {**chain, "core/database.py": "from core.m0 import make\n"})
    assert not is_followed(tmp_path)


def test_a_search_for_teardowns_waits_for_no_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    assert not Project(tmp_path).may_hold(tmp_path / "app.py", TEARDOWN)
