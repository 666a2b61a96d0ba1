"""What kind of database a session or connection talks to, as far as its engine's URL tells."""

from __future__ import annotations

import ast
from pathlib import Path

from flake8_dbsession.analysis.effects.overrides import subclasses_in
from flake8_dbsession.analysis.facts.engine.engine_keeping import handed_out_by
from flake8_dbsession.analysis.facts.engine.engines import pool_class_of
from flake8_dbsession.analysis.facts.engine.urls import url_of
from flake8_dbsession.analysis.library.distributions import DIALECTS
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.call_sites import scoped
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.project import Project
from flake8_dbsession.analysis.names.scopes import Assigned, Binding, Scope, last_segment
from flake8_dbsession.analysis.names.texts import followed
from flake8_dbsession.analysis.names.values import FunctionValue, InstanceValue, RoleValue
from flake8_dbsession.analysis.source.searching import is_test
from flake8_dbsession.patterns import regex

_POSTGRESQL = frozenset({"postgres", "postgresql"})
_OTHERS = r"(?:duckdb|mariadb|mssql|mysql|oracle|sqlite)"
# A URL of another database, which a setting may choose, or its beginning in `URL.create(...)`.
# What lives in memory is no service's.
_OTHER_URL = regex(
    rf"(?i)\b{_OTHERS}(?:\+\w+)?:/(?!//?:memory:)|\b{_OTHERS}\+\w+(?![\w:])".encode()
)
_POSTGRESQL_URL = regex(rb"(?i)\bpostgres(?:ql)?\+\w+")  # with its driver: SQLAlchemy's alone
_MAKERS = frozenset({"create_async_engine", "create_engine"})
_ENGINE = "_engine("
_MAKES_ENGINE = regex(rb"\bcreate_(?:async_)?engine\(")


def is_postgresql(known: RoleValue, scope: Scope, inference: Inference) -> bool:
    """Tell whether a session is known to talk to PostgreSQL.

    Where its engine's URL does not tell, the project does, its tests left out: all its engines have
    URLs of PostgreSQL; or no URL of another database stands in its code, and it either requires
    drivers of PostgreSQL and of nothing else, or names PostgreSQL in a URL for SQLAlchemy.

    Args:
        known: the session.
        scope: where it is worked with.
        inference: follows the names in the URL.
    """
    dialect = _dialect_of(known, inference)
    if dialect:
        return dialect in _POSTGRESQL
    project, asker = inference.project, scope.module.path
    project.files_mentioning(_ENGINE, asker)  # which the answer for all rests on
    stated = _stated_by_engines(project, asker=asker, inference=inference)
    if stated and stated <= _POSTGRESQL:
        return True
    if project.states(asker, _OTHER_URL):
        return False
    dialects = {DIALECTS[driver] for driver in project.required(frozenset(DIALECTS), asker)}
    if dialects == {"postgresql"} or not _POSTGRESQL.isdisjoint(stated):
        return True
    return project.states(asker, _POSTGRESQL_URL)


@remembered
def _stated_by_engines(project: Project, *, asker: Path, inference: Inference) -> frozenset[str]:
    """Give the dialects of the project's engines, its tests' left out; empty for an open one."""
    modules = project.modules_mentioning(_ENGINE, asker, _MAKES_ENGINE)
    return frozenset(
        dialect
        for module in modules
        if not is_test(module.path, project.root)
        for dialect in _stated_in(module.scope, inference)
    )


def _stated_in(module: Scope, inference: Inference) -> frozenset[str]:
    """Give the dialects of the engines that a module makes; empty for one that its URL hides."""
    calls = [
        (node, scope)
        for node, scope in scoped(module.module.statements_with(_ENGINE), module)
        if isinstance(node, ast.Call) and last_segment(node.func) in _MAKERS
    ]
    urls = [url_of(call.args[0], scope, inference) for call, scope in calls if call.args]
    return frozenset(url.dialect if url is not None else "" for url in urls)


def lives_in_memory(known: RoleValue, inference: Inference) -> bool:
    """Tell whether a session or connection is that of an engine of SQLite's databases in memory.

    Args:
        known: the session or connection.
        inference: follows the names in the engine's URL.
    """
    match known.database:
        case (ast.Call() as call, scope):
            return makes_memory(call, scope, inference)
    return False


def makes_memory(call: ast.Call, scope: Scope, inference: Inference) -> bool:
    """Tell whether a call gives an engine of a database in memory, by a function as well.

    Args:
        call: the call.
        scope: the scope it stands in.
        inference: follows the function and the names in the URL.
    """
    callee = inference.value(call.func, scope)
    if isinstance(callee, FunctionValue):
        made = handed_out_by(callee, inference)
        return made is not None and makes_memory(made, callee.scope.child(callee.node), inference)
    found = url_of(call.args[0], scope, inference) if call.args else None
    return found is not None and found.kind == "sqlite-memory"


def _dialect_of(known: RoleValue, inference: Inference) -> str:
    """Give the dialect of a session's engine; empty where the engine or its URL is not found.

    A URL that subclasses set has the dialect that all of theirs have.
    """
    match known.database:
        case (ast.Call(args=[url, *_]), scope):
            found = url_of(url, scope, inference)
            return found.dialect if found is not None else _of_subclasses(url, scope, inference)
    return ""


def has_one_connection(connect: ast.Call, scope: Scope, inference: Inference) -> bool:
    """Tell whether an engine's pool is seen to have one connection, which no close ends.

    Args:
        connect: ``engine.connect()``.
        scope: the scope it stands in.
        inference: follows the engine's name.
    """
    if not isinstance(connect.func, ast.Attribute):
        return False
    made, where = followed(connect.func.value, scope, inference)
    return isinstance(made, ast.Call) and pool_class_of(made, where, inference) == "StaticPool"


def _of_subclasses(url: ast.expr, scope: Scope, inference: Inference) -> str:
    """Give the one dialect of the URLs that a class and those below it keep as ``self.url``."""
    owner = inference.value(url.value, scope) if isinstance(url, ast.Attribute) else None
    if not isinstance(url, ast.Attribute) or not isinstance(owner, InstanceValue):
        return ""
    home = scope.module
    modules = [home, *inference.project.modules_with(f"{url.attr} =", home.path)]
    classes = [below for each in modules for below in subclasses_in(each, owner.cls, inference)]
    dialects = {
        dialect
        for cls in (owner.cls, *classes)
        for binding in cls.scope.child(cls.node).attributes(url.attr)
        if (dialect := _dialect_set(binding, inference)) is not None
    }
    return dialects.pop() if len(dialects) == 1 else ""


def _dialect_set(binding: Binding, inference: Inference) -> str | None:
    """Give the dialect of a URL that an attribute is set to; None for a text yet to be filled."""
    match binding.how:
        case Assigned(value=ast.Constant(value="" | None)):
            return None
        case Assigned(value=value, path=()):
            found = url_of(value, binding.scope, inference)
            return found.dialect if found is not None else ""
    return ""
