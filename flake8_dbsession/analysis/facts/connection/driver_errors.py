"""Which handlers the errors of a connection's statements come to."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from flake8_dbsession.analysis.facts.lifetime.caught_errors import caught_by
from flake8_dbsession.analysis.library.drivers import DRIVERS
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope
from flake8_dbsession.analysis.names.values import External

_ABORTING = frozenset(driver.name for driver in DRIVERS if driver.aborts)
_ALL = frozenset({"BaseException", "Exception"})
_ROOTS = _ALL | {"DBAPIError", "DatabaseError", "Error", "SQLAlchemyError"}
# A misuse, or what is closed already; and what only a pool raises.
_NO_STATEMENTS = frozenset(
    {"InterfaceError", "PoolClosed", "PoolError", "PoolTimeout", "TooManyRequests", "Warning"}
)


def handlers_of(
    tries: Iterable[ast.Try], library: str, scope: Scope, inference: Inference
) -> frozenset[ast.ExceptHandler]:
    """Find the handlers that errors of a connection's statements come to.

    Args:
        tries: the statements that they stand in.
        library: the library of the connection.
        scope: the scope of the statements.
        inference: answers what a handler names.
    """
    return frozenset(
        handler for tried in tries for handler in _reached(tried, library, scope, inference)
    )


def _reached(
    tried: ast.Try, library: str, scope: Scope, inference: Inference
) -> Iterator[ast.ExceptHandler]:
    for handler in tried.handlers:
        caught = set(_caught_by(handler, library, scope, inference))
        if caught:
            yield handler
        if not _ROOTS.isdisjoint(caught):
            return  # nothing is left of them for the handlers below it


def _caught_by(
    handler: ast.ExceptHandler, library: str, scope: Scope, inference: Inference
) -> Iterator[str]:
    """Give the classes that a handler names and that a statement's error can be of."""
    for name in caught_by(handler, scope, inference):
        if library not in _ABORTING or name in _ALL:
            yield name
    classes = handler.type
    if classes is None or library not in _ABORTING:
        return
    for element in classes.elts if isinstance(classes, ast.Tuple) else [classes]:
        value = inference.value(element, scope)
        package, _, name = value.name.rpartition(".") if isinstance(value, External) else ("",) * 3
        if package.partition(".")[0] in _ABORTING and name not in _NO_STATEMENTS:
            yield name
