"""Database URLs, as far as they are literal.

Their form is that of SQLAlchemy's reference documentation of ``URL`` and of its SQLite dialects.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope
from flake8_dbsession.analysis.names.texts import HOLE, followed, text_of
from flake8_dbsession.analysis.names.values import External
from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.patterns import regex

_FORM = regex(
    r"(?P<dialect>\w+)(?:\+(?P<driver>[\w\0]+))?://(?P<server>[^/?]*)"
    r"(?:/(?P<database>[^?]*))?(?:\?(?P<query>.*))?",
    re.DOTALL,
)
_KINDS = {"postgres": "postgresql", "mariadb": "mysql"}
_OWN_KINDS = frozenset({"postgresql", "mysql"})
_ENVIRONMENT = frozenset({"os.environ.get", "os.getenv"})
_DATABASE_POSITION = 5  # of ``URL.create(drivername, username, password, host, port, database)``


class DatabaseUrl(NamedTuple):
    """A URL of which at least the dialect is literal.

    Attributes:
        dialect: the kind of database, such as ``postgresql``.
        driver: the driver that the URL names, such as ``psycopg2``; empty for the dialect's own.
        server: what stands between ``//`` and the next slash.
        database: the name of the database, or the file.
        query: the options after the question mark, by name.
    """

    dialect: str
    driver: str
    server: str
    database: str
    query: tuple[tuple[str, str], ...]

    @property
    def kind(self) -> str | None:
        """The kind, in a policy's words (``server``, ``sqlite-file``); None where it stays open."""
        if self.dialect != "sqlite":
            name = _KINDS.get(self.dialect, self.dialect)
            return name if name in _OWN_KINDS else "server"
        if HOLE in self.server:
            return None
        return "sqlite-memory" if self._is_memory() else "sqlite-file"

    @property
    def is_pysqlite(self) -> bool:
        """Whether Python's own driver for SQLite opens it."""
        return self.dialect == "sqlite" and self.driver in ("", "pysqlite")

    def option(self, name: str) -> str | None:
        """Give the value of an option in the query; None where the query does not have it."""
        return dict(self.query).get(name)

    def _is_memory(self) -> bool:
        is_named = self.database and not self.database.startswith((":memory:", "file::memory:"))
        return not is_named or self.option("mode") == "memory"


def url_of(expression: ast.expr, scope: Scope, inference: Inference) -> DatabaseUrl | None:
    """Read a database URL: a string, ``make_url(...)`` or ``URL.create(...)``.

    Args:
        expression: what gives the URL.
        scope: the scope it is read in.
        inference: follows the names in it.

    Returns:
        The URL; None where not even its dialect is literal.
    """
    value, where = followed(expression, scope, inference)
    if isinstance(value, ast.Call):
        callee = inference.value(value.func, where)
        name = callee.name if isinstance(callee, External) else ""
        if name.startswith("sqlalchemy.") and name.endswith(".URL.create"):
            return _created(value, where, inference)
        if name.startswith("sqlalchemy.") and name.endswith(".make_url") and value.args:
            return url_of(value.args[0], where, inference)
    text = text_of(value, where, inference)
    match_ = _FORM.fullmatch(text) if text is not None else None
    if match_ is None:
        return None
    parts = match_.groupdict(default="")
    query = tuple(_query(parts.pop("query")))
    return DatabaseUrl(**parts, query=query)


def default_url_of(expression: ast.expr, scope: Scope, inference: Inference) -> DatabaseUrl | None:
    """Read the URL that counts where the environment names none.

    Args:
        expression: what gives the URL: ``os.getenv("URL", "sqlite://")``, ``environ.get(...)``,
            ``config("URL", default=...)``, ``os.getenv("URL") or ...``.
        scope: the scope it is read in.
        inference: follows the names in it.

    Returns:
        The URL; None for anything else.
    """
    value, where = followed(expression, scope, inference)
    match value:
        case ast.BoolOp(op=ast.Or(), values=[*_, default]):
            return url_of(default, where, inference)
        case ast.Call(func=function, args=args, keywords=keywords):
            named = [k.value for k in keywords if k.arg == "default"]
            callee = inference.value(function, where)
            if isinstance(callee, External) and callee.name in _ENVIRONMENT:
                named += args[1:2]
            return url_of(named[0], where, inference) if named else None
    return None


def _query(text: str) -> Iterator[tuple[str, str]]:
    for option in text.split("&"):
        name, _, value = option.partition("=")
        if name and HOLE not in name:
            yield name, value


def _created(call: ast.Call, scope: Scope, inference: Inference) -> DatabaseUrl | None:
    """Read ``URL.create(...)``."""
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    name = call.args[0] if call.args else given.get("drivername")
    text = text_of(name, scope, inference) if name is not None else None
    if text is None or HOLE in text or None in given:
        return None
    dialect, _, driver = text.partition("+")
    positional = call.args[_DATABASE_POSITION : _DATABASE_POSITION + 1]
    database = positional[0] if positional else given.get("database")
    is_absent = database is None or (isinstance(database, ast.Constant) and not database.value)
    path = "" if is_absent else text_of(database, scope, inference) or HOLE  # type: ignore[arg-type]
    return DatabaseUrl(dialect, driver, "", path, tuple(_options(given.get("query"))))


def _options(query: ast.expr | None) -> Iterator[tuple[str, str]]:
    """Read the options of ``URL.create(query={...})``."""
    if isinstance(query, ast.Dict):
        for key, value in zip(query.keys, query.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                is_text = isinstance(value, ast.Constant) and isinstance(value.value, str)
                yield key.value, str(value.value) if is_text else HOLE  # type: ignore[attr-defined]
