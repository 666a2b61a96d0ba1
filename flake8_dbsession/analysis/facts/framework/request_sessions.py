"""Sessions that somebody has to end: a request's, and those of threads that live on."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import takewhile

from flake8_dbsession.analysis.facts.acquisition.acquisitions import (
    Acquisition,
    Holder,
    acquisitions,
)
from flake8_dbsession.analysis.facts.engine.reach import reached_from
from flake8_dbsession.analysis.facts.framework.handlers import enclosing_handler, is_handler
from flake8_dbsession.analysis.facts.framework.long_threads import long_threads
from flake8_dbsession.analysis.library.frameworks import REQUEST_OBJECTS, TEARDOWN
from flake8_dbsession.analysis.names.inference import Inference, injected_callable
from flake8_dbsession.analysis.names.scopes import FUNCTIONS, Scope, last_segment
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.names.values import External, FunctionValue, Resource, Role
from flake8_dbsession.analysis.nodes import dotted_name, own_nodes
from flake8_dbsession.named_tuples import NamedTuple

_ENDS = frozenset({"close", "remove"})
_TRANSACTION_ENDS = _ENDS | {"commit", "rollback"}


class RequestSession(NamedTuple):
    """A session that somebody has to close when the request, or the work, ends.

    Attributes:
        node: the code that takes or keeps it.
        registry: the registry that it comes from, as it is written; empty for one kept on ``g``.
        is_torn_down: whether anything in the project may close or remove it then.
        thread: what starts the work of a thread that lives on, as it is written, where the session
            is one of such a thread; empty for a request's.
    """

    node: ast.expr
    registry: str
    is_torn_down: bool
    thread: str = ""


def request_sessions(tree: Tree, inference: Inference) -> Iterator[RequestSession]:
    """Find the sessions of requests.

    Args:
        tree: the visited part of a file.
        inference: answers what is kept and called; its project is searched for teardowns.

    Yields:
        Each new session kept on ``g``, and the first use of a registry in each request handler
        that does not itself close what it takes; and the first use in each function that a thread
        runs which lives on, where nothing ends the transaction.
    """
    path = tree.scope.module.path
    for acquisition in acquisitions(tree, inference):
        if _is_kept_on_g(acquisition, inference):
            is_torn_down = inference.project.may_hold(path, TEARDOWN)
            yield RequestSession(acquisition.node, "", is_torn_down)
    seen: set[tuple[ast.AST, str]] = set()
    for call, scope in tree.find(ast.Call):
        handler = enclosing_handler(scope, inference) or _given_to(call, scope, tree, inference)
        if handler is None or isinstance(tree.parent(call), ast.withitem):
            continue
        registry = _used_registry(call, scope, tree, inference)
        if registry and (handler, registry) not in seen and not _ends_itself(handler):
            seen.add((handler, registry))
            is_torn_down = inference.project.may_hold(path, TEARDOWN)
            yield RequestSession(call, registry, is_torn_down)
    yield from _of_threads(tree, inference)


def is_kept_for_request(acquisition: Acquisition, inference: Inference) -> bool:
    """Tell whether a session is kept for a request, at whose end something may close it.

    Args:
        acquisition: what is opened.
        inference: answers where it is kept; its project is searched for teardowns.

    Returns:
        True on ``g`` where the project has a teardown and takes it from there again, and on
        ``request.state`` where the function closes it there.
    """
    path, project = acquisition.scope.module.path, inference.project
    if _is_kept_on_g(acquisition, inference):
        name = re.escape(acquisition.name.rpartition(".")[2].encode())
        taken = re.compile(
            rb"= *g\.%b\b|g\.%b\.(?:close|remove)\b|[\"']%b[\"']" % (name, name, name)
        )
        return bool(name) and project.may_hold(path, TEARDOWN) and project.may_hold(path, taken)
    function = acquisition.scope.function()
    match acquisition.target:
        case ast.Attribute(value=ast.Attribute(attr="state")) as kept if function is not None:
            closed = {f"{acquisition.name}.close", f"{acquisition.name}.aclose"}
            return isinstance(kept.ctx, ast.Store) and any(
                isinstance(node, ast.Call) and dotted_name(node.func) in closed
                for node in own_nodes(function.node)
            )
    return False


def _of_threads(tree: Tree, inference: Inference) -> Iterator[RequestSession]:
    """Find the registries' sessions that work in a thread leaves in a transaction."""
    for thread in long_threads(tree, inference):
        function = FunctionValue(thread.function.node, thread.function.parent)  # type: ignore[arg-type]
        if any(map(_ends_transaction, reached_from(function, inference))):
            continue
        for call in own_nodes(thread.function.node):
            if isinstance(call, ast.Call) and not isinstance(tree.parent(call), ast.withitem):
                registry = _used_registry(call, thread.function, tree, inference)
                if registry:
                    yield RequestSession(call, registry, False, thread.starter)
                    break


