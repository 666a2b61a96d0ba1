"""What a test opens that nothing has to close: doubles, memory, and what only looks like work."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.facts.acquisition.driven import DrivenDependency
from flake8_dbsession.analysis.facts.connection.connecting import is_in_memory
from flake8_dbsession.analysis.facts.connection.databases import lives_in_memory, makes_memory
from flake8_dbsession.analysis.facts.lifetime.endings import Ending
from flake8_dbsession.analysis.library.python import LOOKING
from flake8_dbsession.analysis.library.queries import STILL_LAZY
from flake8_dbsession.analysis.lifetimes import Leaving
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.functions import is_fixture
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Assigned, Parameter, Scope, last_segment
from flake8_dbsession.analysis.names.texts import followed
from flake8_dbsession.analysis.names.values import FunctionValue, Resource, RoleValue
from flake8_dbsession.analysis.nodes import arguments, children, nodes_in, own_nodes, root_of

_MEMORY = (":memory:", "mode=memory")
# What makes engines and sessions: a test that replaces it opens nothing by them.
_MAKERS = frozenset(
    {
        "AsyncSession",
        "Session",
        "async_sessionmaker",
        "create_async_engine",
        "create_engine",
        "scoped_session",
        "sessionmaker",
    }
)
_SET_UPS = frozenset({"asyncSetUp", "setUp", "setUpClass", "setup_method"})
_PATCHERS = frozenset({"patch", "setattr"})
# The methods and attributes of a session that run no statement, by SQLAlchemy's reference.
_STATEMENTLESS = frozenset(
    {
        "add",
        "add_all",
        "autoflush",
        "begin",
        "bind",
        "close",
        "deleted",
        "dirty",
        "expunge",
        "expunge_all",
        "get_bind",
        "get_transaction",
        "identity_map",
        "in_transaction",
        "info",
        "is_active",
        "new",
        "no_autoflush",
        "registry",
        "rollback",
        "sync_session",
    }
)
_STILL_A_QUERY = STILL_LAZY | {"label", "statement", "subquery", "whereclause", "with_labels"}
_READING_TEXT = frozenset({"compile", "print", "repr", "str"})


def needs_no_close(ending: Ending, inference: Inference) -> bool:
    """Tell whether a test has no reason to close what it opens.

    Args:
        ending: what is opened, and what becomes of it.
        inference: answers what opens it.

    Returns:
        True for what the test replaces by a double, for a database in memory, for a session that
        never runs a statement, and where nothing but the failure of the test leaves it open.
    """
    acquisition = ending.acquisition
    return (
        all(leak.how is Leaving.RAISES for leak in ending.lifetime.leaks)
        or _is_replaced(ending, inference)
        or lives_in_memory(acquisition.known, inference)
        or _is_in_memory(acquisition.node, acquisition.known, acquisition.scope, inference)
        or _runs_no_statement(ending)
    )


def only_looks_at_double(driven: DrivenDependency, inference: Inference) -> bool:
    """Tell whether a test replaces what a dependency opens, and only looks at what that gives.

    Args:
        driven: the dependency, which the test drives by hand.
        inference: answers what is called.

    Returns:
        True where no statement runs on the session: nothing is left to roll back or to close.
    """
    if not _is_patched(driven.made, driven.scope, driven.known, inference):
        return False
    function = driven.scope.function()
    return function is not None and _is_only_looked_at(driven.name, function)


def _is_replaced(ending: Ending, inference: Inference) -> bool:
    """Tell whether a test, its class or its fixtures patch what opens something."""
    acquisition = ending.acquisition
    if not _patched_around(ending.scope):
        return False
    if _is_of_double(acquisition.node.func, acquisition.scope):
        return True
    return _is_patched(acquisition.node, ending.scope, acquisition.known, inference)


def _is_patched(call: ast.Call, scope: Scope, known: RoleValue, inference: Inference) -> bool:
    """Tell whether what a call names, or the function that it calls, is patched around it."""
    patched = _patched_around(scope)
    if not patched:
        return False
    opener = inference.value(call.func, scope)
    names = _names_in(call.func)
    if isinstance(opener, FunctionValue):
        names |= _names_in(opener.node)
    of_sqlalchemy = known.resource is Resource.SESSION or known.library == "sqlalchemy"
    makers = _MAKERS if of_sqlalchemy else frozenset()
    segments = {name.rpartition(".")[2] for name in patched}
    return not segments.isdisjoint(names | makers | {known.library})


def _is_of_double(opener: ast.expr, scope: Scope) -> bool:
    """Tell whether what opens is a method of a double, which a decorator gives the test."""
    function = scope.function()
    root = root_of(opener)
    if function is None or not isinstance(root, ast.Name):
        return False
    decorators = getattr(function.node, "decorator_list", ())
    is_patched = any(True for decorator in decorators for _ in _patched_in(decorator))
    hows = [binding.how for binding in function.bindings(root.id)]
    return is_patched and any(isinstance(h, Parameter) and not h.is_receiver for h in hows)


@remembered
def _patched_around(scope: Scope) -> frozenset[str]:
    """Give the dotted names that are patched while a function runs, as far as its file tells."""
    found = set(_patched_in(scope.node))
    for decorator in getattr(scope.node, "decorator_list", ()):
        found.update(_patched_in(decorator))
    cls = scope.enclosing_class()
    for decorator in getattr(cls.node, "decorator_list", ()) if cls is not None else ():
        found.update(_patched_in(decorator))
    arguments = getattr(scope.node, "args", None)
    given = {arg.arg for arg in arguments.args} if isinstance(arguments, ast.arguments) else set()
    for helper in _helpers(scope, cls):
        if helper.name in given or helper.name in _SET_UPS or _is_autouse(helper):
            found.update(_patched_in(helper))
    return frozenset(found)


def _helpers(scope: Scope, cls: Scope | None) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Give the fixtures of a test's file, and the set-up methods of its class."""
    for outer in (scope.module.scope, cls):
        for statement in getattr(outer.node, "body", ()) if outer is not None else ():
            match statement:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    if is_fixture(statement) or name in _SET_UPS:
                        yield statement


