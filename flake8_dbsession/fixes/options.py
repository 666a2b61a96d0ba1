"""Whether sessions that are opened past the house's provider are like those that it opens."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.names.inference import bound_to
from flake8_dbsession.analysis.names.scopes import Assigned, Scope
from flake8_dbsession.analysis.names.values import FunctionValue, Role, RoleValue
from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Refusal

# The classes whose sessions are those of a factory that is told nothing but the engine.
_PLAIN = ("sqlalchemy.orm.Session", "sqlalchemy.ext.asyncio.AsyncSession")


class _Factory(NamedTuple):
    """How a provider's factory is made.

    Attributes:
        engine: the name of its engine in its module; empty for none.
        is_plain: whether it is told nothing but the engine.
    """

    engine: str
    is_plain: bool


def doubts_about_class(
    call: ast.Call,
    known: RoleValue,
    scope: Scope,
    provider: FunctionValue | None,
    document: Document,
) -> Iterator[str]:
    """Say why ``Session(engine)`` may be another session than a provider's.

    Args:
        call: what is called.
        known: what it gives.
        scope: the scope that it stands in.
        provider: the provider; None for one that is not found.
        document: the file.

    Yields:
        The doubt; none where engine and options are certain to be the same.
    """
    bind = bound_to(call)
    assert bind is not None
    names = {name.rpartition(".")[2] for name in document.context.file.names(bind, scope)}
    factories = [*_factories(provider, document)] if provider is not None else []
    written = document.written(call)
    if not factories or any(factory.engine not in names for factory in factories):
        yield f"the house's sessions may have another engine than `{written}`"
    elif known.name not in _PLAIN or not all(factory.is_plain for factory in factories):
        yield f"the house's sessions may have other options than `{written}`"


def refuse_own_engine(bind: ast.expr, scope: Scope) -> None:
    """Leave a session alone whose function makes an engine for it."""
    function = scope.function()
    if isinstance(bind, ast.Call):
        raise Refusal("its engine is made on the spot")
    if function is not None and isinstance(bind, ast.Name):
        hows = [binding.how for binding in function.bindings(bind.id)]
        if any(isinstance(how, Assigned) and isinstance(how.value, ast.Call) for how in hows):
            raise Refusal("its engine is made on the spot")


def _factories(provider: FunctionValue, document: Document) -> Iterator[_Factory]:
    """Give the factories that a provider calls."""
    inference = document.context.file.inference
    scope = provider.scope.child(provider.node)
    for node in ast.walk(provider.node):
        if isinstance(node, ast.Call):
            known = inference.known(node.func, scope)
            if known is not None and known.role is Role.FACTORY:
                yield _made(node.func, scope)


def _made(factory: ast.expr, scope: Scope) -> _Factory:
    hows = [b.how for b in scope.lookup(factory.id)] if isinstance(factory, ast.Name) else []
    match hows:
        case [Assigned(value=ast.Call() as call, path=())]:
            bind = bound_to(call)
            is_plain = len(call.args) + len(call.keywords) == 1
            return _Factory(bind.id if isinstance(bind, ast.Name) else "", is_plain)
    return _Factory("", is_plain=False)
