"""Who commits what a function has left in a session that is not its own."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.effects.decorators import Undecorated, wrapper_of
from flake8_dbsession.analysis.effects.work.block import block_of
from flake8_dbsession.analysis.effects.work.following import told_by
from flake8_dbsession.analysis.effects.work.loaded import Objects
from flake8_dbsession.analysis.facts.acquisition import callers
from flake8_dbsession.analysis.facts.dispatch.unsaved_rows import Sent
from flake8_dbsession.analysis.facts.dispatch.unsaving import Unsaving
from flake8_dbsession.analysis.facts.lifetime.answers import Site
from flake8_dbsession.analysis.facts.lifetime.calls_in_sight import known_sites
from flake8_dbsession.analysis.flow import build
from flake8_dbsession.analysis.library.methods import effect_of
from flake8_dbsession.analysis.names.dotted import expression_of
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import FUNCTIONS, Scope, last_segment
from flake8_dbsession.analysis.names.values import (
    HELD,
    FunctionValue,
    Resource,
    Role,
    RoleValue,
)
from flake8_dbsession.analysis.nodes import arguments, dotted_name, is_name, own_nodes
from flake8_dbsession.analysis.source.mentions import hints
from flake8_dbsession.named_tuples import NamedTuple

_HAVING = HELD | {Role.REGISTRY}
_DEEPEST = 3  # functions that call one another


class Commit(NamedTuple):
    """What commits what a worker was told of.

    Attributes:
        line: its line, where it stands in the function that sends the task; else 0.
        is_block: whether it is the end of a block that begins there.
        by: the dependency, or the caller, that commits elsewhere; else empty.
    """

    line: int = 0
    is_block: bool = False
    by: str = ""


class Waiting(NamedTuple):
    """What waits in a function's session until somebody commits it.

    Attributes:
        function: the function's scope.
        session: the session as it is written in it.
        sent: what a worker is told of it.
        is_inside: whether a function tells the worker that this one calls.
    """

    function: Scope
    session: str
    sent: Sent
    is_inside: bool = False


def sessions_in(scope: Scope, inference: Inference) -> list[str]:
    """Give the sessions, and SQLAlchemy's connections, that a function works with or hands on.

    Args:
        scope: the function's scope.
        inference: tells what is a session.

    Returns:
        The sessions as they are written.
    """
    found: dict[str, bool] = {}
    for node in own_nodes(scope.node):
        if isinstance(node, ast.Call):
            for part in _maybe_sessions(node):
                name = dotted_name(part)
                if name and name not in found:
                    found[name] = _is_session(part, scope, inference)
    return [name for name, is_session in found.items() if is_session]


def _maybe_sessions(call: ast.Call) -> Iterator[ast.expr]:
    match call.func:
        case ast.Attribute(value=owner, attr=method):
            if effect_of(Resource.SESSION, method) is not None:
                yield owner
    yield from (part for part in arguments(call) if hints(last_segment(part)))


def _is_session(expression: ast.expr, scope: Scope, inference: Inference) -> bool:
    value = inference.value(expression, scope)
    if not isinstance(value, RoleValue) or value.role not in _HAVING:
        return False
    return value.resource is Resource.SESSION or value.library == "sqlalchemy"


def commit_of_others(waiting: Waiting, inference: Inference, deep: int = _DEEPEST) -> Commit | None:
    """Find who commits what a function has left in the session that it was given.

    Args:
        waiting: what waits to be committed.
        inference: finds the callers, and follows what they do.
        deep: how many functions may call one another.

    Returns:
        The first that is found: a dependency, a decorator, a caller; None where none is.
    """
    known = inference.known(expression_of(waiting.session), waiting.function)
    if known is not None and known.source is Role.DEPENDENCY and known.role in HELD:
        return Commit(by=known.name.rpartition(".")[2]) if known.commits else None
    for site in _sites(waiting.function, waiting.session, inference) if deep else ():
        if _is_left_by(site, waiting, inference):
            commit = _commit_after(site, inference, deep)
            if commit is not None:
                return commit
    return None


def _sites(function: Scope, session: str, inference: Inference) -> Iterator[Site]:
    yield from _of_decorators(function, session, inference)
    yield from known_sites(function, session, inference)
    if _is_of_all(session, function):
        for called in callers.calls_of(function, inference):
            yield Site(called.node, called.scope, session)


def _is_of_all(session: str, function: Scope) -> bool:
    """Tell whether a session is kept where every function finds it by the same name."""
    root, _, rest = session.partition(".")
    found = function.lookup(root)
    return bool(rest and found) and all(isinstance(b.scope.node, ast.Module) for b in found)


def _of_decorators(function: Scope, session: str, inference: Inference) -> Iterator[Site]:
    """Give the calls by which the project's own decorators run a function."""
    if not isinstance(function.node, FUNCTIONS) or function.parent is None:
        return
    below = Undecorated(FunctionValue(function.node, function.parent), 0)
    names = _names_of(session, function, inference)
    while (wrapper := wrapper_of(below, inference)) is not None:
        scope = wrapper.function.scope.child(wrapper.function.node)
        for call in own_nodes(scope.node):
            if isinstance(call, ast.Call) and is_name(call.func, wrapper.name):
                for each in sessions_in(scope, inference):
                    is_given = any(dotted_name(part) == each for part in arguments(call))
                    if is_given or names & _names_of(each, scope, inference):
                        yield Site(call, scope, each)
        below = wrapper.inner


def _names_of(session: str, function: Scope, inference: Inference) -> frozenset[str]:
    """Give the names of a session that mean the same in other functions: ``db.session``."""
    values = block_of(function, inference=inference).assigned(session)
    names = {session, *map(dotted_name, values)}
    return frozenset(name for name in names if "." in name and _is_of_all(name, function))


def _commit_after(site: Site, inference: Inference, deep: int) -> Commit | None:
    """Find what commits after a call: the caller, or whoever gave that one the session."""
    graph = build(site.scope.node) if isinstance(site.scope.node, FUNCTIONS) else None
    if graph is None:
        return None
    sent = Sent(site.call, "", False, site.call)
    objects = Objects(site.session, block_of(site.scope, inference=inference))
    unsaving = Unsaving(objects, {site.call: sent})
    left = unsaving.walk(graph)
    if sent in unsaving.found:
        return Commit(by=_outermost(site.scope))
    if sent not in left:
        return None
    waiting = Waiting(site.scope, site.session, sent, is_inside=True)
    return commit_of_others(waiting, inference, deep - 1)


def _is_left_by(site: Site, waiting: Waiting, inference: Inference) -> bool:
    """Tell whether a call, by what it says of the parameters, leaves it to be committed."""
    function, sent = waiting.function, waiting.sent
    if not isinstance(function.node, FUNCTIONS) or function.parent is None:
        return False
    told = told_by(FunctionValue(function.node, function.parent), site.call)
    graph = build(function.node) if told else None
    if graph is None:
        return True
    objects = Objects(waiting.session, block_of(function, inference=inference))
    seeds = {sent.call: sent} if waiting.is_inside else {}
    return sent in Unsaving(objects, seeds, told).walk(graph)


def _outermost(scope: Scope) -> str:
    """Give the name of the function or method that a function lies in, such as its decorator."""
    name = ""
    while (function := scope.function()) is not None and function.parent is not None:
        name = getattr(function.node, "name", "")
        scope = function.parent
    return name
