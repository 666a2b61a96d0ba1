"""Whether a test may run some code while a patch of it holds, or only before and after that."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence, Set

from flake8_dbsession.analysis.names.functions import is_fixture
from flake8_dbsession.analysis.names.scopes import last_segment
from flake8_dbsession.analysis.nodes import dotted_name, nodes_in, own_nodes
from flake8_dbsession.fixes.doubts.changes import end_of
from flake8_dbsession.fixes.doubts.reach import Runners, called_at_once, ends_at_once
from flake8_dbsession.fixes.doubts.told import Mentions
from flake8_dbsession.fixes.doubts.values import DEFINED, Function
from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.patterns import regex

_WITH = (ast.With, ast.AsyncWith)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_OF_A_BLOCK = frozenset({"patch", "object", "multiple", "dict"})
_TEARS_DOWN = regex(r"tear_?down|async_?TearDown|pytest_", re.IGNORECASE)
_CALLED = (*DEFINED, ast.ClassDef)
_SETS_UP = "getfixturevalue"  # sets a fixture up wherever it is called


class Held(NamedTuple):
    """Where a test may run code while a patch of it holds.

    Attributes:
        test: the test.
        first: the first line.
        last: the last one.
        is_block: whether the patch is undone there, before any fixture is torn down.
    """

    test: Function
    first: int
    last: int
    is_block: bool


def held_in(test: Function, line: int) -> Held | None:
    """Tell where a test may run code while its patch on a line holds; None where none can tell."""
    own, end = own_nodes(test), test.end_lineno or 0
    if not test.name.startswith("test") or not all(map(_runs_once, test.decorator_list)):
        return None
    if line < test.lineno:
        return Held(test, test.lineno, end, is_block=True)
    if any(isinstance(n, DEFINED) and _is_in(line, n) for n in nodes_in(test) if n is not test):
        return None
    for block in own:
        if isinstance(block, _WITH) and any(_opens(item, line) for item in block.items):
            return Held(test, block.lineno, block.end_lineno or 0, is_block=True)
    if any(isinstance(loop, _LOOPS) and _is_in(line, loop) for loop in own):
        return None
    return Held(test, line, end, is_block=False)


def has_ended(
    names: Set[str], later: Set[str], held: Held, words: Mapping[ast.AST, Set[str]]
) -> bool:
    """Tell whether nothing that a test runs by some names can run while its patch holds.

    Args:
        names: the names, one of which stands wherever that is run.
        later: those of which it may still run when the call by that name has ended.
        held: where the patch holds.
        words: the test, and the functions and other parts of files that it may use, each with the
            words in it.
    """
    known, helpers = set(names), [p for p in words if isinstance(p, DEFINED) and p is not held.test]
    helpers = [helper for helper in helpers if not is_fixture(helper)]
    while more := {h.name for h in helpers if not known.isdisjoint(words[h])} - known:
        known |= more
    if any(_SETS_UP in each for each in words.values()):
        return False
    naming = [part for part in words if not known.isdisjoint(words[part])]
    return all(known.isdisjoint(_left(part, known - later, held)) for part in naming)


class Running(NamedTuple):
    """Some code that a test may run, and the parts of files by which it may.

    Attributes:
        runners: what stands wherever that is run.
        parts: the test, and the functions and other parts of files that it may use.
        always: those of them that run for tests that do not name them.
        left_out: nodes that only name what is replaced.
    """

    runners: Runners
    parts: Sequence[ast.AST]
    always: Sequence[ast.AST]
    left_out: Set[ast.AST]

    def by_helpers(self, test: Function) -> Runners | None:
        """Add the helpers of a test that run it; None where it may be run beside the test."""
        names, others = self.runners.names, [part for part in self.parts if part is not test]
        while names is not None:
            known = Runners(names, self.runners.choices)
            running = [part for part in others if self.may_run(nodes_in(part), known)]
            if any(
                not isinstance(p, _CALLED) or p in self.always or is_fixture(p) for p in running
            ):
                return None
            more = names.union(part.name for part in running)  # type: ignore[attr-defined]
            if more == names:
                return known
            names = more
        return None

    def may_run(self, nodes: Sequence[ast.AST], runners: Runners) -> bool:
        """Tell whether some of the test's code may run it."""
        mine = [node for node in nodes if node not in self.left_out]
        if not (runners.names or frozenset()).isdisjoint(set().union(*map(words_of, mine))):
            return True
        mentions = Mentions(mine)
        return any(mentions.choosing(choice) for choice in runners.choices)


