"""What stands beside the code does not make a file interesting; what stands in it does."""

from __future__ import annotations

import ast
from textwrap import dedent

import pytest

from flake8_dbsession.analysis.source.code_words import code_holds_words


def holds(code: str, *words: str) -> bool:
    return code_holds_words(ast.parse(dedent(code)), words)


@pytest.mark.parametrize(
    "code",
    [
        "x = 1  # closes the session\n",
        '"""Reads the database of names."""\n',
        'def f():\n    """Return the session."""\n    return 1\n',
        'class A:\n    """A db."""\n\n    x: int = 1\n',
        "# db = SessionLocal()\nimport os\n",
    ],
)
def test_comments_and_docstrings_are_no_code(code: str) -> None:
    assert not holds(code)


@pytest.mark.parametrize(
    "code",
    [
        "import sqlalchemy\n",
        "from core import database\n",
        "from core.db import *\n",
        "from core import x as Session\n",
        "def f(db): ...\n",
        "def f(x: 'Session'): ...\n",
        "f(session=1)\n",
        "a.commit()\n",
        "a. execute('x')\n",
        "def f():\n    global conn\n",
        "x = 'sqlite://'\n",
        "x = b'mysql://'\n",
        "x = f'{a}sql{b}'\n",
        "match a:\n    case {'x': db}: ...\n",
        "try: ...\nexcept E as database: ...\n",
        "make_factory()\n",
        "x = engine.begin()\n",
        '"""Example::\n\n    SessionLocal()\n"""\n',
        'def f():\n    """\n    >>> SessionLocal()\n    """\n',
    ],
)
def test_names_strings_and_shown_code_are(code: str) -> None:
    assert holds(code)


def test_a_house_has_words_of_its_own() -> None:
    assert holds("with unit_of_work(): ...\n", "unit_of_work")
    assert not holds("x = 1  # unit_of_work\n", "unit_of_work")
    assert holds("x = 1\n", "")
