"""The PostgreSQL connections of a function, and the cursors that others give it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from flake8_dbsession.analysis.effects.work.holders import methods_that_bind
from flake8_dbsession.analysis.effects.work.kept_cursors import class_of, connection_of_kept
from flake8_dbsession.analysis.effects.work.uses import Part
from flake8_dbsession.analysis.facts.acquisition import callers
from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition, Holder
from flake8_dbsession.analysis.facts.connection.autocommit import commits_by_itself
from flake8_dbsession.analysis.facts.connection.databases import is_postgresql
from flake8_dbsession.analysis.library.drivers import driver_of
from flake8_dbsession.analysis.library.wrappers import CLOSING
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.bases import with_bases
from flake8_dbsession.analysis.names.call_sites import scoped
from flake8_dbsession.analysis.names.dotted import expression_of
from flake8_dbsession.analysis.names.functions import arguments_of, receiving_parameter
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.project import Project
from flake8_dbsession.analysis.names.scopes import (
    Annotated,
    Assigned,
    Binding,
    Entered,
    Parameter,
    Scope,
    last_segment,
    statements,
)
from flake8_dbsession.analysis.names.values import (
    HELD,
    ClassValue,
    FunctionValue,
    Resource,
    RoleValue,
)
from flake8_dbsession.analysis.nodes import (
    arguments,
    dotted_name,
    is_name,
    nodes_in,
    own_nodes,
    unawaited,
)
from flake8_dbsession.analysis.source.mentions import hints
from flake8_dbsession.analysis.source.searching import is_test
from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.patterns import regex

_SQLALCHEMY = "sqlalchemy"
_WORKING = frozenset(
    {"callproc", "commit", "copy", "copy_expert", "copy_from", "cursor", "execute", "executemany"}
)
_DEEPEST = 3  # functions that hand a connection on to one another
_ENOUGH = 3  # callers that say what they give
_LIBRARIES = ("psycopg", "create_engine", "create_async_engine")
_AUTOCOMMIT = "autocommit"
_ISOLATION = "set_isolation_level"
_OPENS = "connect("
_POOL = "Pool("
_POOL_OPTIONS = frozenset({"configure", "kwargs"})
_KEEPS = regex(rb"self\.\w+(?:: *[^=\n]+)? *= *\S")
_CALL = regex(r"\.(\w+)\(")
_METHOD = regex(rb"\n +(?:async +)?def +([^_\W]\w*)\(self\b")
_COMMON = frozenset({"close", "connect", *dir(dict), *dir(list), *dir(str)})  # in any function
_TURNED_OFF = regex(r"autocommit['\"]?\s*[=:]\s*False|set_autocommit\(False\)")
_TURNED_ON = regex(
    rb"autocommit\s*=\s*True|autocommit['\"]\s*:\s*True|AUTOCOMMIT|set_autocommit\("
    rb"|set_isolation_level\(\s*0"
)


class Handle(NamedTuple):
    """A connection of a function, or a cursor that it is given.

    Attributes:
        name: the connection or cursor as it is written.
        part: which of the two it is.
        known: what is known of the connection.
        is_shared: whether others have it as well, who may have worked by it: who gave it, or the
            functions of the object or module that keeps it.
        home: the module that keeps it, or the object that has it; None where none does.
    """

    name: str
    part: Part
    known: RoleValue
    is_shared: bool
    home: Scope | None = None

    def is_named_in(self, scope: Scope) -> bool:
        """Tell whether a function has the connection by this name."""
        return self.home is None or is_of_module(self.name, self.home, scope)

    def is_kept_in(self, scope: Scope) -> bool:
        """Tell whether the connection is there after a function."""
        return self.home is not None or scope.keeps(self.name)


class _Place(NamedTuple):
    """Where a connection is opened, or is got from somebody who opens it."""

    expression: ast.expr
    scope: Scope
    part: Part
    known: RoleValue


def handles_in(tries: Iterable[ast.Try], scope: Scope, inference: Inference) -> list[Handle]:
    """Find the connections and cursors that PostgreSQL's transactions matter to.

    Left out are those of which each statement is permanent at once, or may be.

    Args:
        tries: the statements in whose bodies they are worked with.
        scope: the scope of those.
        inference: answers what is a connection, and who calls the function.
    """
    if _speaks_of_autocommit(scope):
        return []
    candidates = dict(_candidates(tries)) | dict(_kept_candidates(tries, scope, inference))
    found = (handle_at(expression, scope, inference) for expression in candidates.values())
    return list({handle.name: handle for handle in found if handle is not None}.values())


def handle_at(expression: ast.expr, scope: Scope, inference: Inference) -> Handle | None:
    """Give what an expression stands for: a connection, or the one whose cursor it is.

    Args:
        expression: a name or an attribute.
        scope: the scope it is read in.
        inference: answers what is a connection.
    """
    if _speaks_of_autocommit(scope):
        return None
    expression = connection_of(expression, scope, inference)
    place = _place_of(expression, scope, inference)
    if place is None or not _is_in_transaction(place, inference):
        return None
    name = dotted_name(expression)
    is_given = any(isinstance(binding.how, Parameter) for binding in scope.bindings(name))
    keeper = scope.defining(name.partition(".")[0])
    home = keeper if keeper is not None and isinstance(keeper.node, ast.Module) else None
    is_shared = "." in name or is_given or home not in (None, scope)
    return Handle(name, place.part, place.known, is_shared, home)


def is_of_module(name: str, module: Scope, scope: Scope) -> bool:
    """Tell whether a function has a name, or the object that begins it, from a module.

    Args:
        name: the name as it is written.
        module: the module's scope, or that of a copy of it.
        scope: the function's scope, or the module's own.
    """
    keeper = scope.defining(name.partition(".")[0])
    is_module = keeper is not None and isinstance(keeper.node, ast.Module)
    return is_module and scope.module.path == module.module.path


def _candidates(tries: Iterable[ast.Try]) -> Iterator[tuple[str, ast.expr]]:
    """Give what may be a connection or cursor: what its work is called on, or is given."""
    nodes = (node for tried in tries for part in tried.body for node in nodes_in(part))
    for node in nodes:
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Attribute) and node.func.attr in _WORKING:
            yield dotted_name(node.func.value), node.func.value
        for given in arguments(node):
            name = dotted_name(given)
            if name and (hints(last_segment(given)) or "cur" in name.lower()):
                yield name, given


def _kept_candidates(
    tries: Iterable[ast.Try], scope: Scope, inference: Inference
) -> Iterator[tuple[str, ast.expr]]:
    """Give what may be connections of objects whose methods are called, and of the module."""
    nodes = (node for tried in tries for part in tried.body for node in nodes_in(part))
    called = [node.func for node in nodes if isinstance(node, ast.Call)]
    if any(isinstance(function, ast.Name) for function in called):
        for name in connections_of_module(scope.module.scope):
            yield name, expression_of(name)
    owners = {dotted_name(each.value) for each in called if isinstance(each, ast.Attribute)}
    for owner in sorted(owners - {""}):
        cls = class_of(owner, scope, inference)
        for attribute in _connections_of(cls, inference) if cls is not None else ():
            yield f"{owner}.{attribute}", expression_of(f"{owner}.{attribute}")


@remembered
def connections_of_module(module: Scope) -> list[str]:
    """Give the names that a module's top level gives to what looks like a connection."""
    return [
        node.targets[0].id
        for node in statements(module.module.statements_with(_OPENS))
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Call)
        and last_segment(node.value.func) == _OPENS[:-1]
    ]


