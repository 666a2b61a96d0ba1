"""Closes by hand: the ``.close()`` calls on sessions and connections, and whose those are."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from enum import Enum
from operator import or_

from flake8_dbsession.analysis.facts.framework.handlers import enclosing_handler
from flake8_dbsession.analysis.facts.framework.injections import written_for
from flake8_dbsession.analysis.facts.lifetime.conditions import missing_under
from flake8_dbsession.analysis.facts.lifetime.guards import under_ownership
from flake8_dbsession.analysis.facts.scope.carrying import scopes_mentioning
from flake8_dbsession.analysis.flow import build
from flake8_dbsession.analysis.flow.forward import carry_forward
from flake8_dbsession.analysis.flow.graph import Bind, Evaluate, Event
from flake8_dbsession.analysis.library.frameworks import REQUEST_OBJECTS, TEARDOWN_HOOKS
from flake8_dbsession.analysis.library.methods import CLOSES
from flake8_dbsession.analysis.library.python import TEARDOWNS
from flake8_dbsession.analysis.library.wrappers import EXITING
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.functions import (
    decorator_names,
    is_context_manager,
    is_fixture,
)
from flake8_dbsession.analysis.names.inference import Inference, injected_callable
from flake8_dbsession.analysis.names.parents import ancestors_in, readings_in
from flake8_dbsession.analysis.names.scopes import (
    LOOPS,
    Assigned,
    Binding,
    Entered,
    Parameter,
    Scope,
    ScopeNode,
    body_of,
    last_segment,
    statements,
)
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.names.values import (
    OPENING,
    External,
    FunctionValue,
    Role,
    RoleValue,
    Value,
)
from flake8_dbsession.analysis.nodes import (
    arguments,
    is_name,
    names,
    nodes_in,
    own_nodes,
    unawaited,
)
from flake8_dbsession.analysis.source.mentions import hints
from flake8_dbsession.named_tuples import NamedTuple

# What a function does on the way to closing a session, without working with it.
_CLOSING_WORK = frozenset(
    {"aclose", "close", "commit", "expunge_all", "hasattr", "isinstance", "remove", "rollback"}
)


# What runs a part of a function on some ways alone, or several times.
_CHOOSING = (*LOOPS, ast.If, ast.Match)


class Origin(Enum):
    """Whose the closed session or connection is."""

    OWN = "opened by the function itself"
    BLOCK = "opened by a with block of the function"
    INSTANCE = "opened by the method itself, for its object"
    PARAMETER = "a parameter"
    EITHER = "a parameter, or opened by the function itself where that was left out"
    DEPENDENCY = "injected by a framework"
    REQUEST = "the request's"


class HandClose(NamedTuple):
    """A call that closes a session or connection.

    Attributes:
        node: the call.
        known: what is closed.
        origin: whose it is.
        scope: the function, or the module, that closes it.
        giver: what gave it, where it is borrowed: a parameter's name, or the accessor's call.
        opened: the expression that opened it, where the function itself did.
    """

    node: ast.Call
    known: RoleValue
    origin: Origin
    scope: Scope
    giver: str = ""
    opened: ast.expr | None = None

    @property
    def receiver(self) -> ast.expr:
        """What ``close`` is called on."""
        assert isinstance(self.node.func, ast.Attribute)
        return self.node.func.value

    @property
    def next_opening(self) -> ast.expr | None:
        """What opens another session under the same name on some ways, so that no block has both.

        What is closed before the next section opens its own is none, nor what another branch opens.
        """
        openings = self._openings
        return next((each for each in openings[1:] if self._takes_over(each, openings[0])), None)

    def _takes_over(self, later: ast.expr, first: ast.expr) -> bool:
        """Tell whether the session of one opening is closed where that of another is."""
        around = _choices_around(first, self.scope)
        beside = _choices_around(later, self.scope)
        inner = beside - around
        is_either = any(isinstance(c, ast.If) and _is_between(c, first, later) for c in around)
        if not inner or not around <= beside or is_either:
            return False
        name = getattr(self.receiver, "id", "")
        inside = {node for choice in inner for node in nodes_in(choice)}
        return any(
            isinstance(node, ast.Attribute)
            and node.attr in CLOSES
            and is_name(node.value, name)
            and node.lineno > later.lineno
            and node not in inside
            for node in own_nodes(self.scope.node)
        )

    @property
    def may_be_none(self) -> bool:
        """Whether it is opened under a condition of the function's own, and is None without it."""
        match self._openings:
            case [opening] if self.origin is Origin.OWN:
                above = [opening, *ancestors_in(opening, self.scope)]
                closing = set(ancestors_in(self.node, self.scope))
                tests = [
                    node.test
                    for node in above
                    if isinstance(node, (ast.If, ast.IfExp)) and node not in closing
                ]
                name = getattr(self.receiver, "id", "")
                return self._begins_as_none and any(not names(test, name) for test in tests)
        return False

    @property
    def _values(self) -> list[ast.expr]:
        """What a name is assigned that stands for what is closed, in the order of the text."""
        bindings = self.scope.bindings(getattr(self.receiver, "id", ""))
        hows = [binding.how for binding in bindings]
        values = [how.value for how in hows if isinstance(how, Assigned) and not how.path]
        return sorted(values, key=lambda value: value.lineno)

    @property
    def _openings(self) -> list[ast.expr]:
        return [value for value in self._values if not _is_none(value)]

    @property
    def _begins_as_none(self) -> bool:
        return any(_is_none(v) or _is_none(getattr(v, "orelse", None)) for v in self._values)

    @property
    def is_unpacked(self) -> bool:
        """Whether it came beside other things, so that no block can open it."""
        name = getattr(self.receiver, "id", "")
        hows = (binding.how for binding in self.scope.bindings(name))
        return any(isinstance(how, Assigned) and how.path for how in hows)

    @property
    def is_borrowed(self) -> bool:
        """Whether somebody else closes it."""
        return self.origin not in (Origin.OWN, Origin.BLOCK, Origin.INSTANCE)


