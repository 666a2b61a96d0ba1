"""Openings: the places where a function gets itself a session, by hand or from a provider."""

from __future__ import annotations

import ast
from bisect import bisect_left
from collections.abc import Iterator, Set

from flake8_dbsession.analysis.effects.work.changes import changes_objects
from flake8_dbsession.analysis.effects.work.model import LASTING, Did
from flake8_dbsession.analysis.effects.work.uses import done_by_opened, end_of_opened, thing_of
from flake8_dbsession.analysis.facts.acquisition.acquisitions import opened_by
from flake8_dbsession.analysis.facts.acquisition.after_failure import is_after_failure
from flake8_dbsession.analysis.facts.acquisition.definitions import HANDED_OUT
from flake8_dbsession.analysis.facts.acquisition.joining import joins_a_connection
from flake8_dbsession.analysis.library.methods import ENDINGS
from flake8_dbsession.analysis.library.wrappers import STACK_ENTRIES
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import (
    Parameter,
    Scope,
    body_of,
    last_segment,
    statements,
)
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.names.values import FunctionValue, Resource, Role, RoleValue
from flake8_dbsession.analysis.nodes import own_nodes, shown, start_of
from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.patterns import regex

_FLAGS = (ast.Name, ast.Compare, ast.BoolOp, ast.UnaryOp, ast.IfExp)
_MAKERS = regex(r"\b((?:create_\w*|async_)?(?:engine|sessionmaker))\s*\(")


class Opening(NamedTuple):
    """A session that a function opens for itself.

    Attributes:
        node: the call that opens it.
        known: what the call gives: a session, or a provider's context manager.
        scope: the scope in which it is opened.
        given: the parameter by which the function has a session of the same kind (sync or async)
            already; empty where it has none, where this one stands in for an optional parameter
            that was left out, or joins the connection of the other.
        is_second: whether that one would do: it is known to be of the same factory or engine, and
            is not ended by then, nor may work with it have failed, nor is it the function's work to
            hand out another.
        is_committed: whether the end of its own block commits what the code around does not, and
            nothing is seen that would commit the given one.
    """

    node: ast.Call
    known: RoleValue
    scope: Scope
    given: str
    is_second: bool
    is_committed: bool = False

    @property
    def text(self) -> str:
        """The call as it is written, its arguments left out where they are long."""
        return shown(self.node)


def openings(tree: Tree, inference: Inference) -> Iterator[Opening]:
    """Find the sessions that functions open for themselves.

    Args:
        tree: the visited part of a file.
        inference: answers what calls and parameters stand for.

    Yields:
        The calls of factories, session classes and accessors, and the providers' calls that a
        ``with`` block or an exit stack enters.
    """
    for call, scope in tree.find(ast.Call):
        known = opened_by(call, scope, tree, inference) or _entered(call, scope, tree, inference)
        if known is not None and known.resource is Resource.SESSION:
            given = list(_given(call, known, scope, tree, inference))
            is_second = any(
                _is_same_database(each, known)
                for name, each in given
                if not _is_ended_before(call, name, scope)
                if not is_after_failure(call, name, scope, tree, inference)
            )
            is_second = is_second and not _gives_registrys(call, scope, inference)
            is_second = is_second and not _hands_out(scope, inference)
            name = given[0][0] if given else ""
            is_committed = (
                is_second
                and not given[0][1].commits
                and _is_committed_at_end(call, known, scope, tree, inference)
            )
            yield Opening(call, known, scope, name, is_second, is_committed)


def _entered(call: ast.Call, scope: Scope, tree: Tree, inference: Inference) -> RoleValue | None:
    """Give the context manager that a provider's call makes, where that is entered on the spot."""
    if not _is_entered(call, tree) or not tree.is_of_interest(last_segment(call.func)):
        return None
    known = inference.known(call, scope)
    return known if known is not None and known.role is Role.MANAGER else None


def _is_entered(call: ast.Call, tree: Tree) -> bool:
    match tree.parent(call):
        case ast.withitem():
            return True
        case ast.Call(func=ast.Attribute(attr=name)):
            return name in STACK_ENTRIES
    return False


def _given(
    call: ast.Call, opened: RoleValue, scope: Scope, tree: Tree, inference: Inference
) -> Iterator[tuple[str, RoleValue]]:
    """Give the sessions that a function has by its parameters, those of this kind."""
    function = scope.function()
    if function is None or isinstance(function.node, ast.Lambda):
        return
    if joins_a_connection(call, scope, inference):
        return
    for name, given in _given_sessions(function, inference=inference):
        if not _is_fallback(call, name, function, tree):
            for each in given:
                if each.resource is Resource.SESSION and each.is_async == opened.is_async:
                    yield name, each


def _is_committed_at_end(
    call: ast.Call, opened: RoleValue, scope: Scope, tree: Tree, inference: Inference
) -> bool:
    """Tell whether a block's end commits what its code changes and does not commit."""
    function = scope.function()
    if function is None or Did.COMMITS not in end_of_opened(opened, inference):
        return False
    did = done_by_opened(function, call, thing_of(opened), inference=inference)
    if Did.COMMITS in did:
        return False
    match tree.parent(call):
        case ast.withitem(optional_vars=ast.Name(id=name)):
            return bool(did & LASTING) or changes_objects(function, name, inference=inference)
    return bool(did & LASTING)


