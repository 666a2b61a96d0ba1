"""What can run after a ``with`` block while a name keeps its value."""

from __future__ import annotations

import ast
from pathlib import Path
from textwrap import indent

import pytest

from flake8_dbsession.analysis.facts.scope.sequel import after_block, reads
from flake8_dbsession.analysis.names.modules import Module
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.source.mentions import Mentions

BLOCK = "with make() as db:\n    db.work()\n"


def after(source: str, end: str = "last(db)") -> list[str]:
    """The code that can run after the first ``with`` block, in the order it is found.

    The last line reads the name, so that the search has a reason to go on to the end.
    """
    tree = ast.parse("def function():\n" + indent(f"{source}\n{end}", "    "))
    text = ast.unparse(tree)
    module = Module(Path("/app.py"), text, tree)
    visited = Tree(module.scope, Mentions(text, ["make", "def", "other"]))
    block = next(node for node, _ in visited.find(ast.With))
    found = [ast.unparse(node) for node in after_block(block, "db", visited)]
    return [code for code in found if code != end]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (f"before()\n{BLOCK}one()\ntwo()", ["one()", "two()"]),
        (f"{BLOCK}one()\ndb = two()\nthree()", ["one()", "db = two()"]),
        (f"{BLOCK}return one()\ntwo()", ["return one()"]),
        (f"{BLOCK}if test():\n    one()\nelse:\n    two()\nthree()",
         ["test()", "one()", "two()", "three()"]),
        (f"{BLOCK}if test():\n    return\nelse:\n    raise one()\ntwo()",
         ["test()", "return", "raise one()"]),
        (f"{BLOCK}for item in items():\n    one(item)\ntwo()", ["items()", "one(item)", "two()"]),
        (f"{BLOCK}for db in items():\n    one()\ntwo()", ["items()"]),
        (f"{BLOCK}with other() as x:\n    one()\ntwo()", ["other()", "one()", "two()"]),
        (f"{BLOCK}with other() as db:\n    one()\ntwo()", ["other()"]),
        (f"{BLOCK}def inner():\n    one()\ntwo()", ["two()"]),
        (f"{BLOCK}match value:\n    case 1:\n        one()\ntwo()", ["value", "one()", "two()"]),
        (f"{BLOCK}try:\n    one()\nexcept E:\n    two()\nfinally:\n    three()\nfour()",
         ["one()", "two()", "three()", "four()"]),
        (f"{BLOCK}try:\n    db = one()\nexcept E:\n    two()\nthree()", ["db = one()"]),
    ],
)  # fmt: skip
def test_statements_after_a_block(source: str, expected: list[str]) -> None:
    assert after(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("if test():\n{}    one()\nelse:\n    two()\nthree()", ["one()", "three()"]),
        ("for item in items():\n    one()\n{}    two()\nthree()", ["two()", "one()", "three()"]),
        ("for db in items():\n    one()\n{}    two()\nthree()", ["two()", "three()"]),
        ("while test():\n    one()\n{}two()", ["test()", "one()", "two()"]),
        ("try:\n{}    one()\nexcept E:\n    two()\nelse:\n    three()\nfinally:\n    four()",
         ["one()", "three()", "two()", "four()"]),
        ("try:\n    one()\nexcept E:\n{}    two()\nfinally:\n    three()",
         ["two()", "three()"]),
    ],
)  # fmt: skip
def test_statements_around_a_block(source: str, expected: list[str]) -> None:
    assert after(source.format(indent(BLOCK, "    "))) == expected


def test_a_block_that_leaves_is_followed_only_by_handlers() -> None:
    leaving = indent("with make() as db:\n    return 1\n", "    ")
    source = f"try:\n{leaving}    one()\nexcept E:\n    two()\nthree()"
    assert after(source) == ["two()", "three()"]


def test_the_search_ends_where_the_name_is_read_for_the_last_time() -> None:
    assert after(f"{BLOCK}one(db)\ntwo()", end="") == ["one(db)"]
    assert after(f"{BLOCK}one()", end="") == []


def test_a_loop_goes_back_to_a_reading_before_the_block() -> None:
    source = f"for item in items():\n    one(db)\n{indent(BLOCK, '    ')}    two()\nthree()"
    assert after(source, end="") == ["two()", "one(db)"]


def test_reads_leave_out_what_runs_elsewhere_or_means_another_name() -> None:
    tree = ast.parse("f(db, lambda: db, x=db)\n[db for db in a]\n[b for b in db]\ndb = 1")
    found = [(name.lineno, type(around).__name__) for name, around in reads(tree, "db")]
    assert sorted(found) == [(1, "Call"), (1, "Call"), (3, "comprehension")]