def hand_closes(tree: Tree, inference: Inference) -> Iterator[HandClose]:
    """Find the closes by hand in functions and at the top level.

    Args:
        tree: the visited part of a file.
        inference: answers what is closed.

    Yields:
        The closes, those left out whose whole point is the close: in a teardown, in another method
        of the object than the one that opened it, in a function that the session was handed over
        to.
    """
    visited = {node for node, _ in tree.functions()} | {tree.scope.node}
    for scope in scopes_mentioning(tree.scope, {".close(", ".aclose("}):
        if not _is_teardown(scope.node) and not is_fixture(scope.node):
            owned = under_ownership(scope, inference)
            for call, receiver in _close_calls(scope.node):
                if call not in owned and (scope.node in visited or _may_be_kept(receiver)):
                    found = _hand_close(call, receiver, scope, inference)
                    if found is not None and not _is_its_work(found, tree, inference):
                        yield found


def _close_calls(node: ast.AST) -> Iterator[tuple[ast.Call, ast.expr]]:
    for call in own_nodes(node):
        match call:
            case ast.Call(func=ast.Attribute(value=receiver, attr=method), args=[]):
                if method in CLOSES:
                    yield call, receiver


def _may_be_kept(receiver: ast.expr) -> bool:
    """Tell whether an attribute may hold a session: a function that opens none can close those."""
    return isinstance(receiver, ast.Attribute) and hints(receiver.attr)


def _hand_close(
    call: ast.Call, receiver: ast.expr, scope: Scope, inference: Inference
) -> HandClose | None:
    known = inference.known(receiver, scope)
    if known is not None and known.role is Role.REGISTRY and isinstance(receiver, ast.Attribute):
        is_request = enclosing_handler(scope, inference) is not None
        giver = ast.unparse(receiver)
        return HandClose(call, known, Origin.REQUEST, scope, giver) if is_request else None
    if known is None or known.role not in (Role.OPENED, Role.LENT, Role.GIVEN):
        return None
    match receiver:
        case ast.Name(id=name):
            return _of_name(call, name, known, scope, inference)
        case ast.Attribute(value=ast.Name(id=owner)) if _is_self(owner, scope):
            opened = known.role is Role.LENT and known.source in OPENING
            is_own = opened and _is_opened_above(receiver, call, scope)
            return HandClose(call, known, Origin.INSTANCE, scope) if is_own else None
        case ast.Call() if _is_request_scoped(receiver, known, scope, inference):
            return HandClose(call, known, Origin.REQUEST, scope, ast.unparse(receiver))
    return None


def _is_opened_above(attribute: ast.Attribute, close: ast.Call, scope: Scope) -> bool:
    """Tell whether a method sets an attribute of its object, and then closes it on every way."""
    assigned = [
        node.lineno
        for node in own_nodes(scope.node)
        if isinstance(node, ast.Assign)
        and any(ast.unparse(target) == ast.unparse(attribute) for target in node.targets)
    ]
    return any(line < close.lineno for line in assigned) and close in _always_run(scope)


