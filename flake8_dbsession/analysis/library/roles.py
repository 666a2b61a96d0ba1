"""What the database libraries themselves define, by qualified name.

Sources: the reference documentation of SQLAlchemy 2, SQLModel, Flask-SQLAlchemy 3 and Alembic, and
the page beside an entry. The drivers, with the sources for each, stand in ``drivers``. A name that
ends in brackets is what calling it gives.
"""

from __future__ import annotations

from flake8_dbsession.analysis.library.drivers import DRIVERS, HOOKS
from flake8_dbsession.analysis.names.values import External, Resource, Role, RoleValue

_SYNC_SESSIONS = (
    "sqlalchemy.orm.Session",
    "sqlalchemy.orm.session.Session",
    "sqlmodel.Session",
    "sqlmodel.orm.session.Session",
)
_ASYNC_SESSIONS = (
    "sqlalchemy.ext.asyncio.AsyncSession",
    "sqlalchemy.ext.asyncio.session.AsyncSession",
    "sqlmodel.ext.asyncio.session.AsyncSession",
)
_FACTORY_MAKERS = ("sqlalchemy.orm.sessionmaker", "sqlalchemy.orm.session.sessionmaker")
_ASYNC_FACTORY_MAKERS = (
    "sqlalchemy.ext.asyncio.async_sessionmaker",
    "sqlalchemy.ext.asyncio.session.async_sessionmaker",
)
_REGISTRY_MAKERS = ("sqlalchemy.orm.scoped_session", "sqlalchemy.orm.scoping.scoped_session")
_ASYNC_REGISTRY_MAKERS = (
    "sqlalchemy.ext.asyncio.async_scoped_session",
    "sqlalchemy.ext.asyncio.scoping.async_scoped_session",
)
_ENGINE_MAKERS = (
    "sqlalchemy.create_engine",
    "sqlalchemy.engine.create_engine",
    "sqlalchemy.engine_from_config",
    "sqlmodel.create_engine",
)
_ASYNC_ENGINE_MAKERS = (
    "sqlalchemy.ext.asyncio.create_async_engine",
    "sqlalchemy.ext.asyncio.engine.create_async_engine",
)
_LENT_CONNECTIONS = ("alembic.op.get_bind", "alembic.context.get_bind")
# https://docs.openstack.org/oslo.db/latest/reference/api/oslo_db.sqlalchemy.html (enginefacade)
_FACADES = tuple(
    f"oslo_db.sqlalchemy.enginefacade.{context}{mode}{modifier}"
    for context in ("", "transaction_context().")
    for mode in ("reader", "writer")
    for modifier in ("", ".independent")
)
_FACADE_FACTORIES = tuple(f"{facade}.get_sessionmaker()" for facade in _FACADES)
_FACADE_ENGINES = tuple(f"{facade}.get_engine()" for facade in _FACADES)
_EXTENSIONS = ("flask_sqlalchemy.SQLAlchemy", "flask_sqlalchemy.extension.SQLAlchemy")


def _table() -> dict[str, RoleValue]:
    session, connection = Resource.SESSION, Resource.CONNECTION
    rows = (
        (_SYNC_SESSIONS, Role.SESSION_CLASS, session, False),
        (_ASYNC_SESSIONS, Role.SESSION_CLASS, session, True),
        (_FACTORY_MAKERS, Role.FACTORY_MAKER, session, False),
        (_ASYNC_FACTORY_MAKERS, Role.FACTORY_MAKER, session, True),
        (_REGISTRY_MAKERS, Role.REGISTRY_MAKER, session, False),
        (_ASYNC_REGISTRY_MAKERS, Role.REGISTRY_MAKER, session, True),
        (_ENGINE_MAKERS, Role.ENGINE_MAKER, connection, False),
        (_ASYNC_ENGINE_MAKERS, Role.ENGINE_MAKER, connection, True),
        (("sqlalchemy.Engine", "sqlalchemy.engine.Engine"), Role.ENGINE, connection, False),
        (("sqlalchemy.ext.asyncio.AsyncEngine",), Role.ENGINE, connection, True),
        (_LENT_CONNECTIONS, Role.LENDER, connection, False),
        (_EXTENSIONS, Role.EXTENSION_MAKER, session, False),
        *(
            (names, role, connection, is_async)
            for driver in DRIVERS
            for names, role, is_async in (
                (driver.connections, Role.GIVEN, False),
                (driver.async_connections, Role.GIVEN, True),
                (driver.connects, Role.CONNECT, False),
                (driver.async_connects, Role.CONNECT, True),
                (driver.pools, Role.POOL_MAKER, False),
                (driver.async_pools, Role.POOL_MAKER, True),
            )
        ),
    )
    known = {
        name: RoleValue(role, resource, is_async, name, library=name.partition(".")[0])
        for names, role, resource, is_async in rows
        for name in names
    }
    for hook, driver in HOOKS.items():
        name = f"{hook}().get_conn"
        known[name] = RoleValue(Role.CONNECT, connection, name=name, library=driver)
    for name in _FACADE_FACTORIES:  # made with options of the deployment's
        known[name] = RoleValue(Role.FACTORY, session, name=name, keeps_loaded=None)
    for name in _FACADE_ENGINES:
        known[name] = RoleValue(Role.ENGINE, connection, name=name, library="sqlalchemy")
    return known


_KNOWN = _table()

SHARED = frozenset({"airflow", "mysql", "oslo_db", "snowflake"})
"""Packages whose names a project may have for a folder of its own.

A module inside a package of the project is none of them: it is imported by another name.
"""

# The first segment of every other name above: an import of one of these never needs to be looked
# for in the project.
PACKAGES = frozenset(name.partition(".")[0] for name in _KNOWN) - SHARED


def known(name: str) -> RoleValue | None:
    """Give the part that a qualified name of a database library plays; None for any other name."""
    return _KNOWN.get(name)


def lookup(name: str) -> RoleValue | External:
    """Tell what a qualified name from outside the project stands for.

    Args:
        name: the qualified name, such as ``sqlalchemy.orm.Session``.

    Returns:
        Its known part, or the bare name for whatever is none of a database library's.
    """
    return _KNOWN.get(name) or External(name)
