"""Code that runs for certain texts only is run by who may tell them, and by nobody else."""

from __future__ import annotations

import ast
from textwrap import dedent

import pytest

from flake8_dbsession.fixes.doubts.reach import Functions, Runners, runners
from flake8_dbsession.fixes.doubts.told import Choice, Mentions

MODULE = """
    class Service:
        def run(self, tool, given=None):
            {}
                opened()  # here

    def list_all(service):
        return service.run("list", {{}})

    def search(service):
        return service.run("search", {{}})

    def any_of(service, tool):
        return service.run(tool)
"""
CHOSEN = [
    'if tool == "list":',
    'if tool in ("list", "count"):',
    'if given and tool == "list":',
    'if tool == "list" or tool == "count":',
    'if tool == "add":\n                pass\n            elif tool == "list":',
    "match tool:\n              case 'list' | 'count':",
]
ANY = [
    'if tool != "list":',
    'if tool == "list" or given:',
    'if tool in "list":',
    "if tool in (LIST, 'list'):",
    'tool = clean(tool)\n            if tool == "list":',
    'if tool == "list":\n                pass\n            else:',
    "match tool:\n              case _:",
    'if self == "list":',
]


def _runners(head: str) -> Runners:
    text = dedent(MODULE.format(head))
    line = next(i for i, each in enumerate(text.split("\n"), 1) if "# here" in each)
    return runners(line, Functions(ast.parse(text)), ())


@pytest.mark.parametrize("head", CHOSEN)
def test_who_tells_another_text_runs_it_not(head: str) -> None:
    found = _runners(head)
    assert found.names == {"list_all", "any_of"}
    (choice,) = found.choices
    assert choice[:3] == ("run", 0, "tool")
    assert found.all == {"list_all", "any_of", "run"}


@pytest.mark.parametrize("head", ANY)
def test_anybody_runs_what_is_run_for_any_text(head: str) -> None:
    assert _runners(head) == Runners(frozenset({"run", "list_all", "search", "any_of"}))


LIST = Choice("run", 0, "tool", frozenset({"list"}))


@pytest.mark.parametrize(
    "call",
    [
        'run("list")',
        'it.run(tool="list")',
        "run(tool)",
        "run(*given)",
        "run(**given)",
        "run()",
        'Service.run(it, "list")',
        "partial(run, 'search')",
        'getattr(it, "run")("search")',
        "from it import run as go",
    ],
)
def test_what_may_tell_it(call: str) -> None:
    assert Mentions([*ast.walk(ast.parse(call))]).choosing(LIST) == [1]


@pytest.mark.parametrize(
    "call",
    ['run("search", tool)', 'it.run(tool="search")', "run({'list': 1})", "from it import run"],
)
def test_what_tells_something_else(call: str) -> None:
    assert not Mentions([*ast.walk(ast.parse(call))]).choosing(LIST)


def test_a_function_that_calls_itself_is_told_what_each_branch_tells() -> None:
    text = """
        def run(tool):
            if tool == "list":
                opened()  # here
            elif tool == "all":
                run("list")
            elif tool == "none":
                run("nothing")
    """
    (choice,) = runners(4, Functions(ast.parse(dedent(text))), ()).choices
    assert choice.texts == {"list", "all"}