@remembered
def _always_run(scope: Scope) -> frozenset[ast.AST]:
    """Give the calls that a function makes under no condition, errors before them left aside."""
    found: set[ast.AST] = set()
    pending = list(body_of(scope.node))
    while pending:
        match pending.pop():
            case ast.Try(body=body, orelse=orelse, finalbody=finalbody):
                pending += [*body, *orelse, *finalbody]
            case ast.With(body=body) | ast.AsyncWith(body=body):
                pending += body
            case ast.Expr(value=value):
                found.add(unawaited(value))
    return frozenset(found)


def _of_name(
    call: ast.Call, name: str, known: RoleValue, scope: Scope, inference: Inference
) -> HandClose | None:
    bindings = scope.bindings(name)
    parameters = [b.how for b in bindings if isinstance(b.how, Parameter)]
    if parameters:
        if known.role is Role.GIVEN and len(bindings) == 1:
            return _of_parameter(call, parameters[0], known, scope, inference)
        if known.role is not Role.OPENED or not _stands_in(scope, name):
            return None
        if call in _reached_as_given(scope, name):
            return HandClose(call, known, Origin.EITHER, scope, name)
        opened = next((how.value for b in bindings if isinstance(how := b.how, Assigned)), None)
        return HandClose(call, known, Origin.OWN, scope, opened=opened)
    if known.role is Role.OPENED:
        given = _given_instead(scope, name)
        if given is not None:
            return HandClose(call, known, Origin.EITHER, scope, given)
        opened = next((how.value for b in bindings if isinstance(how := b.how, Assigned)), None)
        return HandClose(call, known, Origin.OWN, scope, opened=opened) if bindings else None
    if len(bindings) == 1 and isinstance(bindings[0].how, Entered):
        if _is_used_on(call, bindings[0].how.context, scope):
            return None
        return HandClose(call, known, Origin.BLOCK, scope)
    for binding in bindings:
        giver = _request_accessor(binding, inference)
        if giver is not None:
            return HandClose(call, known, Origin.REQUEST, scope, ast.unparse(giver))
    return None


@remembered
def _stands_in(scope: Scope, name: str) -> bool:
    """Tell whether a parameter is only bound anew where it was left out."""
    rebound = [
        statement
        for statement in statements(body_of(scope.node))
        if isinstance(statement, ast.Assign) and any(is_name(t, name) for t in statement.targets)
    ]
    tested = [test for statement in _ifs(scope) for test in nodes_in(statement.test)]
    asks = any(is_name(node, name) for node in tested)
    return bool(rebound) and all(_falls_back(each.value, name) or asks for each in rebound)


@remembered
def _reached_as_given(scope: Scope, name: str) -> frozenset[ast.AST]:
    """Find the calls to which some way leads on which a parameter is what was given."""
    graph = build(scope.node)  # type: ignore[arg-type]
    if graph is None:
        return frozenset(own_nodes(scope.node))

    def step(event: Event, is_given: bool) -> tuple[bool, bool]:
        return is_given and not _binds(event, name), is_given

    found: set[ast.AST] = set()
    for number, is_given in carry_forward(graph, True, step, or_).items():
        for event in graph.blocks[number].events:
            if is_given and isinstance(event, Evaluate):
                found.add(event.node)
            is_given, _ = step(event, is_given)
    return frozenset(found)


def _binds(event: Event, name: str) -> bool:
    """Tell whether a name is given another value, of which its own can be no part."""
    match event:
        case Bind(target=str(bound) | ast.Name(id=bound), value=value) if bound == name:
            return value is None or not names(value, name)
    return False


@remembered
def _given_instead(scope: Scope, name: str) -> str | None:
    """Give the parameter whose value a name has instead of a new session: ``db or Session()``."""
    bindings = scope.bindings(name)
    values = [binding.how.value for binding in bindings if isinstance(binding.how, Assigned)]
    named = {node.id for v in values for node in nodes_in(v) if isinstance(node, ast.Name)}
    for other in sorted(named):
        is_parameter = any(isinstance(b.how, Parameter) for b in scope.bindings(other))
        if is_parameter and any(_falls_back(value, other) for value in values):
            return other
    return None


def _ifs(scope: Scope) -> Iterator[ast.If]:
    for statement in statements(body_of(scope.node)):
        if isinstance(statement, ast.If):
            yield statement


