"""What holds for any Python that parses, whatever it does with sessions."""

from __future__ import annotations

import ast
import re
import sysconfig
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import flake8_dbsession
from flake8_dbsession.linter import Linter, Settings
from flake8_dbsession.rules.base import Violation
from flake8_dbsession.rules.registry import rules
from tests.cases import write_project
from tests.flake8_runs import flake8_here

DATABASE = """\
from contextlib import contextmanager

from sqlalchemy import create_engine
from sqlalchemy.orm import Session, sessionmaker

engine = create_engine("sqlite://")
SessionLocal = sessionmaker(engine)


@contextmanager
def get_db_session():
    with SessionLocal() as session:
        yield session
        session.commit()


def get_db():
    session = SessionLocal()
    try:
        yield session
    finally:
        session.close()


class Manager:
    def get_session(self) -> Session:
        return SessionLocal()
"""
POLICY = """\
[retired]
"core.old" = "core.database"

[legacy]
"*manager.get_session" = "get_db_session"
"""
IMPORTS = (
    "import core.database as database",
    "import sqlite3, psycopg2",
    "from core import database",
    "from core.database import *",
    "from core.database import SessionLocal, get_db, get_db_session",
    "from core.old import make_session",
    "from fastapi import APIRouter, Depends, FastAPI",
    "from flask import current_app, g",
    "from nowhere import SessionLocal as make_session",
    "from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker",
    "from sqlalchemy.orm import Session, scoped_session, sessionmaker",
    "from .sibling import *",
    "from ... import database",
)
NAMES = ("db", "session", "conn", "self", "é", "make_session", "g", "items", "𝔡𝔟")
OPENERS = (
    "SessionLocal",
    "Session",
    "AsyncSession",
    "sessionmaker",
    "get_db",
    "get_db_session",
    "make_session",
    "database.SessionLocal",
    "database.Manager().get_session",
    "self.Session",
    "manager.get_session",
    "sqlite3.connect",
    "scoped_session",
    "Depends",
    "next",
    "closing",
)
METHODS = ("close", "commit", "rollback", "query", "add", "execute", "begin", "scalars", "remove")
DECORATORS = (
    "@contextmanager",
    "@asynccontextmanager",
    "@router.get('/')",
    "@app.teardown_appcontext",
    "@pytest.fixture",
    "@lru_cache",
    "@property",
    "@staticmethod",
    "@safe_db_operation",
)
ANNOTATIONS = (
    "Session",
    "'Session'",
    "'sessionmaker[Session]'",
    "Session | None",
    "Annotated[Session, Depends(get_db)]",
    "'Annotated[\"Session\", Depends(get_db)]'",
    "Iterator[Session]",
    "'not : python'",
    "Callable[[], Session]",
)

names = st.sampled_from(NAMES)
openers = st.sampled_from(OPENERS)
methods = st.sampled_from(METHODS)
annotations = st.sampled_from(ANNOTATIONS)
texts = st.sampled_from(("'x'", "'ü'", "'🎉'", "f'{db!r:>{width}}'", "b'x'", "1", "None"))


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("{}({})".format, openers, inner),
        st.builds("{}.{}({})".format, inner, methods, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("({} if {} else {})".format, inner, names, inner),
        st.builds("({} := {})".format, names.filter(lambda name: name != "self"), inner),
        st.builds("(lambda {}={}: {})".format, names, inner, inner),
        st.builds("[{} for {} in {}]".format, inner, names, inner),
        st.builds("dict({}={})".format, names, inner),
        st.builds("cast(Session, {})".format, inner),
        st.builds("({}, {})".format, inner, inner),
        st.builds("{}[{}]".format, inner, inner),
        st.builds("Annotated[{}, {}]".format, inner, inner),
    )


