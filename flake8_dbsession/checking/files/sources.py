"""A file's text and syntax tree, for commands that look at files and do not lint them."""

from __future__ import annotations

import ast
import warnings

from flake8_dbsession.analysis.names.project import decode
from flake8_dbsession.reading import read_file


class UnreadError(Exception):
    """A file cannot be read or parsed; the text says why."""


def read(path: str) -> tuple[str, ast.Module]:
    """Read a Python file.

    Args:
        path: the file.

    Returns:
        Its text with ``\\n`` line ends, and its syntax tree.

    Raises:
        UnreadError: it cannot be opened, decoded or parsed.
    """
    try:
        text = decode(read_file(path))
    except OSError as error:
        raise UnreadError(f"cannot be read: {error.strerror}") from error
    if text is None:
        raise UnreadError("cannot be decoded")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            return text, ast.parse(text)
    except SyntaxError as error:
        raise UnreadError(f"cannot be parsed: line {error.lineno}: {error.msg}") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise UnreadError(f"cannot be parsed: {' '.join(str(error).split())}") from error
