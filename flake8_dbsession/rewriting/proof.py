"""What a fixed file has to show before it takes the old one's place."""

from __future__ import annotations

import builtins
import symtable
import warnings
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from flake8_dbsession.patterns import regex
from flake8_dbsession.rewriting.document import lines_of
from flake8_dbsession.rewriting.edits import Edit
from flake8_dbsession.rules.base import Violation

_TAKES_ALL = regex(r"\bimport\s*\*")


class UnprovedError(Exception):
    """A fix does not do what it says, so that the file is left as it was."""


class UncoveringError(Exception):
    """With a fix, the file would report what it should not, so that the fix is not made."""


def prove_compiles(source: str, filename: str) -> None:
    """Make sure that Python takes the fixed file.

    Raises:
        UnprovedError: it does not compile.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(source, filename, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UnprovedError(f"the fixed file would not compile: {error}") from error


def prove_names_bound(old: str, new: str, filename: str) -> None:
    """Make sure that what the fixed file reads is bound there, as far as it was before.

    What ``from module import *`` binds is not known, so that a file with that is taken for good.

    Args:
        old: the source before the fixes.
        new: the source after them, which compiles.
        filename: the file.

    Raises:
        UnprovedError: a name is read that nothing binds.
    """
    if _TAKES_ALL.search(new):
        return
    missing = _unbound(new, filename) - _unbound(old, filename)
    if missing:
        names = " and ".join(f"`{name}`" for name in sorted(missing))
        raise UnprovedError(f"the fixed file would read {names}, which nothing binds")


def prove_rest_kept(old: str, new: str, edits: Iterable[Edit]) -> None:
    """Make sure that all lines stand as they stood, but for those that an edit touches.

    Args:
        old: the text before the edits.
        new: the text after them.
        edits: the edits.

    Raises:
        UnprovedError: another line changed or went.
    """
    lines = lines_of(old)
    starts = list(accumulate(map(len, lines), initial=0))
    touched = {number for edit in edits for number in _touched(edit, starts)}
    kept = [line for number, line in enumerate(lines) if number not in touched]
    if not _is_within(kept, lines_of(new)):
        raise UnprovedError("a line that no fix speaks of would change")


def prove_gone(
    old: Sequence[Violation], new: Sequence[Violation], fixed: Sequence[Violation]
) -> None:
    """Make sure that what was fixed is gone and that nothing new has come.

    Args:
        old: all violations of the file before the fixes.
        new: all those after them.
        fixed: those of the old ones that were fixed.

    Raises:
        UncoveringError: a fixed violation is still there, or there is a new one.
    """
    remaining = Counter(v.code for v in old)
    remaining.subtract(v.code for v in fixed)
    found = Counter(v.code for v in new)
    excess = sorted(code for code in found if found[code] > remaining[code])
    if excess:
        raise UncoveringError(f"the fixed code would report {' and '.join(excess)}")


def _unbound(source: str, filename: str) -> set[str]:
    """Give the names that a module reads of its own, and nowhere binds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        top = symtable.symtable(source, filename, "exec")
    bound = {*dir(builtins), *(s.get_name() for s in top.get_symbols() if _is_bound(s))}
    read: set[str] = set()
    for table in _tables(top):
        for symbol in table.get_symbols():
            if symbol.is_global() and symbol.is_assigned():
                bound.add(symbol.get_name())
            elif symbol.is_referenced() and (symbol.is_global() or table is top):
                read.add(symbol.get_name())
    return read - bound


def _tables(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for inner in table.get_children():
        yield from _tables(inner)


def _is_bound(symbol: symtable.Symbol) -> bool:
    return symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()


def _touched(edit: Edit, starts: list[int]) -> range:
    """Give the indexes of the lines that an edit changes."""
    first = bisect_right(starts, edit.start) - 1
    return range(first, max(first + 1, bisect_left(starts, edit.end)))


def _is_within(part: Iterable[str], whole: Iterable[str]) -> bool:
    """Tell whether all lines of a part stand in the whole, in their order."""
    rest: Iterator[str] = iter(whole)
    return all(line in rest for line in part)