expressions = st.recursive(
    st.one_of(names, texts, openers, openers.map("{}()".format)), _larger, max_leaves=5
)
targets = st.one_of(
    names,
    names.map("self.{}".format),
    names.map("{}.state.db".format),
    st.builds("{}, {}".format, names, names),
    names.map("{}['db']".format),
)
# What sessions go through in real code, so that a good part of the programs opens and closes some.
ordinary_statements = st.one_of(
    st.builds("{} = {}()".format, st.sampled_from(("db", "session", "self.db")), openers),
    st.sampled_from(("db", "session", "self.db")).map("{}.close()".format),
    st.builds("{}.{}()".format, st.sampled_from(("db", "session")), methods),
    st.sampled_from(("return db", "yield db", "await db.commit()", "run(db)", "return")),
)
odd_statements = st.one_of(
    st.sampled_from(IMPORTS),
    expressions,
    st.builds("{} = {}".format, targets, expressions),
    st.builds("{}: {} = {}".format, names, annotations, expressions),
    st.sampled_from(("raise", "pass", "continue", "break")),
    expressions.map("return {}".format),
    expressions.map("yield {}".format),
    expressions.map("await {}".format),
    expressions.map("raise {}".format),
    names.map("global {}".format),
    names.map("del {}".format),
    st.builds("assert {}, {}".format, expressions, expressions),
)
simple_statements = st.one_of(ordinary_statements, odd_statements)
docstrings = st.builds(
    '"""{}\n\n>>> {}\n\nOr::\n\n    {}\n\n```python\n{}\n```\n"""'.format,
    texts,
    simple_statements,
    simple_statements,
    simple_statements,
)
parameters = st.builds(
    "self, {}: {} = {}, *, other={}".format,
    st.sampled_from(("db", "session", "é")),
    annotations,
    expressions,
    expressions,
)
asynchronous = st.sampled_from(("", "", "async "))
Block = list[str]


def indented(block: Block) -> Block:
    return [f"    {line}" for line in block]


def block_of(*parts: str | Block) -> Block:
    """Put headers and the blocks below them together."""
    lines: Block = []
    for part in parts:
        lines += [part] if isinstance(part, str) else indented(part)
    return lines


def _compound(inner: st.SearchStrategy[Block]) -> st.SearchStrategy[Block]:
    headers = st.one_of(
        expressions.map("if {}:".format),
        expressions.map("while {}:".format),
        st.builds("{}for {} in {}:".format, asynchronous, names, expressions),
        st.builds("{}with {}() as {}:".format, asynchronous, openers, names),
        st.builds("{}with {}, {} as é:".format, asynchronous, expressions, expressions),
    )
    return st.one_of(
        st.builds(block_of, headers, inner),
        st.builds(lambda a, b: block_of("try:", a, "finally:", b), inner, inner),
        st.builds(
            lambda a, b, c: block_of("try:", a, "except SQLAlchemyError as é:", b, "else:", c),
            inner,
            inner,
            inner,
        ),
        st.builds(
            lambda subject, name, a, b: block_of(
                f"match {subject}:",
                block_of(f"case Session(bind={name}) if db:", a, "case [*items]:", b),
            ),
            expressions,
            names,
            inner,
            inner,
        ),
    )


def _blocks(statement: st.SearchStrategy[Block]) -> st.SearchStrategy[Block]:
    return st.lists(statement, min_size=1, max_size=4).map(_joined)


def _joined(parts: list[Block]) -> Block:
    return [line for part in parts for line in part]


def _definitions(inner: st.SearchStrategy[Block]) -> st.SearchStrategy[Block]:
    functions = st.builds(
        lambda decorators, kind, name, given, result, doc, body: block_of(
            *decorators,
            f"{kind}def {name}({given}) -> {result}:",
            [*doc.split("\n"), *body],
        ),
        st.lists(st.sampled_from(DECORATORS), max_size=2),
        asynchronous,
        st.one_of(names, methods),
        parameters,
        annotations,
        st.one_of(docstrings, st.just("'No examples.'")),
        inner,
    )
    classes = st.builds(
        lambda name, base, body, methods: block_of(f"class {name}({base}):", [*body, *methods]),
        names,
        expressions,
        inner,
        _blocks(functions),
    )
    return st.one_of(functions, functions, classes)


lines = simple_statements.map(lambda line: [line])
blocks = st.recursive(
    _blocks(lines), lambda inner: _blocks(st.one_of(lines, _compound(inner))), max_leaves=6
)
nested = st.one_of(blocks, blocks, _definitions(blocks))
programs = st.builds(
    lambda imports, body: "\n".join([*imports, *body]) + "\n",
    st.lists(st.sampled_from(IMPORTS), min_size=2, max_size=5, unique=True),
    _blocks(st.one_of(nested, _definitions(nested))),
)


def parsed(text: str) -> ast.Module | None:
    """Parse a text; the grammar above also makes what no parser takes, such as ``await`` names."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(text)
        except (SyntaxError, ValueError):
            return None


@st.composite
def python(draw: st.DrawFn) -> str:
    """Make a program that parses."""
    text = draw(programs)
    assume(parsed(text) is not None)
    return text


ALL = frozenset(rules())
fewer = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project around the generated file."""
    folder = tmp_path_factory.mktemp("project")
    files = {"core/__init__.py": "", "core/database.py": DATABASE, "dbsession.toml": POLICY}
    write_project(folder, {**files, "setup.cfg": "[flake8]\n"})
    return folder


