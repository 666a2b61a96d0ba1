"""Streaming responses that handlers return while a session is injected into them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.effects.computing import LASTING, only_computes
from flake8_dbsession.analysis.effects.work.block import block_of
from flake8_dbsession.analysis.effects.work.carriers import (
    SESSION,
    Carrier,
    Carriers,
    attribute_of,
)
from flake8_dbsession.analysis.effects.work.loaded import Objects
from flake8_dbsession.analysis.facts.framework.handlers import enclosing_handler
from flake8_dbsession.analysis.facts.framework.held_work import sessions_held_at
from flake8_dbsession.analysis.facts.framework.injected_sessions import (
    Injected,
    injected_sessions,
)
from flake8_dbsession.analysis.facts.scope.carrying import scopes_mentioning
from flake8_dbsession.analysis.library.frameworks import (
    STREAM_WRAPPERS,
    STREAMING_PACKAGES,
    STREAMING_RESPONSES,
)
from flake8_dbsession.analysis.library.methods import ENDINGS
from flake8_dbsession.analysis.lifetimes.names import is_generator
from flake8_dbsession.analysis.names.functions import (
    arguments_of,
    parameter_for,
    receiving_parameter,
)
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Assigned, Scope, body_of, statements
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.names.values import (
    ClassValue,
    External,
    FunctionValue,
    RoleValue,
    Value,
)
from flake8_dbsession.analysis.nodes import arguments, dotted_name, is_name, nodes_in, own_nodes
from flake8_dbsession.named_tuples import NamedTuple

_WORDS = ("Streaming", "EventSource")
_STEPS = 3  # a name, and a function that returns what another gives


class Stream(NamedTuple):
    """A streaming response that a handler returns.

    Attributes:
        node: the ``return``.
        response: the call that makes the response.
        session: the parameter by which the session is injected.
        known: the session.
        scope: the handler's scope.
        uses_session: whether the generator works on the session.
        ends_early: whether FastAPI ends the dependency before the response is sent.
        is_held: whether the session is in a transaction by the time of the return.
        read: a loaded object that the generator reads, by its name in the handler; empty for none.
        worker: the generator to which that one hands the session on, doing no more with it; empty
            for none.
    """

    node: ast.Return
    response: ast.Call
    session: str
    known: RoleValue
    scope: Scope
    uses_session: bool
    ends_early: bool
    is_held: bool
    read: str
    worker: str = ""


def streams(tree: Tree, inference: Inference) -> Iterator[Stream]:
    """Find the streaming responses whose handlers have a session injected.

    Args:
        tree: the visited part of a file.
        inference: answers what parameters and responses are; its project tells FastAPI's version.

    Yields:
        Those whose body is a generator that the project defines, and whose session is in a
        transaction by the time of the return, or is used by the generator. A generator that ends
        the transaction itself is left out, and one that hands the session on to such a one.
    """
    for scope in scopes_mentioning(tree.scope, _WORDS):
        if enclosing_handler(scope, inference) is None:
            continue
        injected = list(injected_sessions(scope, inference))
        for statement, response in _returned_responses(scope, inference) if injected else ():
            generator = _generator_of(response, scope, inference)
            if generator is not None:
                for session in injected:
                    yield from _stream(statement, response, generator, session, scope, inference)


def _stream(
    statement: ast.Return,
    response: ast.Call,
    generator: tuple[FunctionValue, ast.Call],
    session: Injected,
    scope: Scope,
    inference: Inference,
) -> Iterator[Stream]:
    function, call = generator
    working = _working(function, call, session.name, scope, inference)
    uses, worker = working is not None, function
    if working is not None:
        handed = _handed_on(*working, inference)
        worker, _ = handed or working
        if any(_ends(each.node, name) for each, name in (working, handed or working)):
            return
    if not uses:
        held = sessions_held_at(scope, inference).get(statement, frozenset())
        if session.ends_early or session.name not in held:
            return
        if _yields_at_once(function, inference):
            return
    yield Stream(
        node=statement,
        response=response,
        session=session.name,
        known=session.known,
        scope=scope,
        uses_session=uses,
        ends_early=bool(session.ends_early),
        is_held=_is_held(statement, call, session.name, scope, inference),
        read=_object_read(function, call, session.name, scope, inference),
        worker=getattr(worker.node, "name", "") if worker is not function else "",
    )


def _handed_on(
    function: FunctionValue, session: str, inference: Inference, steps: int = _STEPS
) -> tuple[FunctionValue, str] | None:
    """Give the generator to which another hands its session on, with the name that it has there.

    That one goes through what it yields, and does nothing else with the session.
    """
    scope = function.scope.child(function.node)
    nodes = own_nodes(function.node)
    named = [node for node in nodes if is_name(node, session)]
    for node in nodes:
        match node:
            case ast.For(iter=ast.Call() as made) | ast.AsyncFor(iter=ast.Call() as made):
                pass
            case ast.YieldFrom(value=ast.Call() as made):
                pass
            case _:
                continue
        given = arguments(made)
        callee = inference.value(made.func, scope)
        if named and isinstance(callee, FunctionValue) and all(n in given for n in named):
            name = _received_as(callee, made, session)
            if name is not None and is_generator(callee.node):
                further = _handed_on(callee, name, inference, steps - 1) if steps else None
                return further or (callee, name)
    return None


def _is_held(
    statement: ast.Return, generator: ast.Call, session: str, handler: Scope, inference: Inference
) -> bool:
    """Tell whether a handler has done anything by its session but to give it to the generator."""
    given = set(nodes_in(generator))
    uses = (node for node in own_nodes(handler.node) if is_name(node, session))
    held = sessions_held_at(handler, inference).get(statement, frozenset())
    return session in held and any(node not in given for node in uses)


def _object_read(
    generator: FunctionValue, call: ast.Call, session: str, handler: Scope, inference: Inference
) -> str:
    """Name an object loaded by a handler's session of which a generator reads an attribute."""
    read = [name for name in _read_of_handler(generator, call, handler) if name != session]
    if not any(handler.bindings(name) for name in read):
        return ""
    objects = Objects(session, block_of(handler, inference=inference))
    return next((name for name in read if name in objects.names), "")