@remembered
def _loops(scope: Scope) -> list[ast.stmt]:
    return [each for each in statements(body_of(scope.node)) if isinstance(each, LOOPS)]


def _falls_back(value: ast.expr, name: str) -> bool:
    """Tell whether a value is a name's own, or another where there is none."""
    match value:
        case ast.BoolOp(op=ast.Or(), values=[ast.Name(id=first), *_]):
            return first == name
        case ast.IfExp(body=body, orelse=orelse):
            return any(is_name(part, name) for part in (body, orelse))
    return False


def _is_used_on(close: ast.Call, block: ast.expr, scope: Scope) -> bool:
    """Tell whether a session is worked with after a close in its block, which only empties it.

    A loop in the block around the close comes back to whatever it does with the session.
    """
    assert isinstance(close.func, ast.Attribute)
    closed = close.func.value
    first = min(
        (
            loop.lineno
            for loop in _loops(scope)
            if block.lineno < loop.lineno < close.lineno <= (loop.end_lineno or 0)
        ),
        default=close.lineno + 1,
    )
    named = _named(scope).get(ast.unparse(closed), ())
    return any(node is not closed and node.lineno >= first for node in named)


@remembered
def _named(scope: Scope) -> dict[str, list[ast.Name]]:
    """Give the places where a function itself names each name."""
    found: dict[str, list[ast.Name]] = {}
    for node in own_nodes(scope.node):
        if isinstance(node, ast.Name):
            found.setdefault(node.id, []).append(node)
    return found


def _of_parameter(
    call: ast.Call, parameter: Parameter, known: RoleValue, scope: Scope, inference: Inference
) -> HandClose | None:
    name = parameter.arg.arg
    if not any(injected_by(parameter, scope, inference)):
        return HandClose(call, known, Origin.PARAMETER, scope, name)
    # A dependency that returns a new session leaves the close to the handler.
    return (
        None if known.source in OPENING else HandClose(call, known, Origin.DEPENDENCY, scope, name)
    )


def injected_by(
    parameter: Parameter, function: Scope, inference: Inference
) -> Iterator[tuple[ast.expr, Scope]]:
    """Find what a framework calls for a parameter: ``get_db`` of ``Depends(get_db)``.

    Args:
        parameter: the parameter.
        function: the function whose parameter it is.
        inference: follows an alias of its annotation.

    Yields:
        What is handed to the framework, in the default, in ``Annotated`` or behind an alias of
        that, each with the scope that it is read in.
    """
    outside = function.parent or function
    for part, scope in written_for(parameter.arg, parameter.default, outside, inference):
        for node in nodes_in(part):
            injected = injected_callable(node, scope) if isinstance(node, ast.Call) else None
            if injected is not None:
                yield injected, scope


def _request_accessor(binding: Binding, inference: Inference) -> ast.expr | None:
    """Give the call of a request-scoped accessor that a name is assigned from."""
    value = getattr(binding.how, "value", None)
    call = unawaited(value)
    if isinstance(call, ast.Call):
        known = inference.known(call, binding.scope)
        if known is not None and _is_request_scoped(call, known, binding.scope, inference):
            return call
    return None


def _is_request_scoped(
    call: ast.Call, known: RoleValue, scope: Scope, inference: Inference
) -> bool:
    """Tell whether a call lends the session of the request: one that is kept on flask's ``g``."""
    if known.role is not Role.LENT or known.source is not Role.LENDER:
        return False
    lender = inference.value(call.func, scope)
    if not isinstance(lender, FunctionValue):
        return known.home is None  # the policy's word for it
    inner = lender.scope.child(lender.node)
    return any(
        isinstance(node, ast.Name) and _is_request_object(inference.value(node, inner))
        for node in own_nodes(lender.node)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    )


def _is_request_object(value: Value | None) -> bool:
    return isinstance(value, External) and value.name in REQUEST_OBJECTS


def _is_its_work(found: HandClose, tree: Tree, inference: Inference) -> bool:
    """Tell whether closing is just what a function is there for."""
    if found.origin not in (Origin.PARAMETER, Origin.EITHER):
        return False
    node = found.scope.node
    return (
        is_context_manager(node)
        or (found.origin is Origin.PARAMETER and _only_ends(found.scope, found.giver))
        or _is_under_flag(found)
        or _is_where_none_was_given(found)
        or _is_handed_over(found.scope, tree, inference)
    )


