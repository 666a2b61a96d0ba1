"""Strings and URLs, as far as they are literal."""

from __future__ import annotations

import ast
from pathlib import Path
from textwrap import dedent

import pytest

from flake8_dbsession.analysis.effects import inference_over
from flake8_dbsession.analysis.facts.engine.urls import DatabaseUrl, url_of
from flake8_dbsession.analysis.names.inference import Inference, Vocabulary
from flake8_dbsession.analysis.names.modules import Module
from flake8_dbsession.analysis.names.project import Project
from flake8_dbsession.analysis.names.texts import HOLE, text_of
from tests.cases import write_project


def last_value(folder: Path, source: str) -> tuple[ast.expr, Module, Inference]:
    """The expression that a source ends with, and what it is read by."""
    write_project(folder, {"main.py": source})
    text = dedent(source)
    tree = ast.parse(text)
    module = Module(folder / "main.py", text, tree)
    statement = tree.body[-1]
    assert isinstance(statement, ast.Expr)
    return statement.value, module, inference_over(Project(folder), Vocabulary())


def read(folder: Path, source: str) -> str | None:
    value, module, inference = last_value(folder, source)
    return text_of(value, module.scope, inference)


def url(folder: Path, source: str) -> DatabaseUrl | None:
    value, module, inference = last_value(folder, source)
    return url_of(value, module.scope, inference)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("'a' 'b'", "ab"),
        ("'a' + b + 'c'", f"a{HOLE}c"),
        ("f'a{b}c{\"d\"}'", f"a{HOLE}cd"),
        ("'a%s, %(b)d' % c", f"a{HOLE}, {HOLE}"),
        ("'a{}{b:>3}'.format(c, b=d)", f"a{HOLE}{HOLE}"),
        ("a = 'b'\nstr(a)", "b"),
        ("a: str = 'b'\na", "b"),
        ("a = 'b'\na = 'c'\na", None),
        ("for a in 'b': pass\na", None),
        ("a + b", None),
        ("a()", None),
    ],
)
def test_text(tmp_path: Path, source: str, text: str | None) -> None:
    assert read(tmp_path, source) == text


def test_text_of_another_modules_constant(tmp_path: Path) -> None:
    write_project(tmp_path, {"names.py": "A = 'a'\n", "more.py": "from names import A as B\n"})
    assert read(tmp_path, "import names\nfrom more import B\nnames.A + B") == "aa"


def test_text_of_many_parts(tmp_path: Path) -> None:
    assert read(tmp_path, "+".join(["'a'"] * 900)) == "a" * 900


def test_a_string_made_of_itself_ends(tmp_path: Path) -> None:
    text = read(tmp_path, "a = f'{a}{a}b'\na")
    assert text is not None
    assert set(text) == {HOLE, "b"}


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("'postgresql://u:p@db/shop'", "postgresql"),
        ("'postgres://db'", "postgresql"),
        ("'mariadb+pymysql://db/shop'", "mysql"),
        ("'mssql+pyodbc:///?odbc_connect=x'", "server"),
        ("'sqlite://'", "sqlite-memory"),
        ("'sqlite:///'", "sqlite-memory"),
        ("'sqlite:///:memory:'", "sqlite-memory"),
        ("'sqlite:///file::memory:?uri=true'", "sqlite-memory"),
        ("'sqlite:///a.db?mode=memory'", "sqlite-memory"),
        ("'sqlite:////var/a.db'", "sqlite-file"),
        ("f'sqlite:///{path}'", "sqlite-file"),
        ("f'sqlite://{rest}'", None),
        ("from sqlalchemy import URL\nURL.create('sqlite', database=None)", "sqlite-memory"),
        ("from sqlalchemy import URL\nURL.create('sqlite', '', '', '', 0, path)", "sqlite-file"),
        ("import sqlalchemy\nsqlalchemy.engine.URL.create('mysql+pymysql')", "mysql"),
    ],
)
def test_kind_of_url(tmp_path: Path, source: str, kind: str | None) -> None:
    found = url(tmp_path, source)
    assert found is not None
    assert found.kind == kind


@pytest.mark.parametrize(
    "source",
    [
        "f'{scheme}://db'",
        "'shop.db'",
        "os.environ.get('URL', 'sqlite://')",
        "from sqlalchemy import URL\nURL.create(name)",
        "from sqlalchemy import URL\nURL.create('sqlite', **parts)",
        "from yarl import URL\nURL.create('sqlite')",
    ],
)
def test_no_literal_url(tmp_path: Path, source: str) -> None:
    assert url(tmp_path, source) is None


def test_query_of_url(tmp_path: Path) -> None:
    found = url(tmp_path, "f'mysql+pymysql://db/shop?charset=utf8&{option}=1&x={y}'")
    assert found is not None
    assert found.driver == "pymysql"
    assert found.option("charset") == "utf8"
    assert found.query == (("charset", "utf8"), ("x", HOLE))