def _ends_transaction(function: Scope) -> bool:
    return any(
        isinstance(node, ast.Attribute) and node.attr in _TRANSACTION_ENDS
        for node in own_nodes(function.node)
    )


def _is_kept_on_g(acquisition: Acquisition, inference: Inference) -> bool:
    if acquisition.known.resource is not Resource.SESSION:
        return False
    match acquisition.holder, acquisition.target:
        case Holder.ATTRIBUTE, ast.Attribute(value=owner):
            pass
        case Holder.ARGUMENT, ast.Call(func=ast.Name(id="setattr"), args=[owner, *_]):
            pass
        case Holder.ARGUMENT, ast.Call(func=ast.Attribute(value=owner, attr="setdefault")):
            pass
        case _:
            return False
    value = inference.value(owner, acquisition.scope)
    return isinstance(value, External) and value.name in REQUEST_OBJECTS


def _used_registry(call: ast.Call, scope: Scope, tree: Tree, inference: Inference) -> str:
    """Give the registry that a call takes a session from: ``Session()``, ``Session.query(...)``.

    So does one of a function of the project that returns ``Session()``, and ``Depends(...)`` of it.
    """
    options = [call.func]
    if isinstance(call.func, ast.Attribute) and call.func.attr not in _ENDS:
        options.append(call.func.value)
    for option in options:
        if tree.is_of_interest(last_segment(option)) and not isinstance(option, ast.Call):
            known = inference.known(option, scope)
            if known is not None and known.role is Role.REGISTRY:
                return ast.unparse(option)
    given = injected_callable(call, scope) or call.func
    called = inference.value(given, scope) if tree.is_of_interest(last_segment(given)) else None
    return _returned_registry(called, inference) if isinstance(called, FunctionValue) else ""


def _given_to(
    call: ast.Call, scope: Scope, tree: Tree, inference: Inference
) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """Give the request handler among whose parameters ``Depends(get_db)`` stands."""
    if injected_callable(call, scope) is None:
        return None
    around = list(takewhile(lambda each: not isinstance(each, ast.stmt), tree.ancestors(call)))
    function = tree.statement(call)
    is_parameters = any(isinstance(each, ast.arguments) for each in around)
    if not is_parameters or not isinstance(function, FUNCTIONS):
        return None
    return function if is_handler(function, scope, inference) else None


def _returned_registry(function: FunctionValue, inference: Inference) -> str:
    """Give the registry whose session is all that a function returns; empty for none."""
    scope = function.scope.child(function.node)
    nodes = own_nodes(function.node)
    returned = [node.value for node in nodes if isinstance(node, ast.Return)]
    makers = [value.func for value in returned if isinstance(value, ast.Call)]
    known = [inference.known(maker, scope) for maker in makers]
    if len(makers) != len(returned) or any(isinstance(node, ast.Yield) for node in nodes):
        return ""
    is_all = all(each is not None and each.role is Role.REGISTRY for each in known)
    return ast.unparse(makers[0]) if makers and is_all else ""


def _ends_itself(handler: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(
        isinstance(node, ast.Attribute) and node.attr in _ENDS for node in own_nodes(handler)
    )