def _read_of_handler(generator: FunctionValue, call: ast.Call, handler: Scope) -> Iterator[str]:
    """Give the handler's names of what a generator reads attributes of."""
    scope, nodes = generator.scope.child(generator.node), own_nodes(generator.node)
    given = {
        parameter_for(generator, key): value.id
        for key, value in arguments_of(call)
        if isinstance(value, ast.Name)
    }
    called = {node.func for node in nodes if isinstance(node, ast.Call)}
    bound = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    for node in nodes:
        match node:
            case ast.Attribute(value=ast.Name(id=name)) if node not in called and name not in bound:
                is_outer = generator.scope.function() is handler and not scope.bindings(name)
                yield name if is_outer else given.get(name, "")


def returns_stream(handler: Scope, inference: Inference) -> bool:
    """Tell whether a request handler returns what goes on after it, on some way.

    Args:
        handler: the handler's scope.
        inference: answers what its responses are.
    """
    text = handler.module.text
    if not any(word in text for word in _WORDS):
        return False
    return any(_returned_responses(handler, inference))


def _returned_responses(
    handler: Scope, inference: Inference
) -> Iterator[tuple[ast.Return, ast.Call]]:
    for statement in statements(body_of(handler.node)):
        if isinstance(statement, ast.Return) and statement.value is not None:
            for value in _values(statement.value, handler):
                if isinstance(value, ast.Call) and _is_streaming(value, handler, inference):
                    yield statement, value
                    break


def _values(expression: ast.expr, scope: Scope) -> list[ast.expr]:
    """Give what a local name is assigned from; the expression itself where it is no name."""
    if not isinstance(expression, ast.Name):
        return [expression]
    hows = [binding.how for binding in scope.bindings(expression.id)]
    return [how.value for how in hows if isinstance(how, Assigned) and not how.path]


def _is_streaming(call: ast.Call, scope: Scope, inference: Inference) -> bool:
    value: Value | None = inference.value(call.func, scope)
    if isinstance(value, ClassValue):
        bases = [inference.value(base, value.scope) for base in value.node.bases]
        value = next((base for base in bases if isinstance(base, External)), None)
    if not isinstance(value, External):
        return False
    package, last = value.name.partition(".")[0], value.name.rpartition(".")[2]
    return package in STREAMING_PACKAGES and last in STREAMING_RESPONSES


def _generator_of(
    response: ast.Call, scope: Scope, inference: Inference
) -> tuple[FunctionValue, ast.Call] | None:
    """Find the generator that a response sends, and the call that makes it."""
    given = {keyword.arg: keyword.value for keyword in response.keywords}
    body = response.args[0] if response.args else given.get("content")
    return _made_by(body, scope, inference, _STEPS) if body is not None else None


