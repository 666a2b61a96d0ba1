"""DBS606."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from flake8_dbsession.analysis.effects.work.sql import Pragma
from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition
from flake8_dbsession.analysis.facts.connection.pragmas import FirstUse, first_uses
from flake8_dbsession.analysis.names.texts import text_of
from flake8_dbsession.analysis.names.values import Role
from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.policy.model import Level
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.registry import register

_LIBRARIES = frozenset({"aiosqlite", "sqlite3"})
# They stay in the database's file, whichever connection sets them.
_KEPT_IN_FILE = frozenset({"auto_vacuum", "encoding", "page_size"})
_WAL = Pragma.of("journal_mode", "WAL")
_OF_FILES = frozenset({"journal_mode", "synchronous"})
_MEMORY = (":memory:", "mode=memory")
_READ_ONLY = ("mode=ro", "immutable=1")


@register
class SqlitePragmas(Rule[Acquisition]):
    """A SQLite connection is used before the pragmas that the policy requires are set on it.

    ## What it does
    Reports `sqlite3.connect(...)` and `aiosqlite.connect(...)` where some way leads to the first
    use of the connection, or to where it is handed on (returned, yielded, stored, given to code
    that cannot be found), and a pragma that the policy requires is not set on that way. It fires
    only where a policy requires pragmas, as the preset `sqlite` does. `execute` and
    `executescript` set a pragma, on the connection or a cursor, in any spelling (`ON`, `1`,
    `true`, `yes`), in a loop over pragmas, and in a function of the project that is given the
    connection. A value that the text does not show is taken for right. What sets the connection up
    otherwise (`create_function`, `row_factory = ...`) is no use of it.

    `journal_mode = WAL` stays in the database's file, and so do `auto_vacuum`, `encoding` and
    `page_size`: it is enough that the same module sets them somewhere. A database in memory is
    asked for neither `journal_mode` nor `synchronous`. A connection opened with `mode=ro` changes
    nothing, and is not meant; nor is one of a class of its own (`factory=...`). Test files are left
    alone: they look into a database from outside.

    ## Why is this bad?
    SQLite forgets most pragmas with the connection. Foreign keys are checked only on connections
    that ask for it: a single one that does not leaves rows behind which refer to nothing, and the
    database never says so. Within a transaction, `PRAGMA foreign_keys` does nothing at all.

    ## Example
    ```python
    import sqlite3
    from contextlib import closing


    def forget(path, session_id):
        with closing(sqlite3.connect(path)) as conn:  # DBS606
            conn.execute("DELETE FROM sessions WHERE session_id = ?", (session_id,))
            conn.commit()
    ```

    ## Use instead
    ```python
    import sqlite3
    from contextlib import closing


    def forget(path, session_id):
        with closing(sqlite3.connect(path)) as conn:
            conn.execute("PRAGMA foreign_keys = ON")
            conn.execute("DELETE FROM sessions WHERE session_id = ?", (session_id,))
            conn.commit()
    ```

    ## Fix safety
    The fix executes what is missing right after the connection is opened, in the modules that own
    the project's connections. It is unsafe: SQLite then refuses what it took before, and a
    `journal_mode` changes the database's file.

    ## Options
    - `sqlite`: the `pragmas` required, with their values

    ```toml
    [sqlite]
    pragmas = { foreign_keys = "ON" }
    ```

    ## References
    - [SQLite: foreign key support](https://www.sqlite.org/foreignkeys.html#fk_enable)
    - [SQLite: persistence of WAL mode](https://www.sqlite.org/wal.html#persistence_of_wal_mode)
    - [SQLite: pragma statements](https://www.sqlite.org/pragma.html)
    """

    code = "DBS606"
    name = "sqlite-pragmas"
    fact = Acquisition
    level = Level.WARNING

    def check(self, fact: Acquisition, context: Context) -> Iterator[Violation]:
        """Report SQLite connections without the required pragmas."""
        lacking = lacking_pragmas(fact, context)
        if lacking:
            shown = [f"`PRAGMA {text}`" for text in lacking.pragmas]
            yield self.violation(
                fact.node,
                f"`{fact.text}` lacks {_listed(shown)} when {_place(lacking.use, fact)}; "
                f"execute {'it' if len(shown) == 1 else 'them'} first",
            )


class Lacking(NamedTuple):
    """Required pragmas that a connection does not have.

    Attributes:
        pragmas: the pragmas, as the policy writes them: ``foreign_keys = ON``.
        use: the first use without them.
    """

    pragmas: list[str]
    use: FirstUse


def lacking_pragmas(fact: Acquisition, context: Context) -> Lacking | None:
    """Find what a connection lacks of what the policy requires.

    Args:
        fact: where it is opened.
        context: the file and its policy.
    """
    required = {} if context.is_test else dict(_required(fact, context))
    if not required:
        return None
    uses = first_uses(fact, context.file.inference)
    lacking = {use: missing for use in uses if (missing := _missing(required, use))}
    somewhere = {text for missing in lacking.values() for text in missing}
    pragmas = [text for text in required.values() if text in somewhere]
    return Lacking(pragmas, next(iter(lacking))) if lacking else None


def _required(fact: Acquisition, context: Context) -> Iterator[tuple[Pragma, str]]:
    """Give the pragmas that a connection has to have, each as the policy writes it."""
    known, database = fact.known, _database(fact, context)
    if known.library not in _LIBRARIES or known.source is not Role.CONNECT:
        return
    if any(keyword.arg == "factory" for keyword in fact.node.keywords):
        return
    if any(mark in database for mark in _READ_ONLY):
        return
    is_in_memory = any(mark in database for mark in _MEMORY)
    for name, value in context.policy.pragmas:
        pragma = Pragma.of(name, value)
        is_kept = pragma == _WAL or pragma.name in _KEPT_IN_FILE
        if is_kept and _is_set_in(context.file.module.text, name, value):
            continue
        if not (is_in_memory and pragma.name in _OF_FILES):
            yield pragma, f"{name} = {value}"


def _database(fact: Acquisition, context: Context) -> str:
    """Give the name of the database as far as the text shows it."""
    named = (keyword.value for keyword in fact.node.keywords if keyword.arg == "database")
    expression = fact.node.args[0] if fact.node.args else next(named, None)
    if expression is None:
        return ""
    return text_of(expression, fact.scope, context.file.inference) or ""


def _is_set_in(text: str, name: str, value: str) -> bool:
    pattern = rf"PRAGMA\s+(\w+\.)?{re.escape(name)}\s*[=(]\s*['\"]?{re.escape(value)}\b"
    return re.search(pattern, text, re.IGNORECASE) is not None


def _missing(required: dict[Pragma, str], use: FirstUse) -> list[str]:
    return [
        text
        for pragma, text in required.items()
        if not any(each.grants(pragma) for each in use.pragmas)
    ]


def _place(use: FirstUse, fact: Acquisition) -> str:
    if use.node is fact.node:
        return "it is kept"
    if isinstance(use.node, (ast.Return, ast.Yield, ast.Lambda)):
        return f"line {use.node.lineno} hands it on"
    return f"line {use.node.end_lineno} uses it"  # type: ignore[attr-defined]


def _listed(words: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