def holds_throughout(line: int, test: Function, running: Running) -> bool:
    """Tell whether a patch of a test on a line holds wherever the test may run some code."""
    held, runners = _held_from(line, test), running.by_helpers(test)
    if held is None or runners is None:
        return False
    start, last = held
    placed = [node for node in nodes_in(test) if hasattr(node, "lineno")]
    outside = [n for n in placed if (n.lineno, n.col_offset) < start or n.lineno > last]  # type: ignore[attr-defined]
    return not running.may_run(outside, runners)


def _held_from(line: int, test: Function) -> tuple[tuple[int, int], int] | None:
    """Give where a patch begins to hold, and the last line; None where that is not plain."""
    body, last = test.body, test.end_lineno or 0
    while True:
        around = next(statement for statement in body if _is_in(line, statement))
        match around:
            case ast.With() | ast.AsyncWith():
                last = around.end_lineno or 0
                opened = next((i.context_expr for i in around.items if _opens(i, line)), None)
                if opened is not None:
                    return end_of(opened), last
                if line < around.body[0].lineno:
                    return None
                body = around.body
            case ast.Expr(value=ast.Call(func=function) as call):
                return (end_of(call), last) if last_segment(function) == "setattr" else None
            case _:
                return None


def words_in(part: ast.AST) -> frozenset[str]:
    """Give the words of some code: its names, and those in its texts."""
    return frozenset().union(*map(words_of, nodes_in(part)))


def _left(part: ast.AST, at_once: Set[str], held: Held) -> set[str]:
    """Give the words of some code, but for the names that it calls when the patch does not hold."""
    calls = _outside(part, held) if isinstance(part, DEFINED) else []
    left_out: set[ast.AST] = {c.func for c in calls if last_segment(c.func) in at_once}
    nodes = nodes_in(part)
    for node in nodes:
        match node:
            case ast.Expr(value=ast.Constant() as text):
                left_out.add(text)
            case ast.alias(asname=None) if part is not held.test or node.lineno < held.first:
                left_out.add(node)
    return set().union(*(words_of(node) for node in nodes if node not in left_out))


def _outside(part: Function, held: Held) -> list[ast.Call]:
    """Give the calls of a function that have ended, or are not made yet, while a patch holds."""
    calls = called_at_once(part)
    if part is held.test:
        before = [call for call in calls if (call.end_lineno or 0) < held.first]
        return before + [call for call in calls if held.is_block and call.lineno > held.last]
    if is_fixture(part) and not held.is_block:
        yields = [node for node in own_nodes(part) if isinstance(node, ast.Yield)]
        given = {inner for each in yields for inner in nodes_in(each)}
        end = min((each.lineno for each in yields), default=0)
        return [c for c in calls if c in given or not yields or (c.end_lineno or 0) < end]
    is_known = is_fixture(part) or (ends_at_once(part) and not _TEARS_DOWN.match(part.name))
    return calls if is_known else []


def words_of(node: ast.AST) -> frozenset[str]:
    """Give the words of a node itself: a name that is read, bound or imported, or a text's."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.keyword(arg=str(name)):
            return frozenset({name})
        case ast.alias(name=name):
            return frozenset({name.rpartition(".")[2]})
        case ast.Constant(value=str(text)):
            return frozenset(re.findall(r"\w+", text))
    return frozenset()


def _opens(item: ast.withitem, line: int) -> bool:
    """Tell whether a block enters the patch on a line, or what a helper makes of a dictionary."""
    call = item.context_expr
    if not isinstance(call, ast.Call) or not call.lineno <= line <= (call.end_lineno or 0):
        return False
    is_patch = last_segment(call.func) in _OF_A_BLOCK
    return is_patch or any(isinstance(argument, ast.Dict) for argument in call.args)


def _runs_once(decorator: ast.expr) -> bool:
    function = decorator.func if isinstance(decorator, ast.Call) else decorator
    name = dotted_name(function)
    return name.startswith("pytest.mark.") or "patch" in name.split(".")


def _is_in(line: int, node: ast.stmt) -> bool:
    return node.lineno <= line <= (node.end_lineno or 0)
