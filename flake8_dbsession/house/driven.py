"""The way to a session for the place of a dependency that code drives by hand."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.effects.work.block import Block
from flake8_dbsession.analysis.effects.work.loaded import Objects
from flake8_dbsession.analysis.effects.work.pending import left_pending
from flake8_dbsession.analysis.effects.work.uses import may_commit_at_end
from flake8_dbsession.analysis.facts.acquisition.driven import DrivenDependency
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.parents import parents_in
from flake8_dbsession.analysis.names.scopes import Scope
from flake8_dbsession.analysis.names.values import ClassValue, FunctionValue, Role
from flake8_dbsession.analysis.names.versions import sqlalchemy_of
from flake8_dbsession.analysis.nodes import (
    arguments,
    is_name,
    nodes_in,
    own_nodes,
    start_of,
    statements_after,
)
from flake8_dbsession.house.advice import SESSIONS_ENTER_SINCE
from flake8_dbsession.house.block_ends import leaving_of
from flake8_dbsession.house.house import House
from flake8_dbsession.house.model import UNKNOWN, Leaving, OpeningPlace, Reach, Way
from flake8_dbsession.named_tuples import NamedTuple

_ENDING = frozenset({"close", "commit", "rollback"})
_OTHER_WORK = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.Match, ast.Return, ast.YieldFrom)
_LEAVES = (ast.Break, ast.Raise, ast.Return)
_ONLY_CLOSES = Leaving(commits=False, rolls_back=False)


def place_of_driven(fact: DrivenDependency) -> OpeningPlace:
    """Tell what the place of a dependency that is driven by hand wants of a way."""
    return OpeningPlace(fact.known, fact.scope, fact.name or "db", fact.made.func)


def way_of_driven(fact: DrivenDependency, house: House) -> Way:
    """Choose what to enter instead of driving a dependency by hand.

    Args:
        fact: the dependency, and where it is driven.
        house: the ways of its file.

    Returns:
        The house's best way; where it has none, the block of the factory that the dependency hands
        a session of out, and else the provider that the standard library makes of the dependency.
        What relies on the dependency's commit is given a way that may commit.
    """
    leaving = leaving_of_driven(fact, house.inference)
    relies = leaving.commits is True and _relies_on_end(fact, house.inference)
    own = (*_of_factory(fact, house), _made_of(fact, leaving, house.inference))
    ways = (*house.ways(place_of_driven(fact)), *own)
    return next(way for way in ways if not (relies and way.leaving.commits is False))


class Later(NamedTuple):
    """Work with a session after the loop that takes it out of a dependency.

    Attributes:
        name: what works with it: its own name, or that of what the loop makes with it.
        committing: the dependency, where that commits at its end and the work needs it; else empty.
    """

    name: str
    committing: str


def work_after(fact: DrivenDependency, inference: Inference) -> Later | None:
    """Find work with a session after the loop that takes it out, which a block has to take in.

    Args:
        fact: the dependency, and where it is driven.
        inference: follows what is made with the session, and what that does.

    Returns:
        None where there is none, and where no loop takes it out.
    """
    loop = fact.loop
    if loop is None or not fact.name:
        return None
    function = fact.scope.function() or fact.scope.module.scope
    made = {fact.name, *_made_with(fact.name, loop.body, fact.scope, inference)}
    after = [node for node in own_nodes(function.node) if _is_after(node, loop)]
    firsts = [first for name in made if (first := _first(name, after)) is not None]
    read = min(
        (first for first in firsts if isinstance(first.ctx, ast.Load)), key=start_of, default=None
    )
    if read is None:
        return None
    commits = leaving_of_driven(fact, inference).commits is True
    needed = commits and _leaves_work(fact, loop, function, inference)
    return Later(read.id, ast.unparse(fact.made.func) if needed else "")


def _made_with(
    session: str, body: list[ast.stmt], scope: Scope, inference: Inference
) -> Iterator[str]:
    """Give the names of objects of classes that are made with a session."""
    for statement in body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as call):
                is_class = isinstance(inference.value(call.func, scope), ClassValue)
                if is_class and any(is_name(part, session) for part in arguments(call)):
                    yield name


def _is_after(node: ast.AST, loop: ast.stmt) -> bool:
    return getattr(node, "lineno", 0) > (loop.end_lineno or loop.lineno)


def _first(name: str, nodes: list[ast.AST]) -> ast.Name | None:
    """Give the place that comes first, in the order of the text, where a name is read or bound."""
    return min((node for node in nodes if is_name(node, name)), key=start_of, default=None)


def _leaves_work(
    fact: DrivenDependency, loop: ast.stmt, function: Scope, inference: Inference
) -> bool:
    """Tell whether the work in a loop and after it may leave something to commit."""
    assert isinstance(loop, ast.For | ast.AsyncFor)
    inside = [each for each in loop.body if not isinstance(each, _LEAVES)]
    body = [*inside, *statements_after(loop, parents_in(function).get(loop))]
    objects = Objects(fact.name, Block(body, fact.scope, inference))
    return bool(left_pending(body, objects))


def leaving_of_driven(fact: DrivenDependency, inference: Inference) -> Leaving:
    """Tell what a dependency does when the loop over it ends."""
    function = _function_of(fact, inference)
    return leaving_of(function, fact.known, inference) if function is not None else UNKNOWN


def _function_of(fact: DrivenDependency, inference: Inference) -> FunctionValue | None:
    value = inference.value(fact.made.func, fact.scope)
    return value if isinstance(value, FunctionValue) else None


def _made_of(fact: DrivenDependency, leaving: Leaving, inference: Inference) -> Way:
    """Give the provider that the standard library makes of a dependency."""
    function = _function_of(fact, inference)
    maker = "asynccontextmanager" if fact.is_async else "contextmanager"
    return Way(
        f"{maker}({ast.unparse(fact.made.func)})",
        Reach("contextlib"),
        resource=fact.known.resource,
        is_async=fact.is_async,
        leaving=leaving,
        function=function,
        is_found=function is not None,
        is_same=True,
    )


def factory_taken(way: Way, fact: DrivenDependency, house: House) -> str:
    """Name the factory that a way to take the place of a dependency calls by itself.

    Args:
        way: the way.
        fact: the dependency, and where it is driven.
        house: the ways of its file.

    Returns:
        Its name in the dependency's module, of which the dependency has it; empty for another way.
    """
    function = _function_of(fact, house.inference)
    if function is None or way not in _of_factory(fact, house):
        return ""
    return _opened_by(function, house.inference) or ""


def _of_factory(fact: DrivenDependency, house: House) -> Iterator[Way]:
    """Give the block of the factory's session, where a dependency hands that out and no more."""
    function = _function_of(fact, house.inference)
    factory = _opened_by(function, house.inference) if function is not None else None
    if function is None or factory is None:
        return
    place = place_of_driven(fact)
    expression, reach = house.named_in(function.scope.module, factory, place)
    way = Way(
        expression,
        reach,
        is_async=fact.is_async,
        leaving=_ONLY_CLOSES,
        is_found=True,
        is_same=True,
    )
    if not house.obstacle(way, place):
        yield way