def _connections_of(cls: ClassValue, inference: Inference) -> list[str]:
    """Give the attributes of a class that look as if they held connections."""
    if not any(word in cls.scope.module.text for word in _LIBRARIES) and not cls.node.bases:
        return []
    return sorted(
        {
            node.attr
            for method in methods_that_bind(cls, inference)
            for node in own_nodes(method.node)
            if isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Store)
            and is_name(node.value, method.receiver)
            and hints(node.attr)
        }
    )


def connection_of(expression: ast.expr, scope: Scope, inference: Inference) -> ast.expr:
    """Give the connection that a cursor is of; what was given for all else.

    Args:
        expression: what may be a cursor: a name that the function gives one, an attribute that
            keeps one, or the call that makes one.
        scope: the function's scope.
        inference: answers what objects are.
    """
    name = dotted_name(expression)
    kept = connection_of_kept(name, scope, inference) if name else ""
    if kept:
        return expression_of(kept)
    for binding in scope.bindings(name):
        match binding.how:
            case Entered(context=value) | Assigned(value=value, path=()):
                return _owner_of_cursor(value) or expression
    return _owner_of_cursor(expression) or expression


def _owner_of_cursor(value: ast.expr) -> ast.expr | None:
    """Give the connection that a call makes a cursor of."""
    match unawaited(value):
        case ast.Call(func=function, args=[inner]) if last_segment(function) in CLOSING:
            return _owner_of_cursor(inner)
        case ast.Call(func=ast.Attribute(value=owner, attr="cursor")):
            return owner
    return None


