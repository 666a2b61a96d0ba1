"""The sanctioned way to a session at a place: what to call, how it is reached, what it does."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from flake8_dbsession.analysis.effects.work.uses import may_commit_at_end
from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition, local_name
from flake8_dbsession.analysis.names.inference import Inference, bound_to
from flake8_dbsession.analysis.names.scopes import Scope, body_of
from flake8_dbsession.analysis.names.values import FunctionValue, Resource, Role, RoleValue
from flake8_dbsession.fixes.blocks.injected import filled, handler_of
from flake8_dbsession.fixes.doubts.provider import more_than_a_session
from flake8_dbsession.fixes.options import doubts_about_class, refuse_own_engine
from flake8_dbsession.house.advice import choice_at, factory_of, has_no_block, place_of
from flake8_dbsession.house.imports import Imports
from flake8_dbsession.house.model import OpeningPlace, Way
from flake8_dbsession.house.work import is_made_here
from flake8_dbsession.policy.model import Style
from flake8_dbsession.rewriting.circles import leads_back, packages_of
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Edit, Refusal
from flake8_dbsession.rewriting.imports import Reach, reach_at_top, reach_beside, reach_module
from flake8_dbsession.rewriting.places import refuse_without_await
from flake8_dbsession.rules.fallback import is_in_fallback

# What a policy's ``bind`` takes the application's objects from.
_FLASK_APPLICATION = "current_app"

_ReachBeside: TypeAlias = Callable[[ast.expr, str, Scope, Document], Reach]


@dataclass(frozen=True, slots=True)
class Provision:
    """The sanctioned way to a session at a place.

    Attributes:
        call: the call to enter with ``with``, such as ``get_db_session()``.
        edits: those that make it known there: imports, and a policy's ``bind`` line.
        is_async: whether it is entered with ``async with``.
        commits: whether its block commits when it ends well, as far as that is known.
        keeps_loaded: whether a commit leaves the objects loaded.
        rolls_back: whether its block rolls back when an error leaves it, as far as that is known.
        doubts: what else it may do that the code as it is does not.
        guard: what it needs, where the layer has a fallback for the absence of that; else empty.
        function: the provider's own code; None where it is not found, or is no function.
        is_own: whether it is the session's own block.
        surely_commits: whether it is known that its block commits when it ends well.
        is_injected: whether it is no block, but a parameter that the framework fills.
    """

    call: str
    edits: tuple[Edit, ...]
    is_async: bool
    commits: bool
    keeps_loaded: bool
    rolls_back: bool
    doubts: tuple[str, ...] = ()
    guard: str = ""
    function: FunctionValue | None = None
    is_own: bool = False
    surely_commits: bool = False
    is_injected: bool = False

    @property
    def name(self) -> str:
        """The provider, for messages."""
        return self.call.removesuffix("()")

    @property
    def root(self) -> str:
        """The name that its expression begins with: ``database`` of ``database.get_db_session``."""
        return _parted(self.call)[0]

    @property
    def leaving_ends(self) -> Provision:
        """The same, taken for one that leaves all commits and rollbacks to the code."""
        return replace(self, rolls_back=False, surely_commits=False)


@dataclass(frozen=True, slots=True)
class Need:
    """What is opened by hand, for which a provider is wanted.

    Attributes:
        call: the expression that opens it.
        known: what it opens.
        scope: the scope that it stands in.
        name: the name that holds it; empty for none.
        beside: what is written there of the module that the provider is looked for in; None where
            nothing is.
        place: what it wants of a way.
    """

    call: ast.Call
    known: RoleValue
    scope: Scope
    name: str
    beside: ast.expr | None
    place: OpeningPlace


def plain_need(acquisition: Acquisition, document: Document) -> Need:
    """Tell what an acquisition opens, where its own block does."""
    return Need(
        acquisition.node,
        acquisition.known,
        acquisition.scope,
        acquisition.name,
        beside=None,
        place=place_of(acquisition, document.context.file.inference),
    )


def need_of(acquisition: Acquisition, document: Document) -> Need:
    """Tell what an acquisition needs a provider for.

    Args:
        acquisition: what is opened.
        document: the file.

    Raises:
        Refusal: it is opened with arguments that a provider would not take.
    """
    call, known, scope = acquisition.node, acquisition.known, acquisition.scope
    place = place_of(acquisition, document.context.file.inference)
    name = local_name(acquisition.name, "")
    if is_made_here(acquisition):
        raise Refusal("its factory is made on the spot")
    if known.source is Role.SESSION_CLASS:
        bind = bound_to(call)
        if bind is None or len(call.args) + len(call.keywords) > 1:
            raise Refusal("the session is opened with arguments of its own")
        refuse_own_engine(bind, scope)
        return Need(call, known, scope, name, bind, place)
    if call.args or call.keywords:
        raise Refusal("the session is opened with arguments of its own")
    return Need(call, known, scope, name, factory_of(acquisition), place)


def provision_of_own_block(acquisition: Acquisition, document: Document) -> Provision | None:
    """Give the block of a session itself, where the house has nothing better.

    Args:
        acquisition: what is opened by hand.
        document: the file.

    Returns:
        What only closes, unless the session's own class does more; None where the standard names a
        way to a session that can be used instead of this one.
    """
    context = document.context
    call, known = acquisition.node, acquisition.known
    advice = context.advice(acquisition)
    if advice.given:
        raise Refusal(f"the function was given `{advice.given}`, which is to be used")
    is_named = context.is_legacy(acquisition) or advice.way is not None
    if is_named and not is_made_here(acquisition):
        return None
    if has_no_block(acquisition, context.file.inference):
        raise Refusal("a session of this SQLAlchemy is no context manager")
    document.refuse_comments(call)
    if known.is_async:
        refuse_without_await(call, document)
    statement = document.context.file.tree.statement(call)
    is_awaited = isinstance(getattr(statement, "value", None), ast.Await)
    written = document.written(call)
    block = closing(f"await {written}" if is_awaited else written, is_async=known.is_async)
    if may_commit_at_end(known, context.file.inference):
        loaded = bool(known.keeps_loaded)
        block = replace(block, commits=True, keeps_loaded=loaded, rolls_back=True)
    if known.home is None and known.source is not Role.SESSION_CLASS:
        doubt = f"`{ast.unparse(call.func)}` is not found, and may be no factory of sessions"
        return replace(block, doubts=(doubt,))
    return block


def closing(call: str, *, is_async: bool) -> Provision:
    """Give a block that only closes: it neither commits nor rolls back."""
    return Provision(
        call, (), is_async, commits=False, keeps_loaded=True, rolls_back=False, is_own=True
    )


def provision_for(
    need: Need, document: Document, *, injects: bool = False, at_top: bool = False
) -> Provision:
    """Find what to use instead of opening a session by hand.

    Args:
        need: what is opened.
        document: the file.
        injects: whether a parameter would do, and no block is needed.
        at_top: whether it has to be imported at the top, for the import beside the opening goes.

    Returns:
        The layer's own provider, else what takes a legacy accessor's place, else the provider
        beside the factory.

    Raises:
        Refusal: there is none that can be used here, or it is no context manager.
    """
    way = _way_for(need, document)
    if way.style is not Style.DEPENDENCY:
        return provision_by(way, need, document, reach_at_top if at_top else reach_beside)
    if not injects or not need.name:
        raise Refusal(f"the standard here is a parameter, `{way.written(need.name or 'db')}`")
    return _injected(way, need, document)


def provision_by(
    way: Way, need: Need, document: Document, beside: _ReachBeside = reach_beside
) -> Provision:
    """Tell what using a way of the house at a place takes, and does.

    Args:
        way: the way, which is no parameter.
        need: what is opened by hand.
        document: the file.
        beside: reaches a name beside what is opened.

    Raises:
        Refusal: it cannot be reached from there, or nothing can be awaited there.
    """
    if need.known.is_async:
        refuse_without_await(need.call, document)
    return _provision(reach_way(way, need, document, beside), way, need, document)


def _injected(way: Way, need: Need, document: Document) -> Provision:
    """Give what is opened in a request handler to it by a parameter."""
    handler = handler_of(need.call, need.scope, need.name, document)
    at_top = replace(need, scope=document.top)
    reach = reach_way(
        way,
        at_top,
        document,
        lambda written, wanted, _, here: reach_at_top(written, wanted, need.scope, here),
    )
    parameter = filled(
        handler, need.name, way, reach.expression, document, is_async=need.known.is_async
    )
    provision = _provision(reach, way, need, document)
    edits = (*provision.edits, *parameter.edits)
    doubts = (*provision.doubts, *parameter.doubts)
    return replace(provision, edits=edits, doubts=doubts, is_injected=True)


def _way_for(need: Need, document: Document) -> Way:
    """Give the way that the message advises, or say why there is none."""
    context, place = document.context, need.place
    if is_in_fallback(need.call, need.scope, context):
        raise Refusal("it is the layer's fallback for where the sanctioned object is missing")
    replacement = context.legacy_replacement(need.call, need.scope)
    way, misfit = choice_at(place, context.house, replacement)
    if way is not None:
        return way
    if not misfit and replacement in context.policy.own_replacements:
        raise Refusal(f"the policy says what to do instead: {replacement}")
    raise Refusal(misfit or context.house.why_none(place))


def reach_way(
    way: Way, need: Need, document: Document, beside: _ReachBeside = reach_beside
) -> Reach:
    """Reach a way from a place.

    Args:
        way: the way.
        need: what is opened by hand there.
        document: the file.
        beside: reaches a name beside what is opened.

    Returns:
        How it is written at the place, and the edits that make it so.

    Raises:
        Refusal: it cannot be reached from there.
    """
    if way.missing:
        raise Refusal(way.missing)
    if way.reach.bind:
        return Reach(way.expression, _bound_before(way.reach.bind, need.scope, document))
    if way.reach.is_beside:
        if need.beside is None:
            raise Refusal(f"there is no import beside which `{way.expression}` could be imported")
        name = way.expression.removeprefix(f"{_owner(ast.unparse(need.beside))}.")
        first, rest = _parted(name)
        reach = beside(need.beside, first, need.scope, document)
    elif way.reach.module:
        first, rest = _parted(way.expression)
        _refuse_circle(way.reach.module, document)
        reach = reach_module(way.reach.module, first, need.scope, document)
    else:
        return Reach(way.expression)
    return reach._replace(expression=f"{reach.expression}{rest}")


def _refuse_circle(dotted: str, document: Document) -> None:
    """Refuse the first import of a module that imports the file itself."""
    file = document.context.file
    project = file.inference.project
    module = project.find(file.path, dotted)
    if module is None or module in Imports(file).modules().values():
        return
    if leads_back(module, file.path, project, packages_of(file.path)):
        raise Refusal(f"`{dotted}` imports this file")


def _parted(expression: str) -> tuple[str, str]:
    """Part the name that an expression begins with from what follows it."""
    first = re.split(r"\W", expression, maxsplit=1)[0]
    return first, expression.removeprefix(first)


def _bound_before(bind: str, scope: Scope, document: Document) -> tuple[Edit, ...]:
    """Put a policy's line at the beginning of a function, and import what it needs."""
    function = scope.function()
    body = body_of(function.node) if function else []
    if function is None or not body:
        raise Refusal(f"`{bind}` needs a function to stand in")
    first = body[1] if len(body) > 1 and ast.get_docstring(function.node) else body[0]  # type: ignore[arg-type]
    line = document.first_line(first)
    indent = document.indent_of(first)
    if not document.stands_alone(first, first) or line == function.node.lineno:  # type: ignore[union-attr]
        raise Refusal("the function stands on one line")
    at = document.offset(line, 0)
    edits = (Edit(at, at, f"{indent}{bind}{document.newline}"),)
    root = re.split(r"\W", bind.partition("=")[2].strip())[0]
    if scope.lookup(root):
        return edits
    if root != _FLASK_APPLICATION:
        raise Refusal(f"`{root}` is not known here")
    return (*edits, *reach_module("flask", root, scope, document).edits)


