"""In small houses of every shape what is advised can be written, and no two voices disagree."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from flake8_dbsession.checking.files.discovery import discover
from flake8_dbsession.command.group import main
from flake8_dbsession.linter import Linter, PreparedFile, Settings
from flake8_dbsession.migration.counting import migration_of
from flake8_dbsession.policy.loading import forget_policies
from tests.cases import write_project
from tests.house.houses import HOUSES
from tests.house.test_examples import advised, assert_usable
from tests.migration.test_counting import BY_HAND

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


def test_what_a_message_shows_can_be_written(house: Path) -> None:
    """The code parses, and each name that it begins with is bound somewhere in the project."""
    texts = [Path(file).read_text(encoding="utf-8") for file in discover([str(house)], [])]
    for _, line, _, code, message in found(house):
        for written in blocks(message):
            whole = f"async def f():\n {written} pass" if written.endswith(":") else written
            calls = [node for node in ast.walk(ast.parse(whole)) if isinstance(node, ast.Call)]
            roots = {ast.unparse(call.func).partition(".")[0].partition("(")[0] for call in calls}
            for root in roots - {"closing", "contextmanager", "self", "Depends"}:
                bound = re.compile(rf"(def|import|as|,) \(?{root}\b|^\s*{root} =", re.MULTILINE)
                assert any(map(bound.search, texts)), (code, line, message)


def test_each_advice_can_be_used(house: Path) -> None:
    for prepared, acquisition, advice in advised(house):
        assert_usable(house, prepared, acquisition, advice)


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
    migration = migration_of(discover([str(house)], []), Settings())
    working = [each for each in found(house) if not each[0].context.is_test]
    codes = Counter(code for *_, code, _ in working)
    assert dict(migration.codes) == codes
    reported = {
        (str(p.context.file.path), line) for p, line, _, code, _ in working if code in BY_HAND
    }
    assert {
        (state.path, place.line) for state in migration.files for place in state.by_hand
    } == reported
    assert sum(count for _, count in migration.causes) == migration.total.by_hand


def test_a_pools_provider_is_advised_wherever_it_would_do(tmp_path: Path) -> None:
    """Declared or found: for what is taken from the same pool or opens the same database."""
    for name in ("a pool and a provider", "a pool and a declared provider"):
        write_project(tmp_path, HOUSES[name])
        forget_policies()
        messages = {line: message for _, line, _, code, message in found(tmp_path)}
        for line in (7, 12, 20):
            assert "`with connection() as conn:`" in messages[line]
    write_project(tmp_path, HOUSES["a pool and a provider"])
    (tmp_path / "dbsession.toml").unlink()
    forget_policies()
    for database, is_same in (("DSN", True), ('"dbname=other"', False)):
        text = HOUSES["a pool and a provider"]["app/billing.py"]
        write_project(
            tmp_path, {"app/billing.py": text.replace("connect(DSN)", f"connect({database})")}
        )
        by_hand = [message for _, line, _, _, message in found(tmp_path) if line in (24, 29)]
        assert len(by_hand) == 2
        assert all(("with connection() as" in message) == is_same for message in by_hand)
