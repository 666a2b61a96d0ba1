"""Which handlers the errors of a database come to, and which of them may swallow one."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from flake8_dbsession.analysis.flow.calls import is_logger
from flake8_dbsession.analysis.library.methods import DATABASE_ERRORS, WORK
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Imported, Scope, last_segment
from flake8_dbsession.analysis.names.values import External
from flake8_dbsession.analysis.nodes import arguments, names, nodes_in
from flake8_dbsession.analysis.source.mentions import hints

_ALL_ERRORS = frozenset({"BaseException", "Exception"})
# What is caught by them leaves nothing that a database raises.
_ROOTS = _ALL_ERRORS | {"DBAPIError", "SQLAlchemyError"}
_LEAVING = (ast.Return, ast.Break, ast.Continue)


def handlers_in(
    tries: Iterable[ast.Try], scope: Scope, inference: Inference
) -> Iterator[ast.ExceptHandler]:
    """Find the handlers that errors of the database come to.

    Args:
        tries: the statements that they stand in.
        scope: the scope of those.
        inference: answers what a handler names.
    """
    for tried in tries:
        for handler in tried.handlers:
            caught = list(caught_by(handler, scope, inference))
            if caught:
                yield handler
            if not _ROOTS.isdisjoint(caught):
                break  # nothing is left of them for the handlers below it


def caught_by(handler: ast.ExceptHandler, scope: Scope, inference: Inference) -> Iterator[str]:
    """Give the classes of the database's errors among those that a handler names."""
    classes = handler.type
    if classes is None:
        yield "BaseException"
        return
    for element in classes.elts if isinstance(classes, ast.Tuple) else [classes]:
        if isinstance(element, ast.Name) and element.id in _ALL_ERRORS:
            yield element.id  # which nobody gives another meaning
        elif _may_name_a_database_error(element, scope):
            value = inference.value(element, scope)
            origin = value.name if isinstance(value, External) else ""
            package, _, name = origin.rpartition(".")
            if name in DATABASE_ERRORS and package.startswith("sqlalchemy."):
                yield name


def catches_all(handler: ast.ExceptHandler, scope: Scope, inference: Inference) -> bool:
    """Tell whether a handler catches all that a database raises."""
    return not _ROOTS.isdisjoint(caught_by(handler, scope, inference))


def _may_name_a_database_error(element: ast.expr, scope: Scope) -> bool:
    """Tell, without following an import, whether an expression may name such an error."""
    if last_segment(element) in DATABASE_ERRORS:
        return True
    bindings = scope.lookup(element.id) if isinstance(element, ast.Name) else []
    return any(isinstance(b.how, Imported) and b.how.name in DATABASE_ERRORS for b in bindings)


def may_go_on(handler: ast.ExceptHandler) -> bool:
    """Tell whether a handler may swallow an error, or work on before it raises again.

    Not where it plainly rolls back, or only raises.
    """
    for statement in handler.body:
        if not isinstance(statement, ast.Expr):
            break
        if last_segment(statement.value) == "rollback":
            return False
    if not isinstance(handler.body[-1], ast.Raise):
        return True
    return any(
        isinstance(node, _LEAVING)
        or (isinstance(node, ast.Attribute) and node.attr in WORK)
        or (isinstance(node, ast.Call) and _may_be_given(node))
        for statement in handler.body
        for node in nodes_in(statement)
    )


def _may_be_given(call: ast.Call) -> bool:
    """Tell whether a call may be given a session, or be of an object that holds one."""
    if any(hints(last_segment(given)) for given in arguments(call)):
        return True
    return isinstance(call.func, ast.Attribute) and not is_logger(call.func.value)


def after_a_look(handler: ast.ExceptHandler) -> frozenset[ast.AST]:
    """Give what a handler does only after a look at the error, which may be one of others'."""
    nodes = [node for statement in handler.body for node in nodes_in(statement)]
    errors = {handler.name}
    for node in nodes:
        if isinstance(node, ast.Assign) and names(node.value, *errors):
            errors |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    asked = [node for node in nodes if isinstance(node, ast.If) and names(node.test, *errors)]
    return frozenset(inner for node in asked for inner in nodes_in(node))