def _is_same_database(given: RoleValue, opened: RoleValue) -> bool:
    """Tell whether a given session is of the same factory or engine as another.

    One of which only the class is known is of the one that the other's module makes, where that
    makes no second one.
    """
    if given.database is not None or opened.database is None:
        return given.database is not None and given.database == opened.database
    match opened.database:
        case (ast.Call(), home):
            made = _MAKERS.findall(home.module.text)
            return len(made) == len(set(made))
    return False


def _is_ended_before(call: ast.Call, name: str, scope: Scope) -> bool:
    """Tell whether the last thing done with a session before a call is to end its transaction."""
    function = scope.function() or scope
    reads = _reads(function).get(name, [])
    before = bisect_left(reads, start_of(call))
    return before > 0 and reads[before - 1] in _ended(function)


@remembered
def _reads(function: Scope) -> dict[str, list[tuple[int, int]]]:
    """Give where a function reads each name, in the order of the text."""
    found: dict[str, list[tuple[int, int]]] = {}
    for node in own_nodes(function.node):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            found.setdefault(node.id, []).append(start_of(node))
    return {name: sorted(places) for name, places in found.items()}


@remembered
def _ended(function: Scope) -> frozenset[tuple[int, int]]:
    """Give where the names stand whose transaction a function ends."""
    return frozenset(
        start_of(node.func.value)
        for node in own_nodes(function.node)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ENDINGS
        and isinstance(node.func.value, ast.Name)
    )


def _gives_registrys(call: ast.Call, scope: Scope, inference: Inference) -> bool:
    """Tell whether a provider gives the session of a registry, which is the same each time."""
    provider = inference.value(call.func, scope)
    handed = inference.result(provider).handed if isinstance(provider, FunctionValue) else None
    return handed is not None and handed.source is Role.REGISTRY


def _hands_out(scope: Scope, inference: Inference) -> bool:
    """Tell whether the work of a function is to hand out the other session."""
    function = scope.function()
    if function is None or function.parent is None:
        return False
    known = inference.role(FunctionValue(function.node, function.parent))  # type: ignore[arg-type]
    return known is not None and known.role in HANDED_OUT


@remembered
def _given_sessions(function: Scope, *, inference: Inference) -> list[tuple[str, list[RoleValue]]]:
    """Find the parameters that may be sessions, and must be given, with what each can be."""
    arguments: ast.arguments = function.node.args  # type: ignore[union-attr]
    found = []
    for arg in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        hows = [binding.how for binding in function.bindings(arg.arg)]
        if not any(isinstance(how, Parameter) and not _is_optional(how) for how in hows):
            continue
        values = inference.values(arg.arg, function)
        given = [v for v in values if isinstance(v, RoleValue) and v.role is Role.GIVEN]
        if given:
            found.append((arg.arg, given))
    return found


def _is_optional(parameter: Parameter) -> bool:
    """Tell whether a parameter may be left out or be None."""
    match parameter.default:
        case ast.Constant(value=None):
            return True
    annotation = parameter.arg.annotation
    written = ast.unparse(annotation) if annotation is not None else ""
    return "None" in written or "Optional" in written


def _is_fallback(call: ast.Call, name: str, function: Scope, tree: Tree) -> bool:
    """Tell whether a session is opened because an optional one was not given.

    That is so where a condition on the parameter, or on what was computed from it, decides about
    the call: around it, or before it by leaving the function when the session was given.
    """
    words = _with_flags(function, name)
    for ancestor in tree.ancestors(call):
        if ancestor is function.node:
            break
        if any(_mentions(test, words) for test in _conditions(ancestor)):
            return True
    leave = _early_leave(function, name)
    return leave is not None and leave < call.lineno


@remembered
def _with_flags(function: Scope, name: str) -> frozenset[str]:
    """Give a parameter's name and those of the flags computed from it: ``own = db is None``."""
    return frozenset({name}).union(
        target.id
        for statement in statements(body_of(function.node))
        if isinstance(statement, ast.Assign)
        and isinstance(statement.value, _FLAGS)
        and _mentions(statement.value, {name})
        for target in statement.targets
        if isinstance(target, ast.Name)
    )


@remembered
def _early_leave(function: Scope, name: str) -> int | None:
    """Give the first line on which a function leaves where it was given a session."""
    words = _with_flags(function, name)
    lines = (
        statement.lineno
        for statement in statements(body_of(function.node))
        if isinstance(statement, ast.If)
        and _mentions(statement.test, words)
        and not _is_absence(statement.test)
        and isinstance(statement.body[-1], (ast.Return, ast.Raise))
    )
    return next(lines, None)


def _conditions(node: ast.AST) -> list[ast.expr]:
    match node:
        case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
            return [test]
        case ast.BoolOp(values=values):
            return values
        case ast.Match(subject=subject):
            return [subject]
    return []


def _is_absence(test: ast.expr) -> bool:
    """Tell whether a test asks for what is missing: ``db is None``, ``not db``."""
    match test:
        case ast.UnaryOp(op=ast.Not()) | ast.Compare(ops=[ast.Is()]):
            return True
    return False


def _mentions(expression: ast.expr, names: Set[str]) -> bool:
    if isinstance(expression, ast.Name):
        return expression.id in names
    return any(isinstance(node, ast.Name) and node.id in names for node in own_nodes(expression))