def _place_of(
    expression: ast.expr, scope: Scope, inference: Inference, deep: int = _DEEPEST
) -> _Place | None:
    """Tell which connection an expression stands for, or is a cursor of."""
    if not dotted_name(expression):
        return None
    known = inference.known(expression, scope)
    if known is not None and known.resource is Resource.CONNECTION and known.role in HELD:
        return _Place(expression, scope, Part.WHOLE, known)
    if not isinstance(expression, ast.Name) or known is not None:
        return None
    for binding in scope.lookup(expression.id):
        match binding.how:
            case Entered(context=value) | Assigned(value=value, path=()):
                return _of_maker(value, binding.scope, inference, deep)
            case Parameter():
                return _given_by_callers(expression.id, binding.scope, inference, deep)
    return None


def _of_maker(value: ast.expr, scope: Scope, inference: Inference, deep: int) -> _Place | None:
    """Tell which connection a call gives a cursor of."""
    owner = _owner_of_cursor(value)
    place = _place_of(owner, scope, inference, deep) if owner is not None else None
    is_whole = place is not None and place.part is Part.WHOLE
    return place._replace(part=Part.CURSOR) if place is not None and is_whole else None


def _given_by_callers(
    parameter: str, function: Scope, inference: Inference, deep: int
) -> _Place | None:
    """Tell what all callers in sight give a function that say what it is."""
    if not deep:
        return None
    found = _places_given(function, parameter, deep, inference=inference)
    kinds = {(place.part, place.known.library) for place in found}
    return found[0] if len(kinds) == 1 else None


@remembered
def _places_given(
    function: Scope, parameter: str, deep: int, *, inference: Inference
) -> list[_Place]:
    """Give what the first callers in sight give a function, as far as they say what it is."""
    found = (
        place
        for called in calls_in_sight(function, inference=inference)
        if isinstance(callee := inference.value(called.node.func, called.inner), FunctionValue)
        for key, value in arguments_of(called.node)
        if receiving_parameter(callee, key) == parameter
        and (place := _place_of(value, called.inner, inference, deep - 1)) is not None
    )
    return list(islice(found, _ENOUGH))


@remembered
def calls_in_sight(function: Scope, *, inference: Inference) -> list[callers.Called]:
    """Give the calls of a function in the project, its tests left out.

    Args:
        function: the function's scope.
        inference: finds the calls.
    """
    project, path = inference.project, function.module.path
    if not any(project.files_mentioning(word, path) for word in _LIBRARIES):
        return []
    return [
        called
        for called in callers.calls_of(function, inference)
        if not is_test(called.scope.module.path, project.root)
    ]


def calls_of_keepers(module: Scope, inference: Inference) -> Iterator[str]:
    """Give how the calls of a module begin that are of methods beside kept connections: ``.save(``.

    Args:
        module: the module's scope.
        inference: its project is searched for what keeps connections of psycopg.
    """
    project = inference.project
    files = project.files_mentioning(_LIBRARIES[0], module.module.path)
    methods = _methods_of_keepers(project, files=files)
    called = set(_CALL.findall(module.module.text)) if methods else set()
    yield from (f".{name}(" for name in sorted(called & methods))


@remembered
def _methods_of_keepers(project: Project, *, files: Iterable[Path]) -> frozenset[str]:
    found: set[str] = set()
    for path in files:
        text = project.sources.read(path)
        if _KEEPS.search(text) is not None and not is_test(path, project.root):
            found |= {name.decode() for name in _METHOD.findall(text)}
    return frozenset(found - _COMMON)


def _is_in_transaction(place: _Place, inference: Inference) -> bool:
    """Tell whether a connection is PostgreSQL's, and begins a transaction by itself."""
    known = place.known
    if not driver_of(known.library).aborts and not (
        known.library == _SQLALCHEMY and is_postgresql(known, place.scope, inference)
    ):
        return False
    opened = list(_opened_by(place, inference))
    if any(map(_speaks_of_autocommit, _places_of_settings(place, opened, inference))):
        return False
    if _is_set_elsewhere(place, inference):
        return False
    if not opened or _commits_itself(place):
        return not _turns_autocommit_on(place.scope, inference)
    return not any(
        commits_by_itself(each, inference) or _may_turn_it_on(each.node, each.scope, inference)
        for each in opened
    )


def _places_of_settings(
    place: _Place, opened: list[Acquisition], inference: Inference
) -> Iterator[Scope]:
    """Give the code in which a connection's settings may stand: all that has it by its name."""
    root, _, attribute = dotted_name(place.expression).partition(".")
    yield place.scope
    yield from (binding.scope for binding in place.scope.lookup(root))
    yield from (each.scope.module.scope if attribute else each.scope for each in opened)


