"""Example code for what a policy requires of engines and of SQLite connections."""

from __future__ import annotations

from flake8_dbsession.policy.model import Options, Scalar

_URLS = {
    "any": "postgresql://host/name",
    "server": "postgresql://host/name",
    "postgresql": "postgresql://host/name",
    "mysql": "mysql+pymysql://host/name",
    "sqlite-file": "sqlite:///name.db",
    "sqlite-memory": "sqlite://",
}
_CLASSES = frozenset({"poolclass", "class_", "pool"})  # the options whose text names a class


def engine_example(kind: str, options: Options, mark: str = "") -> str:
    """Write out an engine.

    Args:
        kind: one of the policy's kinds of URL.
        options: the options to give it.
        mark: a comment for the call.

    Returns:
        A file's worth of Python.
    """
    arguments = [f'"{_URLS[kind]}"', *(f"{name}={_written(name, v)}" for name, v in options)]
    classes = sorted(str(value) for name, value in options if _is_class(name, value))
    imports = ["from sqlalchemy import create_engine"]
    imports += [f"from sqlalchemy.pool import {', '.join(classes)}"] if classes else []
    joined = ", ".join(arguments)
    if len(joined) > 70:
        joined = "\n" + "".join(f"    {argument},\n" for argument in arguments)
    return "\n".join(imports) + f"\n\nengine = create_engine({joined}){mark}\n"


def pragmas_example(pragmas: tuple[tuple[str, str], ...], mark: str = "") -> str:
    """Write out the provider of SQLite connections that sets the pragmas.

    Args:
        pragmas: the pragmas with their values.
        mark: a comment for the call that connects.

    Returns:
        A file's worth of Python.
    """
    lines = [f'        conn.execute("PRAGMA {name} = {value}")' for name, value in pragmas]
    return "\n".join(
        [
            "import sqlite3",
            "from contextlib import contextmanager",
            "",
            "",
            "@contextmanager",
            "def open_connection(path):",
            f"    conn = sqlite3.connect(path){mark}",
            "    try:",
            *lines,
            "        yield conn",
            "        conn.commit()",
            "    except Exception:",
            "        conn.rollback()",
            "        raise",
            "    finally:",
            "        conn.close()",
            "",
        ]
    )


def _written(name: str, value: Scalar) -> str:
    return str(value) if _is_class(name, value) else repr(value)


def _is_class(name: str, value: Scalar) -> bool:
    return name in _CLASSES and str(value).isidentifier() and not isinstance(value, bool)