def _opened_by(function: FunctionValue, inference: Inference) -> str | None:
    """Name the module's factory of which a function opens a session, yields and ends it.

    What it does in a handler, such as to log an error, no code that drives it by hand has it do.
    """
    handled = _handled(function.node)
    nodes = [node for node in own_nodes(function.node) if node not in handled]
    calls = [node for node in nodes if isinstance(node, ast.Call) and not _ends(node)]
    match calls:
        case [ast.Call(func=ast.Name(id=name), args=[], keywords=[]) as opening]:
            scope = function.scope.child(function.node)
        case _:
            return None
    known = inference.known(opening, scope)
    if known is None or known.source is not Role.FACTORY or may_commit_at_end(known, inference):
        return None
    if known.is_async != isinstance(function.node, ast.AsyncFunctionDef):
        return None
    is_plain = not any(isinstance(node, _OTHER_WORK) for node in nodes)
    is_of_module = scope.defining(name) is function.scope.module.scope
    enters = not sqlalchemy_of([scope], inference.project).are_below(*SESSIONS_ENTER_SINCE)
    return name if is_plain and is_of_module and enters else None


def _handled(function: ast.AST) -> set[ast.AST]:
    """Give what a generator does only with an error that is thrown into it at its ``yield``."""
    return {
        node
        for tried in own_nodes(function)
        if isinstance(tried, ast.Try) and any(map(_yields, tried.body))
        for handler in tried.handlers
        if not _yields(handler)
        for node in nodes_in(handler)
    }


def _yields(node: ast.AST) -> bool:
    return any(isinstance(part, ast.Yield) for part in nodes_in(node))


def _ends(call: ast.Call) -> bool:
    match call:
        case ast.Call(func=ast.Attribute(value=ast.Name(), attr=method), args=[], keywords=[]):
            return method in _ENDING
    return False


def _relies_on_end(fact: DrivenDependency, inference: Inference) -> bool:
    """Tell whether a loop runs a dependency to its end with work that only that commits."""
    loop = fact.loop
    if loop is None or not fact.name or isinstance(loop.body[-1], _LEAVES):
        return False
    objects = Objects(fact.name, Block(loop.body, fact.scope, inference))
    return bool(left_pending(loop.body, objects))
