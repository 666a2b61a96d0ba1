"""Classes of a test's file that stand for sessions, and how a test can tell how one was ended."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence

from flake8_dbsession.analysis.nodes import own_nodes
from flake8_dbsession.named_tuples import NamedTuple

_DEFINED = (ast.FunctionDef, ast.AsyncFunctionDef)
_ENDS = frozenset({"close", "commit", "rollback"})


class Fake(NamedTuple):
    """What a class does that can be ended as sessions are.

    Attributes:
        ended: the attributes that tell of its commits and rollbacks.
        closed: the attributes that tell that it was closed.
        may_fail: whether a commit or rollback may be an error.
    """

    ended: frozenset[str] = frozenset()
    closed: frozenset[str] = frozenset()
    may_fail: bool = False


class _Noted(NamedTuple):
    attributes: frozenset[str]
    may_fail: bool


def fake_of(cls: ast.ClassDef) -> Fake | None:
    """Tell what a class does when it is ended as a session.

    Args:
        cls: the class.

    Returns:
        None where it cannot be ended so, or does more by that than note it. One without a commit
        can be where all else that it does is an error.
    """
    methods = {f.name: f for f in cls.body if isinstance(f, _DEFINED)}
    ends = {name: _noted(methods[name]) for name in _ENDS & methods.keys()}
    others = [f for name, f in methods.items() if name not in _ENDS and not name.startswith("_")]
    missing = _ENDS - ends.keys()
    if missing and not (missing == {"commit"} and others and all(map(only_raises, others))):
        return None
    known = {name: noted for name, noted in ends.items() if noted is not None}
    if len(known) < len(ends) or known["close"].may_fail:
        return None
    told = [known[name] for name in ("commit", "rollback") if name in known]
    return Fake(
        frozenset().union(*(noted.attributes for noted in told)),
        known["close"].attributes,
        any(noted.may_fail for noted in told),
    )


def are_counted(attributes: Iterable[str], text: str) -> bool:
    """Tell whether a text asks more of some attributes than whether they are set.

    Args:
        attributes: the attributes; what a class does with its own is none of it.
        text: the text.
    """
    names = "|".join(map(re.escape, sorted(attributes)))
    if not names:
        return False
    is_set = rf"^\s*assert [\w.\[\]\"']+\.(?:{names})(?: is True| >= 1)?[ \t]*(?:,.*)?$"
    left = re.sub(is_set, "", text, flags=re.MULTILINE)
    return re.search(rf"(?<!\bself)\.(?:{names})\b", left) is not None


def only_raises(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Tell whether a function does nothing but raise an error."""
    *before, last = function.body
    return isinstance(last, ast.Raise) and all(map(_is_idle, before))


def _noted(function: ast.FunctionDef | ast.AsyncFunctionDef) -> _Noted | None:
    """Give the attributes that a method notes something in; None where it does more."""
    if function.decorator_list or any(map(_is_generator, own_nodes(function))):
        return None
    found, may_fail = set(), False
    for statement in _flat(function.body):
        match statement:
            case ast.Raise():
                may_fail = True
            case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"), attr=name)]):
                found.add(name)
            case ast.AugAssign(target=ast.Attribute(value=ast.Name(id="self"), attr=name)):
                found.add(name)
            case ast.Expr(
                value=ast.Call(
                    func=ast.Attribute(
                        value=ast.Attribute(value=ast.Name(id="self"), attr=name), attr="append"
                    ),
                    args=[ast.Constant()],
                )
            ):
                found.add(name)
            case _ if not _is_idle(statement):
                return None
    calls = (node for node in own_nodes(function) if isinstance(node, ast.Call))
    if any(getattr(call.func, "attr", "") != "append" for call in calls) and not may_fail:
        return None
    return _Noted(frozenset(found), may_fail)


def _flat(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Give the statements of a body, those on conditions too."""
    for statement in body:
        if isinstance(statement, ast.If):
            yield from _flat(statement.body)
            yield from _flat(statement.orelse)
        else:
            yield statement


def _is_idle(statement: ast.stmt) -> bool:
    match statement:
        case ast.Pass():
            return True
        case ast.Return(value=value):
            return value is None or isinstance(value, (ast.Constant, ast.Name))
        case ast.Expr(value=value):
            return isinstance(value, ast.Constant)
    return False


def _is_generator(node: ast.AST) -> bool:
    return isinstance(node, (ast.Await, ast.Yield, ast.YieldFrom))
