"""The engines of modules that functions work on, by themselves or by a factory made on them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from flake8_dbsession.analysis.facts.engine.engines import pool_class_of, sizes_in
from flake8_dbsession.analysis.facts.engine.urls import default_url_of, url_of
from flake8_dbsession.analysis.library.pools import KEEPS_NONE
from flake8_dbsession.analysis.names.inference import Inference, bound_to
from flake8_dbsession.analysis.names.scopes import Scope
from flake8_dbsession.analysis.names.texts import followed
from flake8_dbsession.analysis.names.values import POOL_MAKING, Role, RoleValue
from flake8_dbsession.analysis.nodes import own_nodes, unawaited
from flake8_dbsession.named_tuples import NamedTuple

_USED = frozenset({Role.ENGINE, Role.FACTORY, Role.POOL, Role.REGISTRY})
_MAKING = frozenset({Role.FACTORY, Role.REGISTRY})
_STEPS = 3  # a registry on a factory on an engine


class ModuleEngine(NamedTuple):
    """An engine, or a pool, that a module makes when it is imported.

    Attributes:
        call: the call that makes it.
        scope: the module's scope.
        known: what makes it.
        pools: whether it keeps connections (no ``NullPool``).
        is_sqlite: whether its URL is literal, and SQLite's.
        sizes: its options that only a pool of several connections takes.
        url: the code that tells where it connects, names followed; empty where nothing tells.
        used: the part that is played by what is used of it: itself, or a factory on it.
    """

    call: ast.Call
    scope: Scope
    known: RoleValue
    pools: bool
    is_sqlite: bool
    sizes: tuple[str, ...] = ()
    url: str = ""
    used: Role = Role.ENGINE


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
                if known is None or known.role not in _USED:
                    continue
                engine = _engine_of(node, scope, inference)
                if engine is not None and engine.call not in seen:
                    seen.add(engine.call)
                    yield engine._replace(used=known.role)


def without_pool(engine: ModuleEngine, inference: Inference) -> str:
    """Name what works on the same database as an engine, by one that keeps no connections.

    Args:
        engine: the engine of a module.
        inference: follows names; its project is searched.

    Returns:
        The name of a factory, or of an engine where that is what is used; empty for none.
    """
    here = engine.scope.module
    wanted = {Role.ENGINE} if engine.used is Role.ENGINE else _MAKING
    for module in (here, *inference.project.modules_with(KEEPS_NONE, here.path)):
        for name in module.definitions("sessionmaker", "engine"):
            known = inference.role(inference.member(module, name))
            if known is None or known.role not in wanted:
                continue
            other = _engine_of(ast.Name(name, ast.Load()), module.scope, inference)
            if other is not None and not other.pools and _are_alike(engine, other):
                return name
    return ""


def _are_alike(one: ModuleEngine, other: ModuleEngine) -> bool:
    return bool(one.url) and one.url == other.url and one.known.is_async == other.known.is_async


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
    is_pooled = pool_class_of(call, scope, inference) != KEEPS_NONE
    url, written = None, ""
    if call.args:
        where = call.args[0]
        url = url_of(where, scope, inference) or default_url_of(where, scope, inference)
        written = _told(where, scope, inference)
    is_sqlite = url is not None and url.dialect == "sqlite"
    sizes = sizes_in(call, scope, inference)
    return ModuleEngine(call, scope, maker, is_pooled, is_sqlite, sizes, written)


def _told(url: ast.expr, scope: Scope, inference: Inference) -> str:
    """Write what a URL is made of, the same in each module that is told it in the same way."""
    match url:
        case ast.Call(func=ast.Name(id="str"), args=[inner], keywords=[]):
            return _told(inner, scope, inference)
    value, _ = followed(url, scope, inference)
    return ast.unparse(value)