def _made_by(
    expression: ast.expr, scope: Scope, inference: Inference, steps: int
) -> tuple[FunctionValue, ast.Call] | None:
    for value in _values(expression, scope):
        if not isinstance(value, ast.Call) or not steps:
            continue
        callee = inference.value(value.func, scope)
        if isinstance(callee, FunctionValue):
            if is_generator(callee.node):
                return callee, value
        elif (
            getattr(value.func, "id", getattr(value.func, "attr", "")) in STREAM_WRAPPERS
            and value.args
        ):
            return _made_by(value.args[0], scope, inference, steps - 1)
    return None


def _working(
    function: FunctionValue, call: ast.Call, session: str, scope: Scope, inference: Inference
) -> tuple[FunctionValue, str] | None:
    """Find the generator that works on a session, and the name that the session has there.

    Args:
        function: the generator that is sent.
        call: the call that makes it.
        session: the session's name where the call stands.
        scope: the scope that it stands in.
        inference: answers what is called.

    Returns:
        The one that is sent, or one that it is given and takes the values of; None for none.
    """
    name = _received_as(function, call, session) or _kept_as(
        function, call, session, scope, inference
    )
    if name is not None and _works_on(function.node, name):
        return function, name
    for key, value in arguments_of(call):
        parameter = receiving_parameter(function, key)
        if parameter is not None and _iterates(function.node, parameter):
            inner = _made_by(value, scope, inference, _STEPS)
            if inner is not None and inner[1] is not call:
                found = _working(*inner, session, scope, inference)
                if found is not None:
                    return found
    return None


def _kept_as(
    function: FunctionValue, call: ast.Call, session: str, scope: Scope, inference: Inference
) -> str | None:
    """Give the attribute by which a method has a session that its object was made with."""
    if not isinstance(call.func, ast.Attribute) or function.receiver is None:
        return None
    made = Carriers(frozenset({(session, SESSION)}), scope, inference).value(call.func.value)
    if not isinstance(made, Carrier):
        return None
    attributes = (
        node.attr
        for node in own_nodes(function.node)
        if isinstance(node, ast.Attribute) and is_name(node.value, function.receiver)
    )
    kept = (each for each in attributes if attribute_of(made, each, inference) is SESSION)
    return next((f"{function.receiver}.{each}" for each in kept), None)


def _iterates(generator: ast.AST, name: str) -> bool:
    """Tell whether a generator takes the values of what it is given by a name."""
    for node in own_nodes(generator):
        match node:
            case ast.For(iter=taken) | ast.AsyncFor(iter=taken) | ast.YieldFrom(value=taken):
                if is_name(taken, name):
                    return True
    return False


def _received_as(function: FunctionValue, call: ast.Call, session: str) -> str | None:
    """Give the name by which a generator has a session: a parameter's, or the handler's own."""
    arguments_ = function.node.args
    parameters = [*arguments_.posonlyargs, *arguments_.args]
    if function.owner is not None:
        parameters = parameters[1:]
    for parameter, argument in zip(parameters, call.args, strict=False):
        if isinstance(argument, ast.Name) and argument.id == session:
            return parameter.arg
    for keyword in call.keywords:
        if isinstance(keyword.value, ast.Name) and keyword.value.id == session:
            return keyword.arg
    is_nested = function.scope.function() is not None
    is_own = session in {parameter.arg for parameter in parameters}
    return session if is_nested and not is_own else None


def _works_on(generator: ast.AST, name: str) -> bool:
    """Tell whether a generator calls a method of its session, or hands it to what may."""
    for node in own_nodes(generator):
        match node:
            case ast.Call(func=ast.Attribute(value=owner)) if dotted_name(owner) == name:
                return True
            case ast.Call():
                if any(dotted_name(each) == name for each in arguments(node)):
                    return True
    return False


def _yields_at_once(function: FunctionValue, inference: Inference) -> bool:
    """Tell whether a generator yields a few values, and does nothing between them that lasts."""
    scope = function.scope.child(function.node)
    return all(
        only_computes(node, scope, inference) if isinstance(node, ast.Call) else _is_over_soon(node)
        for node in own_nodes(function.node)
    )


def _is_over_soon(node: ast.AST) -> bool:
    match node:
        case ast.For(iter=several) | ast.YieldFrom(value=several):
            return isinstance(several, (ast.List, ast.Set, ast.Tuple))
    return not isinstance(node, LASTING)


def _ends(generator: ast.AST, name: str) -> bool:
    return any(
        isinstance(node, ast.Attribute) and node.attr in ENDINGS and dotted_name(node.value) == name
        for node in own_nodes(generator)
    )
