"""The Python code of Jupyter notebooks, with its places in their cells.

The form: https://nbformat.readthedocs.io/en/latest/format_description.html
"""

from __future__ import annotations

import ast
import json
import warnings
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any

from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.patterns import regex

SUFFIX = ".ipynb"

# Magics of a whole cell below which Python goes on; below all others is another language.
_PYTHON_MAGICS = frozenset(
    {"capture", "debug", "ipytest", "prun", "pypy", "python", "python3", "time", "timeit"}
)
_CELL_MAGIC = regex(r"\s*%%(\w*)[^\n]*")
_ASSIGNED_MAGIC = regex(r"([^=!%#]+=\s*)[!%]")
_MAGIC = regex(r"[%!?/,;]|.*\?\s*$")


class NotebookError(OSError):
    """A file is no notebook that can be read; the text says why."""


class Notebook(NamedTuple):
    """The code of a notebook.

    Attributes:
        lines: the lines of its Python cells, one after another.
        cells: the number of each of them, counted from 1 among all cells.
        starts: the line before each of them, counted from 1.
    """

    lines: list[str]
    cells: list[int]
    starts: list[int]

    def place(self, line: int) -> tuple[int, int]:
        """Give the cell that a line stands in, and its number there, counted from 1."""
        at = max(0, bisect_right(self.starts, line - 1) - 1)
        return (self.cells[at], line - self.starts[at]) if self.cells else (0, line)


def read(content: bytes) -> Notebook:
    """Read a notebook.

    Args:
        content: the file's bytes.

    Raises:
        NotebookError: it is none, or one of an older form.
    """
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise NotebookError(f"is no JSON: {error}") from error
    cells = data.get("cells") if isinstance(data, dict) else None
    if not isinstance(cells, list):
        raise NotebookError("is no notebook, or older than format 4: it has no list of cells")
    book = Notebook([], [], [])
    for number, cell in enumerate(cells if _is_python(data) else (), 1):
        source = _source(cell, number)
        code = None if source is None else _python(source)
        if code is not None:
            book.cells.append(number)
            book.starts.append(len(book.lines))
            book.lines.extend(f"{line}\n" for line in code.split("\n"))
    return book


def _is_python(data: dict[str, Any]) -> bool:
    """Tell whether a notebook is Python's, as those are that do not say."""
    named = (_at(data, "metadata", *keys) for keys in _LANGUAGE)
    language = next((name for name in named if isinstance(name, str)), "python")
    return "python" in language.lower()


_LANGUAGE = (("language_info", "name"), ("kernelspec", "language"))


def _at(data: Any, *keys: str) -> Any:
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def _source(cell: Any, number: int) -> str | None:
    """Give the text of a code cell; None for another."""
    if _at(cell, "cell_type") != "code":
        return None
    if "python" not in str(_at(cell, "metadata", "vscode", "languageId") or "python"):
        return None
    source = _at(cell, "source")
    lines = source if isinstance(source, list) else [source]
    if not all(isinstance(line, str) for line in lines):
        raise NotebookError(f"cell {number} has no text as its source")
    text = "".join(lines).replace("\r\n", "\n").replace("\r", "\n")
    return text.encode(errors="replace").decode()  # JSON can spell half a character


def _python(source: str) -> str | None:
    """Give a cell's code without IPython's own syntax, on the same lines; None for no Python."""
    magic = _CELL_MAGIC.match(source)
    if magic:
        if magic[1] not in _PYTHON_MAGICS:
            return None
        source = "\n" * magic[0].count("\n") + source[magic.end() :]
    lines = source.split("\n")
    for _ in lines:
        at = _broken_line(lines)
        if at is None or not _replace_magic(lines, at):
            break
    return "\n".join(lines)


def _broken_line(lines: list[str]) -> int | None:
    """Give the index of the line at which a cell does not parse; None where it does."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            ast.parse("\n".join(lines))
    except SyntaxError as error:
        return min(max(error.lineno or 1, 1), len(lines)) - 1
    except (ValueError, RecursionError, MemoryError):
        return None  # which is said of the notebook
    return None


def _replace_magic(lines: list[str], at: int) -> bool:
    """Put Python in the place of a line for IPython or the shell; tell whether it is one."""
    code = lines[at].lstrip()
    indent = lines[at][: len(lines[at]) - len(code)]
    assigned = _ASSIGNED_MAGIC.match(code)
    if not assigned and not _MAGIC.match(code):
        return False
    for more in _continued(lines, at):
        lines[more] = ""
    lines[at] = f"{indent}{assigned[1] if assigned else ''}{'None' if assigned else 'pass'}"
    return True


def _continued(lines: list[str], at: int) -> Iterator[int]:
    """Give the lines that go on from one that ends in a backslash."""
    while lines[at].endswith("\\") and at + 1 < len(lines):
        at += 1
        yield at
