"""The sanctioned way to a session at a place: what to call, how it is reached, what it does."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from flake8_dbsession.analysis.facts.acquisitions import Acquisition
from flake8_dbsession.analysis.names.inference import bound_to
from flake8_dbsession.analysis.names.scopes import Scope, body_of, last_segment
from flake8_dbsession.analysis.names.values import FunctionValue, Known, Role, Value
from flake8_dbsession.fixes.options import doubts_about_class, refuse_own_engine
from flake8_dbsession.policy.model import Layer, Sanctioned
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Edit, Refusal
from flake8_dbsession.rewriting.imports import Reach, reach_beside, reach_module
from flake8_dbsession.rules.acquisition.raw_class import is_made_here
from flake8_dbsession.rules.fallback import is_in_fallback

# What a policy's ``bind`` takes the application's objects from.
_FLASK_APPLICATION = "current_app"


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

    @property
    def name(self) -> str:
        """The provider, for messages."""
        return self.call.removesuffix("()")


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
        opens: the names of the factories that the provider has to call, one of them at least;
            empty where that cannot be told.
    """

    call: ast.Call
    known: Known
    scope: Scope
    name: str
    beside: ast.expr | None
    opens: frozenset[str] = frozenset()


def plain_need(acquisition: Acquisition) -> Need:
    """Tell what an acquisition opens, where its own block does."""
    return Need(
        acquisition.node, acquisition.known, acquisition.scope, acquisition.name, beside=None
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
    name = acquisition.name if acquisition.name.isidentifier() else ""
    if is_made_here(acquisition):
        raise Refusal("its factory is made on the spot")
    if known.source is Role.SESSION_CLASS:
        bind = bound_to(call)
        if bind is None or len(call.args) + len(call.keywords) > 1:
            raise Refusal("the session is opened with arguments of its own")
        refuse_own_engine(bind, scope)
        return Need(call, known, scope, name, bind)
    if call.args or call.keywords:
        raise Refusal("the session is opened with arguments of its own")
    factory = _factory(call)
    names = document.context.file.names(factory, scope)
    opens = frozenset(each.rpartition(".")[2] for each in names)
    return Need(call, known, scope, name, factory, opens)


def own_block(acquisition: Acquisition, document: Document) -> Provision | None:
    """Give the block of a session itself, where the house has nothing better.

    Args:
        acquisition: what is opened by hand.
        document: the file.

    Returns:
        What only closes; None where the standard names a way to a session that can be used instead
        of this one.
    """
    context = document.context
    call, known, scope = acquisition.node, acquisition.known, acquisition.scope
    is_named = context.is_legacy(acquisition) or context.pattern(known, "db", scope) is not None
    if is_named and not is_made_here(acquisition):
        return None
    document.refuse_comments(call)
    statement = document.context.file.tree.statement(call)
    is_awaited = isinstance(getattr(statement, "value", None), ast.Await)
    written = document.written(call)
    return closing(f"await {written}" if is_awaited else written, is_async=known.is_async)


def closing(call: str, *, is_async: bool) -> Provision:
    """Give a block that only closes: it neither commits nor rolls back."""
    return Provision(
        call, (), is_async, commits=False, keeps_loaded=True, rolls_back=False, is_own=True
    )


def provision_for(need: Need, document: Document) -> Provision:
    """Find what to use instead of opening a session by hand.

    Args:
        need: what is opened.
        document: the file.

    Returns:
        The layer's own provider, else what takes a legacy accessor's place, else the provider
        beside the factory.

    Raises:
        Refusal: there is none that can be used here, or it is no context manager.
    """
    context = document.context
    if is_in_fallback(need.call, need.scope, context):
        raise Refusal("it is the layer's fallback for where the sanctioned object is missing")
    pattern = context.pattern(need.known, need.name or "db", need.scope) or ""
    if "Depends(" in pattern:
        raise Refusal(f"the standard here is a parameter, {pattern}")
    layers = context.declared_blocks()
    replacement = context.legacy_replacement(need.call, need.scope)
    if replacement is not None and context.layer not in layers:
        if not all(part.isidentifier() for part in re.split(r"[.:]", replacement)):
            raise Refusal(f"the policy says what to do instead: {replacement}")
        return _of_layer(Layer("", (), Sanctioned.parse(replacement)), need, document)
    return _of_layer(layers[0], need, document) if layers else _of_house(need, document)


def _of_house(need: Need, document: Document) -> Provision:
    house, home = document.context.file.house(need.known), need.known.home
    if house is None or home is None or need.beside is None:
        raise Refusal("the project's session provider is not known; a layer of the policy names it")
    if house.provider is None:
        raise Refusal("the project has no session provider")
    value = document.context.file.inference.member(home.module, house.provider)
    if not isinstance(value, FunctionValue) or not _opens_any(value, need.opens):
        raise Refusal(f"`{house.provider}` may open sessions of another factory")
    reach = reach_beside(need.beside, house.provider, need.scope, document)
    return _provision(reach, value, need, document)


def _of_layer(layer: Layer, need: Need, document: Document) -> Provision:
    reach, value = reach_use(layer, need, document)
    provision = _provision(reach, value, need, document)
    guard = _owner(reach.expression) or reach.expression
    return replace(provision, guard=guard) if layer.fallback else provision


def reach_use(layer: Layer, need: Need, document: Document) -> tuple[Reach, Value | None]:
    """Reach what a layer uses.

    Args:
        layer: a layer with a ``use``.
        need: what is opened by hand there.
        document: the file.

    Returns:
        How it is written at the place, and what it stands for; None where that is not known.

    Raises:
        Refusal: it cannot be reached from there.
    """
    assert layer.use is not None
    module, expression = layer.use.module, layer.use.expression
    inference = document.context.file.inference
    if module is None:
        reach = _reach_expression(expression, layer, need, document)
        value = inference.value(ast.parse(reach.expression, mode="eval").body, need.scope)
    else:
        first, dot, rest = expression.partition(".")
        found = inference.project.find(document.context.file.path, module)
        value = inference.member(found, first) if found else None
        for name in filter(None, rest.split(".")):
            value = inference.attribute(value, name)
        reach = reach_module(module, first, need.scope, document)
        reach = reach._replace(expression=f"{reach.expression}{dot}{rest}")
    return reach, value


def _reach_expression(expression: str, layer: Layer, need: Need, document: Document) -> Reach:
    root, dot, rest = expression.partition(".")
    if root == "self":
        cls = need.scope.enclosing_class()
        if cls is None or not cls.attributes(rest.partition(".")[0]):
            raise Refusal(f"the class has no `{_owner(expression)}`")
    elif not need.scope.lookup(root):
        if layer.bind and layer.bind.partition("=")[0].strip() == root:
            return Reach(expression, _bound_before(layer.bind, need.scope, document))
        home = need.known.home
        inference = document.context.file.inference
        if need.beside is None or home is None or inference.member(home.module, root) is None:
            raise Refusal(f"`{root}` is not known here; the policy's `use` can say `module:{root}`")
        reach = reach_beside(need.beside, root, need.scope, document)
        return reach._replace(expression=f"{reach.expression}{dot}{rest}")
    return Reach(expression)


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


def _provision(reach: Reach, value: object, need: Need, document: Document) -> Provision:
    function = value if isinstance(value, FunctionValue) else None
    known = document.context.file.inference.role(function)
    if known is not None and known.role is not Role.PROVIDER:
        raise Refusal(f"`{reach.expression}` is no context manager")
    if known is not None and known.is_async != need.known.is_async:
        raise Refusal(f"`{reach.expression}` is {'' if known.is_async else 'not '}asynchronous")
    if function is not None and _needs_arguments(function):
        raise Refusal(f"`{reach.expression}` needs arguments")
    return Provision(
        call=f"{reach.expression}()",
        edits=reach.edits,
        is_async=need.known.is_async,
        commits=known.commits if known is not None else True,
        keeps_loaded=bool(need.known.keeps_loaded),
        rolls_back=function is None or _rolls_back(function),
        doubts=tuple(_doubts(reach, function, need, document)),
        function=function,
    )


def _doubts(
    reach: Reach, function: FunctionValue | None, need: Need, document: Document
) -> Iterator[str]:
    """Say why a provider may open other sessions, or end them in another way."""
    if need.known.source is Role.SESSION_CLASS:
        yield from doubts_about_class(need.call, need.known, need.scope, function, document)
    elif not _opens_the_same(function, need, document):
        yield f"`{reach.expression}` may open sessions of another factory"
    if function is not None and _changes_errors(function):
        yield f"`{reach.expression}` does not raise every error again"


def _factory(call: ast.Call) -> ast.expr:
    """Give the factory of ``SessionLocal()`` and of ``SessionLocal.begin()``."""
    function = call.func
    if isinstance(function, ast.Attribute) and function.attr == "begin":
        return function.value
    return function


def _opens_the_same(function: FunctionValue | None, need: Need, document: Document) -> bool:
    """Tell whether a provider calls the factory, or the policy alone says what belongs together."""
    if document.context.legacy_replacement(need.call, need.scope) is not None:
        return True
    return _opens_any(function, need.opens) if function is not None else need.known.home is None


def _opens_any(function: FunctionValue, names: frozenset[str]) -> bool:
    """Tell whether a provider calls one of some factories."""
    calls = (node for node in ast.walk(function.node) if isinstance(node, ast.Call))
    return not names or any(last_segment(call.func) in names for call in calls)


def _needs_arguments(function: FunctionValue) -> bool:
    arguments = function.node.args
    given = 1 if function.owner is not None else 0
    positional = len(arguments.posonlyargs) + len(arguments.args) - given
    return positional > len(arguments.defaults) or None in arguments.kw_defaults


def _rolls_back(function: FunctionValue) -> bool:
    """Tell whether a provider rolls back by hand, or by the block of a transaction."""
    calls = (node for node in ast.walk(function.node) if isinstance(node, ast.Call))
    return any(last_segment(call.func) in ("begin", "rollback") for call in calls)


def _changes_errors(function: FunctionValue) -> bool:
    """Tell whether a handler of a provider ends in anything but raising the error again."""
    handlers = (node for node in ast.walk(function.node) if isinstance(node, ast.ExceptHandler))
    return any(not _raises_again(handler.body[-1]) for handler in handlers)


def _raises_again(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Raise) and statement.exc is None
