"""What an expression stands for, as far as database sessions and connections go."""

from __future__ import annotations

import ast
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

from flake8_dbsession.named_tuples import NamedTuple

if TYPE_CHECKING:
    from flake8_dbsession.analysis.names.scopes import Scope


class Resource(Enum):
    """What is opened and has to be closed."""

    SESSION = "session"
    CONNECTION = "connection"


class Role(Enum):
    """The part that a named thing plays in the life of a session or connection."""

    SESSION_CLASS = "session class"
    FACTORY_MAKER = "factory maker"
    FACTORY = "factory"
    REGISTRY_MAKER = "registry maker"
    REGISTRY = "registry"
    CONNECT = "connect function"
    ENGINE_MAKER = "engine maker"
    ENGINE = "engine"
    POOL_MAKER = "pool maker"
    POOL = "pool"
    EXTENSION_MAKER = "extension maker"
    EXTENSION = "extension"
    ACCESSOR = "accessor"
    LENDER = "lender"
    PROVIDER = "provider"
    DEPENDENCY = "dependency"
    OPENED = "opened"
    LENT = "lent"
    GIVEN = "given"
    MANAGER = "context manager"
    GENERATOR = "generator"


HELD = frozenset({Role.GIVEN, Role.LENT, Role.OPENED})
"""What is a session or connection itself."""

OPENING = frozenset({Role.ACCESSOR, Role.CONNECT, Role.FACTORY, Role.SESSION_CLASS})
"""What gives one when it is called."""

POOL_MAKING = frozenset({Role.ENGINE_MAKER, Role.POOL_MAKER})
"""What makes a pool of connections."""


class RoleValue(NamedTuple):
    """A value whose role is known.

    Attributes:
        role: the part that the value plays. ``OPENED`` is a new session or connection, ``LENT`` one
            that somebody else keeps (a registry, flask's ``g``, an attribute), ``GIVEN`` one that
            came in as a parameter, ``MANAGER`` the result of calling a provider, ``GENERATOR`` that
            of calling a dependency; the others are the callables and classes themselves.
        resource: what it opens, holds or is.
        is_async: whether the session or connection is an asynchronous one.
        name: the qualified name it is known by, such as ``sqlalchemy.orm.Session``.
        home: the scope in which it is defined, where that lies in the project.
        source: the role of the callable that gave this value; None for what was not called.
        commits: whether a provider commits on leaving its block; of what a block has entered,
            whether the end of that block commits, or may.
        keeps_loaded: whether a factory is made with ``expire_on_commit=False``; None where that is
            not known.
        database: what tells its database from others: the expression that makes the engine or
            factory in the end with its scope, or how that is written where it is not found; None
            where nothing is known.
        is_pooled: whether it is taken from a pool, and has to go back there.
        is_assumed: whether only an annotation says that it is new; code that closes it proves that.
        of_class: the project's own class of the session; an ``External`` without a name for one
            that is not found, None for the library's.
        autoflushes: whether a query writes first what was added, as far as that is known.
        library: the package that opens it in the end, such as ``sqlite3``; empty where that is not
            known.
    """

    role: Role
    resource: Resource = Resource.SESSION
    is_async: bool = False
    name: str = ""
    home: Scope | None = None
    source: Role | None = None
    commits: bool = False
    keeps_loaded: bool | None = None
    library: str = ""
    database: tuple[ast.expr | ast.arg, Scope] | str | None = None
    is_pooled: bool = False
    is_assumed: bool = False
    of_class: ClassValue | External | None = None
    autoflushes: bool = True


class External(NamedTuple):
    """A name that leads out of the project, such as ``requests.Session``."""

    name: str


class ModuleValue(NamedTuple):
    """A module of the project: its scope."""

    scope: Scope


class ClassValue(NamedTuple):
    """A class of the project, with the scope it stands in."""

    node: ast.ClassDef
    scope: Scope


class InstanceValue(NamedTuple):
    """An object of a project's class."""

    cls: ClassValue


class FunctionValue(NamedTuple):
    """A function or method of the project; ``owner`` is the class it was reached through."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    scope: Scope
    owner: ClassValue | None = None

    @property
    def receiver(self) -> str | None:
        """The parameter that gets a method's object or class; None for any other function."""
        return self.scope.child(self.node).receiver()


class TupleValue(NamedTuple):
    """Several values side by side, as ``return engine, factory`` gives them.

    Attributes:
        items: the values.
        constants: for each the constants that it can be beside a new session or connection; empty
            where it can be anything else.
    """

    items: tuple[Value | None, ...]
    constants: tuple[tuple[object, ...], ...] = ()


class Result(NamedTuple):
    """What calling a function of the project gives.

    Attributes:
        role: the function's part (accessor, lender, provider, dependency); None for none of these.
            An accessor always gives a new session or connection that is kept nowhere; one that may
            give another's is a lender.
        handed: the session or connection that it hands out.
        returns: the value returned, where that is of interest but makes the function no part.
        commits: whether it may commit what was done with the session.
    """

    role: Role | None = None
    handed: RoleValue | None = None
    returns: Value | None = None
    commits: bool = False


Value: TypeAlias = (
    RoleValue | External | ModuleValue | ClassValue | InstanceValue | FunctionValue | TupleValue
)
