"""SQL, as far as the first words of its statements tell."""

from __future__ import annotations

import re

from flake8_dbsession.analysis.names.texts import HOLE
from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.patterns import regex

_COMMENT = regex(r"('[^']*'|\"[^\"]*\")|--[^\n]*|/\*.*?\*/", re.DOTALL)
_STATEMENT = regex(r"(?:'[^']*'|\"[^\"]*\"|[^;])+")
_PRAGMA = regex(
    r"PRAGMA\s+(?:\w+\s*\.\s*)?(?P<name>[\w\0]+)\s*[=(]\s*(?P<value>[^)]*)\)?", re.IGNORECASE
)
_WRITE = regex(
    r"\s*(?:INSERT|UPDATE|DELETE|REPLACE|MERGE|CREATE|DROP|ALTER|TRUNCATE)\b", re.IGNORECASE
)
# After ``WITH`` the verb stands anywhere, and some verbs are functions as well.
_WRITE_WITH = regex(
    r"\s*WITH\b.*\b(?:(?:INSERT|REPLACE|MERGE)\s.*?\bINTO|DELETE\s+FROM|UPDATE\s.*?\bSET)\b",
    re.IGNORECASE | re.DOTALL,
)
_CHANGE = regex(
    r"\s*(?:(?:INSERT|UPDATE|DELETE|REPLACE|MERGE)\b|COPY\b.*\bFROM\b)", re.IGNORECASE | re.DOTALL
)
# What ends a transaction, or says that there is none; and tables that go with the connection.
_ENDING = regex(r"\s*(?:COMMIT|END|ROLLBACK(?!\s+TO)|ABORT)\b|.*\bAUTOCOMMIT\b", re.IGNORECASE)
_TEMPORARY = regex(r"\bTEMP(?:ORARY)?\b|\b(?:INTO|TABLE|UPDATE|FROM)\s+#\w", re.IGNORECASE)
_YES = frozenset({"on", "true", "yes"})
_NO = frozenset({"off", "false", "no"})
# The words of the pragmas whose values have numbers as well (sqlite.org/pragma.html).
_NUMBERED = {
    "auto_vacuum": ("none", "full", "incremental"),
    "synchronous": ("off", "normal", "full", "extra"),
    "temp_store": ("default", "file", "memory"),
}


class Pragma(NamedTuple):
    """A SQLite pragma with the value that it is set to, both in one spelling of the many.

    Attributes:
        name: its name in small letters; ``HOLE`` where the text does not show it.
        value: its value; words that stand for a number are that number.
    """

    name: str
    value: str

    @classmethod
    def of(cls, name: str, value: str) -> Pragma:
        """Make one of a name and a value as they are written: ``foreign_keys`` and ``ON``."""
        name, value = name.lower(), value.strip().strip("'\"").lower()
        numbered = _NUMBERED.get(name, ())
        if value in numbered:
            return cls(name, str(numbered.index(value)))
        return cls(name, "1" if value in _YES else "0" if value in _NO else value)

    def grants(self, required: Pragma) -> bool:
        """Tell whether it is what is required; what the text does not show is taken to be."""
        if HOLE in self.name:
            return True
        return self.name == required.name and (HOLE in self.value or self.value == required.value)


def sql_statements(text: str) -> list[str]:
    """Give the statements of a script, without comments and the space around them."""
    bare = _COMMENT.sub(lambda found: found[1] or " ", text)
    parts = (part.strip() for part in _STATEMENT.findall(bare))
    return [part for part in parts if part]


def pragma_of(statement: str) -> Pragma | None:
    """Read a statement that sets a pragma; None for any other, such as one that asks for it."""
    found = _PRAGMA.fullmatch(statement)
    return Pragma.of(found["name"], found["value"]) if found is not None else None


def changes_rows(statement: str) -> bool:
    """Tell whether a statement changes rows, which are lost where it is not committed."""
    return any(verb.match(statement) for verb in (_CHANGE, _WRITE_WITH))


def ends_transaction(statement: str) -> bool:
    """Tell whether a statement commits or rolls back, or turns autocommit on."""
    return _ENDING.match(statement) is not None


def is_temporary(statement: str) -> bool:
    """Tell whether a statement speaks of a table that is gone with its connection."""
    return _TEMPORARY.search(statement) is not None


def is_write(statement: str) -> bool:
    """Tell whether a statement changes a database: its rows, or what it is made of."""
    return any(verb.match(statement) for verb in (_WRITE, _WRITE_WITH))