def check(folder: Path, text: str) -> list[Violation]:
    """Lint a text as ``app.py``, with every rule on."""
    tree = parsed(text)
    assert tree is not None
    return Linter(Settings(selected=ALL)).check(str(folder / "app.py"), text, tree)


def starts_of(text: str) -> set[tuple[int, int]]:
    """Give line and column, in characters, at which the nodes of a text begin."""
    lines = text.split("\n")
    tree = parsed(text)
    assert tree is not None
    return {
        (node.lineno, len(lines[node.lineno - 1].encode()[: node.col_offset].decode()))
        for node in ast.walk(tree)
        if hasattr(node, "lineno")
    }


def assert_in_place(violation: Violation, text: str) -> None:
    lines = text.split("\n")
    start = (violation.line, violation.column)
    end = (violation.end_line, violation.end_column)
    assert violation.code != "DBS002", violation.message
    assert "\n" not in violation.message
    assert (1, 0) <= start < end
    assert end[0] <= len(lines)
    assert start[1] < len(lines[start[0] - 1])
    assert end[1] <= len(lines[end[0] - 1])


def assert_sound(folder: Path, text: str) -> int:
    """Nothing crashes, violations point at code, and a second run finds the same; give how many."""
    violations = check(folder, text)
    starts = starts_of(text) if violations else set()
    for violation in violations:
        assert_in_place(violation, text)
        if violation.code != "DBS110":
            assert (violation.line, violation.column) in starts
    assert violations == check(folder, text)
    assert violations == sorted(violations, key=lambda v: (v.line, v.column, v.code))
    return len(violations)


def silenced(text: str, reported: set[int]) -> str:
    """Put ``# noqa`` on the reported lines, or where such a line is continued, on the next."""
    lines = text.split("\n")
    for number in reported:
        end = next(n for n in range(number - 1, len(lines)) if not lines[n].endswith("\\"))
        lines[end] = re.sub(r"  # noqa:.*", "", lines[end]) + "  # noqa"
    return "\n".join(lines)


def assert_silenceable(folder: Path, text: str) -> None:
    def report() -> list[str]:
        arguments = ("--select=DBS", f"--extend-select={','.join(sorted(ALL))}")
        return flake8_here(*arguments, str(folder / "app.py"), output=folder / "flake8.txt")

    (folder / "app.py").write_text(text, encoding="utf-8")
    reported = {int(re.findall(r"app\.py:(\d+):", line)[0]) for line in report()}
    if reported:
        (folder / "app.py").write_text(silenced(text, reported), encoding="utf-8")
        assert report() == []


@given(python())
@settings(fewer, max_examples=100)
def test_generated_programs(folder: Path, text: str) -> None:
    assert_sound(folder, text)


@given(python())
@settings(fewer, max_examples=25)
def test_noqa_silences_generated_programs(folder: Path, text: str) -> None:
    assert_silenceable(folder, text)


# What real programs assign, enter and call, with sessions in its place: their control flow, and
# sessions in the midst of it.
STAND_INS = (
    (re.compile(r"(?<== )[a-z][\w.]*\("), "SessionLocal("),
    (re.compile(r"(?<=with )[\w.]+\("), "SessionLocal("),
    (re.compile(r"\b(?:list|next|super|str)\("), "get_db("),
    (re.compile(r"\.(?:read|append|assertEqual)\("), ".execute("),
)


def _real_programs() -> Iterator[str]:
    """Give real programs with sessions put into them: this project's own, and of Python's own."""
    own = Path(flake8_dbsession.__file__).parent
    stdlib = Path(sysconfig.get_paths()["stdlib"])
    from_stdlib = sorted(
        file
        for file in (*stdlib.glob("*.py"), *stdlib.glob("asyncio/*.py"), *stdlib.glob("test/*.py"))
        if file.stat().st_size < 40_000
    )
    for file in (*sorted(own.rglob("*.py"))[::4], *from_stdlib[:: max(1, len(from_stdlib) // 60)]):
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for pattern, stand_in in STAND_INS:
            text = pattern.sub(stand_in, text)
        text += "\nfrom core.database import SessionLocal, get_db, get_db_session\n"
        if parsed(text) is not None:
            yield text


def test_real_programs(folder: Path) -> None:
    found = 0
    for text in _real_programs():
        found += assert_sound(folder, text)
    assert found > 500


def test_noqa_silences_real_programs(folder: Path) -> None:
    for text in list(_real_programs())[::6]:
        assert_silenceable(folder, text)