def _is_autouse(fixture: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    calls = (each for each in fixture.decorator_list if isinstance(each, ast.Call))
    return any(keyword.arg == "autouse" for call in calls for keyword in call.keywords)


def _patched_in(node: ast.AST) -> Iterator[str]:
    """Give what is patched in a node: by ``mock.patch``, ``mocker`` or ``monkeypatch``."""
    for call in nodes_in(node):
        match call:
            case ast.Call(func=function, args=[ast.Constant(value=str() as name), *_]):
                if last_segment(function) in _PATCHERS:
                    yield name
            case ast.Call(
                func=ast.Attribute(value=owner, attr="object" | "setattr" as method),
                args=[target, ast.Constant(value=str() as name), *_],
            ):
                if method == "setattr" or last_segment(owner) == "patch":
                    yield f"{ast.unparse(target)}.{name}"


def _names_in(node: ast.AST) -> set[str]:
    return {
        part.attr if isinstance(part, ast.Attribute) else part.id
        for part in nodes_in(node)
        if isinstance(part, (ast.Attribute, ast.Name))
    }


def _is_in_memory(call: ast.Call, known: RoleValue, scope: Scope, inference: Inference) -> bool:
    """Tell whether a call opens a database in memory, by itself or in its function."""
    if any(_names_memory(argument, scope) for argument in arguments(call)):
        return True
    opener = inference.value(call.func, scope)
    if not isinstance(opener, FunctionValue) and is_in_memory(call, known, scope, inference):
        return True
    if isinstance(call.func, ast.Attribute):
        engine, where = followed(call.func.value, scope, inference)
        if isinstance(engine, ast.Call) and makes_memory(engine, where, inference):
            return True
    return isinstance(opener, FunctionValue) and _opens_in_memory(opener, inference)


def _opens_in_memory(opener: FunctionValue, inference: Inference) -> bool:
    scope = opener.scope.child(opener.node)
    nodes = own_nodes(opener.node)
    opened = [(node, inference.known(node, scope)) for node in nodes if isinstance(node, ast.Call)]
    return any(_names_memory(node, scope) for node in nodes) or any(
        known is not None and is_in_memory(node, known, scope, inference) for node, known in opened
    )


def _names_memory(node: ast.AST, scope: Scope) -> bool:
    match node:
        case ast.Constant(value=str() as text):
            return any(word in text for word in _MEMORY)
        case ast.Name(id=name, ctx=ast.Load()):
            values = [b.how.value for b in scope.lookup(name) if isinstance(b.how, Assigned)]
            return any(isinstance(v, ast.Constant) and _names_memory(v, scope) for v in values)
    return False


def _runs_no_statement(ending: Ending) -> bool:
    """Tell whether a session is only asked about, or for queries that are never run."""
    acquisition = ending.acquisition
    if acquisition.known.resource is not Resource.SESSION or not acquisition.name.isidentifier():
        return False
    return _is_only_looked_at(acquisition.name, ending.scope)


def _is_only_looked_at(name: str, scope: Scope) -> bool:
    """Tell whether no statement runs on the session of a name."""
    uses = _uses(scope)
    return all(_is_without_statement(around, uses) for around in uses.get(name, []))


@remembered
def _uses(scope: Scope) -> dict[str, list[list[ast.AST]]]:
    """Give for each name of a function where it is read: the nodes around it, nearest first."""
    found: dict[str, list[list[ast.AST]]] = {}
    stack: list[tuple[ast.AST, list[ast.AST]]] = [(scope.node, [])]
    while stack:
        node, around = stack.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            found.setdefault(node.id, []).append(around)
        stack += [(child, [node, *around]) for child in children(node)]
    return found


def _is_without_statement(
    around: list[ast.AST], uses: dict[str, list[list[ast.AST]]], seen: frozenset[str] = frozenset()
) -> bool:
    match around:
        case [ast.Attribute(attr="query"), ast.Call(), *outer]:
            return _is_never_run(outer, uses, seen)
        case [ast.Attribute(attr=name), *_]:
            return name in _STATEMENTLESS
        case [ast.Compare() | ast.Assert(), *_]:
            return True
        case [ast.Call(func=ast.Name(id=name)), *_]:
            return name in LOOKING
    return False


def _is_never_run(
    around: list[ast.AST], uses: dict[str, list[list[ast.AST]]], seen: frozenset[str]
) -> bool:
    """Tell whether a query is only built, and read as text at most."""
    match around:
        case [ast.Attribute(attr=name), *outer] if name in _STILL_A_QUERY:
            is_called = bool(outer) and isinstance(outer[0], ast.Call)
            return _is_never_run(outer[1:] if is_called else outer, uses, seen)
        case [ast.Attribute(attr="compile"), *_] | [ast.Expr(), *_] | [ast.Compare(), *_]:
            return True
        case [ast.Call(func=function), *_]:
            return last_segment(function) in _READING_TEXT
        case [ast.Assign(targets=[ast.Name(id=name)]), *_]:
            later = uses.get(name, []) if name not in seen else []
            return all(_is_never_run(use, uses, seen | {name}) for use in later)
    return False