def _is_teardown(node: ScopeNode) -> bool:
    """Tell whether Python, a test runner or a framework calls a function to end things."""
    name = getattr(node, "name", "")
    return name in EXITING or name in TEARDOWNS or bool(decorator_names(node) & TEARDOWN_HOOKS)


@remembered
def _only_ends(scope: Scope, parameter: str) -> bool:
    """Tell whether a function does nothing with what it is given but to end it."""
    readings = readings_in(scope).get(parameter, ())
    return all(_is_no_work(reading, scope) for reading in readings)


def _is_no_work(reading: ast.Name, scope: Scope) -> bool:
    """Tell whether a session is only ended, or asked for, where its name is read."""
    match next(ancestors_in(reading, scope), None):
        case ast.Attribute(attr=name) | ast.Call(func=ast.Name(id=name)):
            return name in _CLOSING_WORK
        case ast.BoolOp() | ast.Compare() | ast.If() | ast.IfExp() | ast.UnaryOp():
            return True
    return False


def _is_under_flag(found: HandClose) -> bool:
    """Tell whether a flag decides about the close: ``if own_session: db.close()``."""
    closed = ast.dump(found.receiver)
    return any(_tests_a_flag(test, closed) for test in _tests(found.scope).get(found.node, ()))


@remembered
def _tests(scope: Scope) -> dict[ast.Call, list[ast.expr]]:
    """Give the calls that run under conditions, with the tests of these."""
    found: dict[ast.Call, list[ast.expr]] = {}
    for statement in statements(body_of(scope.node)):
        if isinstance(statement, ast.If):
            for node in nodes_in(statement):
                if isinstance(node, ast.Call):
                    found.setdefault(node, []).append(statement.test)
    return found


def _is_where_none_was_given(found: HandClose) -> bool:
    """Tell whether a close runs only where what would have given the session is missing."""
    if is_name(found.receiver, found.giver) or len(found.scope.bindings(found.giver)) > 1:
        return False
    around = ancestors_in(found.node, found.scope)
    return any(is_name(missing, found.giver) for missing in missing_under(found.node, around))


def _tests_a_flag(test: ast.expr, closed: str) -> bool:
    """Tell whether a test asks for a plain name or attribute that is not what is closed."""
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return _tests_a_flag(operand, closed)
        case ast.BoolOp(values=values):
            return any(_tests_a_flag(value, closed) for value in values)
        case ast.Name() | ast.Attribute():
            return ast.dump(test) != closed
    return False


def _is_handed_over(scope: Scope, tree: Tree, inference: Inference) -> bool:
    """Tell whether a function of this file is started elsewhere, or given a session for good."""
    name = getattr(scope.node, "name", "")
    uses = _uses(tree.scope).get(name, [])
    return any(
        not isinstance(use, ast.Call) or gives_new(use, tree.scope, inference) for use in uses
    )


@remembered
def _uses(module: Scope) -> dict[str, list[ast.expr]]:
    """Give the calls of each name in a module, and where it is read without being called."""
    found: dict[str, list[ast.expr]] = {}
    called: set[ast.AST] = set()
    for node in nodes_in(module.node):
        match node:
            case ast.Call(func=function):
                called.add(function)
                found.setdefault(last_segment(function), []).append(node)
            case ast.Name(id=name, ctx=ast.Load()) | ast.Attribute(attr=name, ctx=ast.Load()):
                if node not in called:
                    found.setdefault(name, []).append(node)
    return found


def gives_new(call: ast.Call, scope: Scope, inference: Inference) -> bool:
    """Tell whether a call is given a session that is opened for it alone."""
    values = (inference.value(a, scope) for a in arguments(call) if isinstance(a, ast.Call))
    return any(isinstance(value, RoleValue) and value.role is Role.OPENED for value in values)


def _choices_around(node: ast.AST, scope: Scope) -> set[ast.AST]:
    return {above for above in ancestors_in(node, scope) if isinstance(above, _CHOOSING)}


def _is_between(choice: ast.If, first: ast.expr, later: ast.expr) -> bool:
    """Tell whether the ``else`` of a statement begins between two expressions."""
    return bool(choice.orelse) and first.lineno < choice.orelse[0].lineno <= later.lineno


def _is_none(value: ast.AST | None) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


def _is_self(name: str, scope: Scope) -> bool:
    return any(isinstance(b.how, Parameter) and b.how.is_receiver for b in scope.bindings(name))
