"""In small houses of every shape what is advised can be written, and no two voices disagree."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from flake8_dbsession.checking.files.discovery import discover
from flake8_dbsession.command import main
from flake8_dbsession.linter import Linter, PreparedFile, Settings
from flake8_dbsession.migration.counting import migration_of
from tests.cases import forget_policies, write_project
from tests.house.houses import HOUSES

ADVISED = re.compile(r"`((?:async )?with [^`]+:|\w+ = [^`]+)`")


@pytest.fixture(params=sorted(HOUSES))
def house(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one of the houses, which is the working directory."""
    write_project(tmp_path, HOUSES[request.param])
    monkeypatch.chdir(tmp_path)
    forget_policies()
    return tmp_path


def found(folder: Path) -> Iterator[tuple[PreparedFile, int, int, str, str]]:
    linter = Linter(Settings())
    for file in discover([str(folder)], []):
        text = Path(file).read_text(encoding="utf-8")
        prepared = linter.prepare(file, text, ast.parse(text))
        if isinstance(prepared, PreparedFile):
            for violation, _ in prepared.violations():
                at = violation.line, violation.column
                yield prepared, *at, violation.code, violation.message


def blocks(message: str) -> list[str]:
    """The code that a message advises."""
    return ADVISED.findall(message.partition("; ")[2])


def test_no_two_findings_of_one_line_advise_different_ways(house: Path) -> None:
    advised: dict[tuple[Path, int, int], dict[str, list[str]]] = defaultdict(dict)
    for prepared, line, column, code, message in found(house):
        if blocks(message):
            advised[prepared.context.file.path, line, column][code] = blocks(message)[:1]
    for at, by_code in advised.items():
        assert len({tuple(each) for each in by_code.values()}) == 1, (at, by_code)


def test_what_is_advised_parses_and_is_known_there(house: Path) -> None:
    for prepared, line, _, code, message in found(house):
        for written in blocks(message):
            whole = f"async def f():\n {written} pass" if written.endswith(":") else written
            tree = ast.parse(whole)
            statement = tree.body[0]
            called = next(
                node for node in ast.walk(statement) if isinstance(node, (ast.Call, ast.Name))
            )
            callee = called.func if isinstance(called, ast.Call) else called
            root = ast.unparse(callee).partition(".")[0].partition("(")[0]
            scope = prepared.context.file.module.scope
            texts = [Path(file).read_text(encoding="utf-8") for file in discover([str(house)], [])]
            is_here = bool(scope.lookup(root)) or root in (
                "closing",
                "contextmanager",
                "self",
                "Depends",
            )
            is_there = any(
                re.search(rf"^(async )?def {root}\b|\b{root}\b =|\({root}\b|{root} =", text, re.M)
                for text in texts
            )
            assert is_here or is_there, (code, line, message)


def run(*arguments: str) -> str:
    return CliRunner().invoke(main, arguments).output


def test_the_standard_mentions_what_check_reports(house: Path) -> None:
    forget_policies()
    codes = {code for *_, code, _ in found(house)}
    listed = re.findall(r"^\| (DBS\d{3}) \|", run("standard"), re.MULTILINE)
    assert codes <= set(listed)


def test_the_standard_says_what_to_write(house: Path) -> None:
    """In names that exist; where there is no way yet, that one is to be written."""
    text, page = run("standard"), run("standard", "--short")
    assert ("## What to write" in text) != ("explain providers" in text)
    assert ("| `" in page) != ("explain providers" in page)


def test_the_report_agrees_with_what_check_says(house: Path) -> None:
    files = discover([str(house)], [])
    migration = migration_of(files, Settings())
    reported = {
        (str(prepared.context.file.path), line)
        for prepared, line, _, code, _ in found(house)
        if not prepared.context.is_test
    }
    for state in migration.files:
        for place in state.by_hand:
            assert (state.path, place.line) in reported
    assert sum(count for _, count in migration.causes) == migration.total.by_hand


def test_a_pools_provider_is_advised_wherever_it_would_do(tmp_path: Path) -> None:
    """Declared or found: for what is taken from the same pool, and for nothing else."""
    for name in ("a pool and a provider", "a pool and a declared provider"):
        write_project(tmp_path, HOUSES[name])
        forget_policies()
        messages = {line: message for _, line, _, code, message in found(tmp_path)}
        for line in (7, 12, 20):
            assert "`with connection() as conn:`" in messages[line]
    write_project(tmp_path, HOUSES["a pool and a provider"])
    (tmp_path / "dbsession.toml").unlink()
    forget_policies()
    by_hand = [message for _, line, _, _, message in found(tmp_path) if line in (24, 29)]
    assert len(by_hand) == 2
    assert not any("connection()" in message for message in by_hand)
