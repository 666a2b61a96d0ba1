"""The sanctioned way to a session at a place: what to call, how it is reached, what it does."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from flake8_dbsession.analysis.facts.acquisitions import Acquisition
from flake8_dbsession.analysis.names.scopes import FUNCTIONS, Scope, last_segment
from flake8_dbsession.analysis.names.values import FunctionValue, Known, Role
from flake8_dbsession.fixes.base import Edit, Refusal
from flake8_dbsession.fixes.document import Document
from flake8_dbsession.fixes.imports import Reach, reach_beside, reach_module
from flake8_dbsession.policy.model import Layer, Style


@dataclass(frozen=True, slots=True)
class Provision:
    """The sanctioned way to a session at a place.

    Attributes:
        call: the call to enter with ``with``, such as ``get_db_session()``.
        edits: those that make it known there: imports, and a policy's ``bind`` line.
        is_async: whether it is entered with ``async with``.
        commits: whether its block commits when it ends well, as far as that is known.
        keeps_loaded: whether a commit leaves the objects loaded.
        doubts: what else it may do that the code as it is does not.
    """

    call: str
    edits: tuple[Edit, ...]
    is_async: bool
    commits: bool
    keeps_loaded: bool
    doubts: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The provider, for messages."""
        return self.call.removesuffix("()")


def provision_for(acquisition: Acquisition, document: Document) -> Provision:
    """Find what to use instead of opening a session by hand.

    Args:
        acquisition: what is opened.
        document: the file.

    Returns:
        The layer's own provider, else the one beside the factory.

    Raises:
        Refusal: there is none that can be used here, or it is no context manager.
    """
    context, scope = document.context, acquisition.scope
    pattern = context.pattern(acquisition.known, acquisition.name or "db", scope) or ""
    if "Depends(" in pattern:
        raise Refusal(f"the standard here is a parameter, {pattern}")
    layer = context.layer
    if layer and layer.use and layer.declared and layer.style is Style.REQUEST:
        raise Refusal(f"the standard here is {pattern}, which is closed elsewhere")
    layers = context.declared_blocks()
    if layers:
        return _of_layer(layers[0], acquisition, document)
    return _of_house(acquisition, document)


def _of_house(acquisition: Acquisition, document: Document) -> Provision:
    house = document.context.file.house(acquisition.known)
    home = acquisition.known.home
    if house is None or home is None:
        raise Refusal("the project's session provider is not known; a layer of the policy names it")
    if house.provider is None:
        raise Refusal("the project has no session provider")
    value = document.context.file.inference.member(home.module, house.provider)
    if not _opens_the_same(value, acquisition, document):
        raise Refusal(f"`{house.provider}` may open sessions of another factory")
    written = _factory(acquisition)
    reach = reach_beside(written, house.provider, acquisition.scope, document)
    return _provision(reach, value, acquisition.known, document)


def _of_layer(layer: Layer, acquisition: Acquisition, document: Document) -> Provision:
    assert layer.use is not None
    module, expression = layer.use.module, layer.use.expression
    scope, inference = acquisition.scope, document.context.file.inference
    if module is None:
        reach = _reach_expression(expression, layer, scope)
        value = inference.value(ast.parse(expression, mode="eval").body, scope)
    else:
        first, dot, rest = expression.partition(".")
        found = inference.project.find(document.context.file.path, module)
        value = inference.member(found, first) if found and not rest else None
        reach = reach_module(module, first, scope, document)
        reach = reach._replace(expression=f"{reach.expression}{dot}{rest}")
    return _provision(reach, value, acquisition.known, document)


def _reach_expression(expression: str, layer: Layer, scope: Scope) -> Reach:
    root, _, rest = expression.partition(".")
    if not scope.lookup(root):
        raise Refusal(f"`{root}` is not known here; the policy's `use` can say `module:{root}`")
    if root == "self":
        cls = scope.enclosing_class()
        if cls is None or not cls.attributes(rest.partition(".")[0]):
            raise Refusal(f"the class has no `{expression.rpartition('.')[0]}`")
    return Reach(expression)


def _provision(reach: Reach, value: object, opened: Known, document: Document) -> Provision:
    function = value if isinstance(value, FunctionValue) else None
    known = document.context.file.inference.role(function)
    if known is not None and known.role is not Role.PROVIDER:
        raise Refusal(f"`{reach.expression}` is no context manager")
    if known is not None and known.is_async != opened.is_async:
        raise Refusal(f"`{reach.expression}` is {'' if known.is_async else 'not '}asynchronous")
    if function is not None and _needs_arguments(function):
        raise Refusal(f"`{reach.expression}` needs arguments")
    doubts: tuple[str, ...] = ()
    if function is not None and _changes_errors(function):
        doubts = (f"`{reach.expression}` does not raise every error again",)
    return Provision(
        call=f"{reach.expression}()",
        edits=reach.edits,
        is_async=opened.is_async,
        commits=known.commits if known is not None else True,
        keeps_loaded=opened.keeps_loaded is True,
        doubts=doubts,
    )


def _factory(acquisition: Acquisition) -> ast.expr:
    """Give the factory of ``SessionLocal()`` and of ``SessionLocal.begin()``."""
    function = acquisition.node.func
    if isinstance(function, ast.Attribute) and function.attr == "begin":
        return function.value
    return function


def _opens_the_same(value: object, acquisition: Acquisition, document: Document) -> bool:
    """Tell whether a provider calls the factory that the code calls."""
    if not isinstance(value, FunctionValue):
        return False
    names = document.context.file.names(_factory(acquisition), acquisition.scope)
    wanted = {name.rpartition(".")[2] for name in names}
    calls = (node for node in ast.walk(value.node) if isinstance(node, ast.Call))
    return any(last_segment(call.func) in wanted for call in calls)


def _needs_arguments(function: FunctionValue) -> bool:
    arguments = function.node.args
    given = 1 if function.owner is not None else 0
    positional = len(arguments.posonlyargs) + len(arguments.args) - given
    return positional > len(arguments.defaults) or None in arguments.kw_defaults


def _changes_errors(function: FunctionValue) -> bool:
    """Tell whether a handler of a provider ends in anything but raising the error again."""
    handlers = (node for node in ast.walk(function.node) if isinstance(node, ast.ExceptHandler))
    return any(not _raises_again(handler.body[-1]) for handler in handlers)


def _raises_again(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Raise) and statement.exc is None


def functions_around(scope: Scope) -> Scope:
    """Give the function, or the module, whose statements a scope's code belongs to."""
    function = scope.function()
    while function is not None and not isinstance(function.node, FUNCTIONS):
        function = function.parent
    return function or scope.module.scope