def _is_set_elsewhere(place: _Place, inference: Inference) -> bool:
    """Tell whether a file that names an object's class turns autocommit on by the attribute."""
    owner, _, attribute = dotted_name(place.expression).rpartition(".")
    cls = class_of(owner, place.scope, inference) if owner else None
    if cls is None:
        return False
    project, asker = inference.project, place.scope.module.path
    turning = rf"\.{attribute}\.(?:set_)?(?:autocommit(?!\s*=\s*False)|session|isolation)"
    setting = re.compile(turning.encode())
    return any(
        setting.search(project.sources.read(path)) is not None
        for path in project.files_mentioning(cls.node.name, asker)
        if not is_test(path, project.root)
    )


def _opened_by(place: _Place, inference: Inference, deep: int = _DEEPEST) -> Iterator[Acquisition]:
    """Give the calls that open a connection, where they are in sight."""
    name = dotted_name(place.expression)
    for binding in _bindings_of(name, place.scope, inference):
        call = _opening(binding)
        if call is not None:
            yield Acquisition(call, place.known, binding.scope, Holder.LOCAL, name, None)
        elif isinstance(binding.how, Parameter) and deep and name.isidentifier():
            for given in _places_given(binding.scope, name, deep, inference=inference):
                yield from _opened_by(given, inference, deep - 1)


def _bindings_of(name: str, scope: Scope, inference: Inference) -> Iterator[Binding]:
    """Give what a connection is bound to: a name, or an attribute of an object."""
    owner, _, attribute = name.rpartition(".")
    cls = class_of(owner, scope, inference) if owner else None
    if cls is None:
        yield from scope.lookup(name) if name.isidentifier() else ()
        return
    for each in with_bases(cls, inference):
        for binding in each.scope.child(each.node).attributes(attribute):
            match binding.how:
                case Assigned(value=ast.Name(id=local), path=()):
                    yield from binding.scope.bindings(local)
                case _:
                    yield binding


def _commits_itself(place: _Place) -> bool:
    """Tell whether a connection of SQLAlchemy is committed, as those that need it can be."""
    commit = f"{dotted_name(place.expression)}.commit"
    return place.known.library == _SQLALCHEMY and any(
        isinstance(node, ast.Call) and dotted_name(node.func) == commit
        for node in own_nodes(place.scope.node)
    )


def _opening(binding: Binding) -> ast.Call | None:
    match binding.how:
        case Entered(context=value) | Assigned(value=value, path=()) | Annotated(value=value):
            made = unawaited(value) if value is not None else None
            if isinstance(made, ast.Call) and last_segment(made) in CLOSING and made.args:
                made = made.args[0]
            return made if isinstance(made, ast.Call) else None
    return None


def _may_turn_it_on(
    call: ast.Call, scope: Scope, inference: Inference, deep: int = _DEEPEST
) -> bool:
    """Tell whether a function of the project that opens a connection speaks of autocommit."""
    callee = inference.value(call.func, scope)
    if not deep or not isinstance(callee, FunctionValue):
        return False
    inside = callee.scope.child(callee.node)
    if _speaks_of_autocommit(inside) or _pools_turn_it_on(inside.module.scope):
        return True
    calls = [node for node in own_nodes(callee.node) if isinstance(node, ast.Call)]
    return any(_may_turn_it_on(each, inside, inference, deep - 1) for each in calls)


@remembered
def _pools_turn_it_on(module: Scope) -> bool:
    """Tell whether a pool that a module makes may turn autocommit on for its connections."""
    return _AUTOCOMMIT in module.module.text and any(
        _AUTOCOMMIT in ast.unparse(node)
        or any(
            keyword.arg in _POOL_OPTIONS and not isinstance(keyword.value, ast.Dict)
            for keyword in node.keywords
        )
        for node, _ in scoped(module.module.statements_with(_POOL), module)
        if isinstance(node, ast.Call) and last_segment(node.func).endswith(_POOL[:-1])
    )


@remembered
def _speaks_of_autocommit(scope: Scope) -> bool:
    module = scope.module.scope
    if scope is module:
        return _speaks_so(scope.module.text)
    return _speaks_of_autocommit(module) and _speaks_so(ast.unparse(scope.node))


def _speaks_so(text: str) -> bool:
    return _AUTOCOMMIT in _TURNED_OFF.sub("", text).lower() or _ISOLATION in text


def _turns_autocommit_on(scope: Scope, inference: Inference) -> bool:
    """Tell whether the project turns autocommit on anywhere, its tests left out."""
    project, asker = inference.project, scope.module.path
    return any(
        _TURNED_ON.search(project.sources.read(path)) is not None
        for word in (_AUTOCOMMIT, _AUTOCOMMIT.upper(), _ISOLATION)
        for path in project.files_mentioning(word, asker)
        if not is_test(path, project.root)
    )
