"""The core behind every door: which policy and which rules a file meets, and at what cost."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition
from flake8_dbsession.linter import Linter, Settings, Standard
from flake8_dbsession.policy import loading
from flake8_dbsession.policy.errors import PolicyError
from flake8_dbsession.policy.loading import load
from flake8_dbsession.rules.acquisition.raw_factory import RawSessionFactory
from flake8_dbsession.rules.base import Violation
from tests.cases import lint, write_project

BY_HAND = """\
from core.database import SessionLocal


def equip(worker):
    worker.db = SessionLocal()
    worker.other = SessionLocal()
"""
CODES = '[[layers]]\nname = "old"\npaths = ["old/**"]\nallow = ["DBS101"]'


def codes(folder: Path, name: str = "app.py", **settings: object) -> list[str]:
    return [code for _, _, code, _ in lint(folder, name, **settings)]


class TestPolicies:
    def test_each_file_meets_the_nearest(self, tmp_path: Path) -> None:
        files = {
            "dbsession.toml": CODES,
            "old/app.py": BY_HAND,
            "new/app.py": BY_HAND,
            "new/dbsession.toml": 'owners = ["app.py"]',
            "app.py": BY_HAND,
        }
        write_project(tmp_path, files)
        linter = Linter(Settings())
        found = {
            name: len(linter.check(str(tmp_path / name), BY_HAND, ast.parse(BY_HAND)))
            for name in files
            if name.endswith(".py")
        }
        assert found == {"old/app.py": 0, "new/app.py": 0, "app.py": 2}

    def test_the_names_of_one_are_not_those_of_another(self, tmp_path: Path) -> None:
        text = "import core\n\n\ndef f(user):\n    db = core.make_session()\n    db.commit()\n"
        files = {
            "core.py": "def make_session():\n    return object()\n",
            "plain/app.py": text,
            "house/app.py": text,
            "house/dbsession.toml": 'factories = ["core.make_session"]',
        }
        write_project(tmp_path, files)
        for order in (("plain", "house"), ("house", "plain")):
            linter = Linter(Settings())
            found = {
                name: len(linter.check(str(tmp_path / name / "app.py"), text, ast.parse(text)))
                for name in order
            }
            assert found == {"plain": 0, "house": 1}

    def test_is_read_once(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write_project(tmp_path, {"dbsession.toml": "", "a.py": BY_HAND, "b.py": BY_HAND})
        sources = []

        def counted(source: Path | None, **options: object) -> object:
            sources.append(source)
            return load(source, **options)  # type: ignore[arg-type]

        monkeypatch.setattr(loading, "load", counted)
        linter = Linter(Settings())
        for name in ("a.py", "b.py", "a.py"):
            linter.check(str(tmp_path / name), BY_HAND, ast.parse(BY_HAND))
        assert sources.count(tmp_path / "dbsession.toml") == 1

    @pytest.mark.parametrize(
        "settings",
        [
            Settings(policy="/no/such/dbsession.toml"),
            Settings(preset="none"),
            Settings(factories=("1",)),
            Settings(owners=("",)),
        ],
    )
    def test_settings_that_cannot_be_used(self, settings: Settings) -> None:
        with pytest.raises(PolicyError):
            Linter(settings)


class TestRules:
    def test_what_a_rule_found_before_it_failed_is_kept(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        check = RawSessionFactory.check

        def fail_at_second(
            rule: RawSessionFactory, fact: Acquisition, context: object
        ) -> Iterator[Violation]:
            assert fact.node.lineno == 5
            return check(rule, fact, context)  # type: ignore[arg-type]

        monkeypatch.setattr(RawSessionFactory, "check", fail_at_second)
        write_project(tmp_path, {"app.py": BY_HAND})
        found = [(line, column, code) for line, column, code, _ in lint(tmp_path, "app.py")]
        assert found == [(1, 0, "DBS002"), (5, 16, "DBS101")]

    def test_a_prefix_selects_no_off_rule(self, tmp_path: Path) -> None:
        source = "async def save():\n    with get_db_session() as db:\n        db.commit()\n"
        write_project(tmp_path, {"app.py": source})
        assert codes(tmp_path, selected=frozenset({"DBS", "DBS4", "DBS40"})) == []
        assert codes(tmp_path, selected=frozenset({"DBS408"})) == ["DBS408"]


def test_columns_are_counted_in_characters(tmp_path: Path) -> None:
    source = 'x = "ü🎉", SessionLocal("ü🎉"), "ü"\n'
    (violation,) = (
        each
        for each in Linter(Settings()).check(str(tmp_path / "app.py"), source, ast.parse(source))
        if each.code == "DBS101"
    )
    assert source[violation.column : violation.end_column] == 'SessionLocal("ü🎉")'


class TestCost:
    """What a run does not need is not imported."""

    HEAVY = ("flake8_dbsession.rules", "flake8_dbsession.analysis.names.inference")

    @pytest.mark.parametrize(
        ("code", "imported"),
        [
            ("import flake8_dbsession.plugin", ()),
            ("import flake8_dbsession.linter", ()),
            ("check('print(1)', '')", ()),
            ("check('print(1)', 'docstrings = false')", ()),
            ("check('print(1)', CODES)", ()),
            ("check('print(1)', 'enable = [\"DBS408\"]')", HEAVY),
        ],
        ids=[
            "the plugin",
            "the linter",
            "a file of no interest",
            "a policy",
            "a policy that names codes of its preset",
            "a policy that names other codes",
        ],
    )
    def test_imports(self, tmp_path: Path, code: str, imported: tuple[str, ...]) -> None:
        program = f"""\
import ast, pathlib, sys
CODES = {CODES!r}
def check(source, policy):
    from flake8_dbsession.linter import Linter, Settings, Standard
    pathlib.Path("dbsession.toml").write_text(policy)
    Linter(Settings()).check("app.py", source, ast.parse(source))
{code}
print(*(name for name in {self.HEAVY!r} if name in sys.modules))
"""
        (tmp_path / ".git").mkdir()
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True
        )
        assert done.stderr == ""
        assert done.stdout.split() == list(imported)


def test_the_default_preset_makes_no_further_file_interesting() -> None:
    assert Standard(load(None), Settings(), frozenset()).gates == ()


class TestCycles:
    @pytest.mark.parametrize("order", ["pq", "qp"])
    def test_it_makes_no_difference_where_in_one_is_asked_first(
        self, tmp_path: Path, order: str
    ) -> None:
        text = (
            "from {} import db_maker\n\n\ndef f(user):\n    db = db_maker()\n    db.expunge(user)\n"
        )
        write_project(
            tmp_path,
            {
                "p.py": "from q import *\nfrom real import *\n",
                "q.py": "from p import *\n",
                "real.py": "from sqlalchemy.orm import sessionmaker\ndb_maker = sessionmaker()\n",
            },
        )
        linter = Linter(Settings())
        for name in order:
            user = text.format(name)
            found = linter.check(str(tmp_path / f"use_{name}.py"), user, ast.parse(user))
            assert [violation.code for violation in found] == ["DBS101"]
