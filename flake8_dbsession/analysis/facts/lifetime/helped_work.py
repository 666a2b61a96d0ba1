"""The work that functions of the project do by a session which a call gives them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from flake8_dbsession.analysis.effects.calls import received_as
from flake8_dbsession.analysis.facts.scope.sequel import in_tries
from flake8_dbsession.analysis.library.methods import TRANSACTIONS, WORK
from flake8_dbsession.analysis.library.wrappers import PLAIN_DECORATORS
from flake8_dbsession.analysis.lifetimes.names import is_generator
from flake8_dbsession.analysis.names.functions import decorator_names
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope
from flake8_dbsession.analysis.names.values import FunctionValue
from flake8_dbsession.analysis.nodes import arguments, dotted_name, nodes_in, own_nodes

# Who does any of these may see to the error before it leaves.
_SEEING_TO = TRANSACTIONS | {"__exit__", "close", "invalidate", "reset", "rollback"}


def methods_of(session: str, nodes: Iterable[ast.AST]) -> Iterator[tuple[ast.Call, str]]:
    """Give the calls of a session's methods among some nodes, each with the method's name."""
    for node in nodes:
        if isinstance(node, ast.Call):
            owner, _, method = dotted_name(node.func).rpartition(".")
            if owner == session:
                yield node, method


def failing_work(
    call: ast.Call, session: str, scope: Scope, inference: Inference
) -> tuple[str, ...]:
    """Give the methods of a session by which a called function fails, and leaves it so.

    Args:
        call: the call.
        session: the session as it is written, among the arguments.
        scope: the scope of the call.
        inference: answers what is called.

    Returns:
        The methods, in the order of the text: of the function's own work, and of those that it
        gives the session. None where something catches the errors, or may roll back.
    """
    received = received_as(call, session, scope, inference)
    function = inference.value(call.func, scope) if received is not None else None
    if received is None or not isinstance(function, FunctionValue):
        return ()
    node, parameter = received
    if is_generator(node) or not decorator_names(node) <= PLAIN_DECORATORS:
        return ()
    inside = function.scope.child(node)
    return inference.questions.ask(
        inside.memory,
        ("failing work", parameter),
        lambda: tuple(_work_of(parameter, inside, inference)),
        (),
    )


def may_see_to(context: ast.expr, session: str, scope: Scope, inference: Inference) -> bool:
    """Tell whether the end of a block may roll back or close a session that its call is given.

    Args:
        context: what the block is over.
        session: the session as it is written.
        scope: the scope of the block.
        inference: answers what is called.

    Returns:
        False for a function of the project that does nothing of the kind.
    """
    if not isinstance(context, ast.Call):
        return False
    if not any(dotted_name(given) == session for given in arguments(context)):
        return False
    received = received_as(context, session, scope, inference)
    if received is None:
        return True
    node, parameter = received
    calls = [call for call in own_nodes(node) if isinstance(call, ast.Call)]
    return any(
        dotted_name(call.func) in {f"{parameter}.{method}" for method in _SEEING_TO}
        or any(dotted_name(given) == parameter for given in arguments(call))
        for call in calls
    )


def _work_of(session: str, function: Scope, inference: Inference) -> list[str]:
    nodes = own_nodes(function.node)
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    named = [(call, *dotted_name(call.func).rpartition(".")[::2]) for call in calls]
    if any(owner == session and method in _SEEING_TO for _, owner, method in named):
        return []
    caught = set(in_tries(nodes))
    guarded = [
        node
        for node in nodes
        if isinstance(node, (ast.With, ast.AsyncWith))
        if any(may_see_to(item.context_expr, session, function, inference) for item in node.items)
    ]
    caught |= {inner for node in guarded for part in node.body for inner in nodes_in(part)}
    works: list[str] = []
    for call, owner, method in named:
        if call in caught:
            continue
        if owner == session and method in WORK:
            works.append(method)
        else:
            works += failing_work(call, session, function, inference)
    return works