def _owner(expression: str) -> str:
    return expression.rpartition(".")[0]


def _provision(reach: Reach, way: Way, need: Need, document: Document) -> Provision:
    return Provision(
        call=f"{reach.expression}()",
        edits=reach.edits,
        is_async=need.known.is_async,
        commits=way.leaving.commits is not False,
        keeps_loaded=bool(need.known.keeps_loaded),
        rolls_back=way.leaving.rolls_back is not False,
        doubts=tuple(_doubts(reach, way, need, document)),
        guard=way.guard,
        function=way.function,
        surely_commits=way.leaving.commits is True and way.function is not None,
    )


def _doubts(reach: Reach, way: Way, need: Need, document: Document) -> Iterator[str]:
    """Say why a provider may open something else, or end it in another way."""
    is_connection = need.known.resource is Resource.CONNECTION
    if need.known.source is Role.SESSION_CLASS:
        yield from doubts_about_class(need.call, need.known, need.scope, way.function, document)
    elif not _opens_the_same(way, need, document):
        other = "another database" if is_connection else "sessions of another factory"
        yield f"`{reach.expression}` may open {other}"
    if way.unseen:
        options = " and ".join(f"`{option}`" for option in way.unseen)
        yield f"`{reach.expression}` is not seen to set {options}"
    if way.is_pooled:
        yield f"`{reach.expression}` takes a connection of a pool, which may have none left"
    inference = document.context.file.inference
    where = more_than_a_session(way.function, need.call, need.scope, inference)
    if where is not None:
        what = need.known.resource.value
        yield f"`{reach.expression}` does more than open and end a {what}, in {where}"
    where = _done_by_opener(need, inference)
    if where is not None:
        yield f"`{ast.unparse(need.call.func)}` does more than open a session, in {where}"
    if not way.leaving.raises_again:
        yield f"`{reach.expression}` does not raise every error again"


def _done_by_opener(need: Need, inference: Inference) -> str | None:
    """Say where a function that opens a session by hand does more, which would be left undone."""
    opener = inference.value(need.call.func, need.scope)
    is_session = need.known.resource is Resource.SESSION
    if not is_session or not isinstance(opener, FunctionValue):
        return None
    return more_than_a_session(opener, need.call, need.scope, inference)


def _opens_the_same(way: Way, need: Need, document: Document) -> bool:
    """Tell whether a provider calls the factory, or the policy alone says what belongs together."""
    if need.known.resource is Resource.CONNECTION:
        return way.is_same
    if document.context.legacy_replacement(need.call, need.scope) is not None:
        return True
    return way.is_same or (way.function is None and need.known.home is None)
