"""Fingerprints: what stays when lines move, and what is told apart."""

from __future__ import annotations

import ast
import sys
from textwrap import dedent
from types import FrameType

import pytest

from flake8_dbsession.checking.suppression.fingerprints import Fingerprint, Fingerprints, essence


def fingerprint(source: str, mark: str = "make()") -> Fingerprint:
    """Give the fingerprint of the place at which ``mark`` begins."""
    text = dedent(source)
    lines = text.splitlines(keepends=True)
    (line,) = (number for number, line in enumerate(lines) if mark in line)
    return Fingerprints(ast.parse(text), lines).at(line + 1, lines[line].index(mark))


ONE = """
    class Users:
        def save(self, name):
            db = make()
"""


class TestDefinitions:
    @pytest.mark.parametrize(
        ("source", "definition"),
        [
            ("db = make()", ""),
            (ONE, "Users.save"),
            ("def outer():\n    async def inner():\n        return make()", "outer.inner"),
            ("class A:\n    class B:\n        db = make()", "A.B"),
            ("def f(db=make()):\n    pass", ""),
            ("class A:\n    @make()\n    def f(): pass", "A"),
            ("def f():\n    if x:\n        try: make()\n        except E: pass", "f"),
            ("def f():\n    match x:\n        case 1:\n            make()", "f"),
            ("def f():\n    try: pass\n    except E:\n        make()", "f"),
            ("def f(): pass\nmake()", ""),
        ],
    )
    def test_qualified_name(self, source: str, definition: str) -> None:
        assert fingerprint(source).definition == definition


class TestStatements:
    @pytest.mark.parametrize(
        ("source", "statement"),
        [
            ("db = make()", "db = make()"),
            ("with make() as db:\n    use(db)", "with make() as db:"),
            ("def f(db=make()):\n    return db", "def f(db=make()):"),
            ("try:\n    pass\nexcept make():\n    pass", "except make():"),
            ("if x:\n    pass\nelif make():\n    pass\nelse:\n    pass", "if make():"),
            ("first(); make(); last()", "make()"),
            ('"""Doc.\n\n    >>>   make()\n"""', ">>> make()"),
        ],
    )
    def test_without_the_blocks_inside(self, source: str, statement: str) -> None:
        assert fingerprint(source).statement == statement

    def test_a_long_one_is_cut_and_still_told_apart(self) -> None:
        arguments = ", ".join(f"argument_{number}" for number in range(50))
        one = fingerprint(f"use({arguments}, first, make())")
        other = fingerprint(f"use({arguments}, second, make())")
        assert one != other
        assert len(one.statement) < 250

    def test_one_that_is_nested_too_deep_is_known_by_its_line(self) -> None:
        source = f"x = {'-' * 1500}make()"
        text = fingerprint(source).statement
        assert text.startswith("x = ---")
        assert text == fingerprint(f"def f(): pass\n\n\n{source}").statement


@pytest.mark.parametrize(
    "moved",
    [
        f'"""Now with a docstring."""\n\nimport os\n{dedent(ONE)}',
        "class Users:\n  def save(self, name):\n    db = (\n      make()\n    )",
        "class Users:\n    def save(self, name):\n        log(name)\n        db = make()  # new",
        "class Users:\n    @logged\n    def save(self, name, more=None):\n        db = make()",
    ],
    ids=["down", "reformatted", "under a new line", "under a changed header"],
)
def test_moves(moved: str) -> None:
    assert fingerprint(moved) == fingerprint(ONE)


def test_other_quotes_commas_and_parentheses() -> None:
    one = fingerprint("db = make({'a': 1, 'b': (2)}, key='x')", "make")
    assert one == fingerprint('db = make(\n    {"a": 1, "b": 2},\n    key="x",\n)', "make")


@pytest.mark.parametrize(
    ("of_one", "of_another"),
    [
        ("on(lambda : make())", "on(lambda: make())"),
        ("for (a, b) in make():", "for a, b in make():"),
        ("use(f\"{a['b']}\")", "use(f'{a['b']}')"),
    ],
)
def test_essence_is_the_same_under_every_python(of_one: str, of_another: str) -> None:
    assert essence(of_one) == essence(of_another)


def test_the_work_for_a_place_does_not_grow_with_the_file() -> None:
    def calls(statements: int) -> int:
        text = "x = make()\n" * statements
        fingerprints, counted = Fingerprints(ast.parse(text), text.splitlines(keepends=True)), 0

        def count(_frame: FrameType, _event: str, _argument: object) -> None:
            nonlocal counted
            counted += 1

        fingerprints.at(1, 4)
        sys.setprofile(count)
        for line in range(1, 101):
            fingerprints.at(line, 4)
        sys.setprofile(None)
        return counted

    assert calls(4000) < 1.1 * calls(400)
