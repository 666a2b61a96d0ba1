"""The engines of modules that functions work on, by themselves or by a factory made on them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from flake8_dbsession.analysis.facts.engine.engines import pool_class_of
from flake8_dbsession.analysis.facts.engine.urls import default_url_of, url_of
from flake8_dbsession.analysis.names.inference import Inference, bound_to
from flake8_dbsession.analysis.names.scopes import Scope
from flake8_dbsession.analysis.names.texts import followed
from flake8_dbsession.analysis.names.values import POOL_MAKING, Role, RoleValue
from flake8_dbsession.analysis.nodes import own_nodes, unawaited
from flake8_dbsession.named_tuples import NamedTuple

_USED = frozenset({Role.ENGINE, Role.FACTORY, Role.POOL, Role.REGISTRY})
_STEPS = 3  # a registry on a factory on an engine


class ModuleEngine(NamedTuple):
    """An engine, or a pool, that a module makes when it is imported.

    Attributes:
        call: the call that makes it.
        scope: the module's scope.
        known: what makes it.
        pools: whether it keeps connections (no ``NullPool``).
        is_sqlite: whether its URL is literal, and SQLite's.
    """

    call: ast.Call
    scope: Scope
    known: RoleValue
    pools: bool
    is_sqlite: bool


def engines_used_in(scopes: Iterable[Scope], inference: Inference) -> Iterator[ModuleEngine]:
    """Find the modules' engines on which functions work.

    Args:
        scopes: the functions' scopes.
        inference: follows names.

    Yields:
        The engines, each once, in the order of their use. Those whose making is not in sight are
        left out.
    """
    seen: set[ast.Call] = set()
    for scope in scopes:
        for node in own_nodes(scope.node):
            if isinstance(node, (ast.Attribute, ast.Name)):
                known = inference.known(node, scope)
                engine = _engine_of(node, scope, inference) if _is_used(known) else None
                if engine is not None and engine.call not in seen:
                    seen.add(engine.call)
                    yield engine


def _is_used(known: RoleValue | None) -> bool:
    return known is not None and known.role in _USED


def _engine_of(expression: ast.expr, scope: Scope, inference: Inference) -> ModuleEngine | None:
    """Follow a factory, or an engine, to the call at a module's top level that made the engine."""
    step: ast.expr | None = expression
    for _ in range(_STEPS):
        if step is None:
            return None
        value, scope = followed(step, scope, inference)
        value = unawaited(value)
        if not isinstance(value, ast.Call) or scope.function() is not None:
            return None
        maker = inference.known(value.func, scope)
        if maker is not None and maker.role in POOL_MAKING:
            return _made(value, scope, maker, inference)
        step = bound_to(value)
    return None


def _made(call: ast.Call, scope: Scope, maker: RoleValue, inference: Inference) -> ModuleEngine:
    is_pooled = pool_class_of(call, scope, inference) != "NullPool"
    url = None
    if call.args:
        where = call.args[0]
        url = url_of(where, scope, inference) or default_url_of(where, scope, inference)
    is_sqlite = url is not None and url.dialect == "sqlite"
    return ModuleEngine(call, scope, maker, is_pooled, is_sqlite)
