"""Which handler catches which exception, as far as the spelled classes tell."""

from __future__ import annotations

import ast
import builtins
from enum import Enum

from flake8_dbsession.analysis.nodes import dotted_name
from flake8_dbsession.named_tuples import NamedTuple

_BUILTIN = {
    name: value
    for name, value in vars(builtins).items()
    if isinstance(value, type) and issubclass(value, BaseException)
}
_ROOTS = frozenset({"Exception", "BaseException"})


class Raised(NamedTuple):
    """An exception on its way out.

    Attributes:
        name: the last segment of its class's name.
        exact: whether it is of that very class, rather than of that class or one below it.
        not_of: classes that it is not of: earlier handlers would have caught it.
        bases: the classes above its own that are known, but for Python's.
    """

    name: str
    exact: bool = False
    not_of: frozenset[str] = frozenset()
    bases: frozenset[str] = frozenset()

    def past(self, names: tuple[str, ...]) -> Raised:
        """Give what is left of it after a handler for some classes did not catch it."""
        return self._replace(not_of=self.not_of | frozenset(names))


ANY_EXCEPTION = Raised("Exception")
ANYTHING = Raised("BaseException")
SYSTEM_EXIT = Raised("SystemExit", exact=True)
# What ``except*`` raises again is a group even where it caught a single exception.
GROUP = Raised("ExceptionGroup", exact=True)


class Caught(Enum):
    """Whether a handler catches an exception."""

    YES = "yes"
    NO = "no"
    MAYBE = "maybe"


def class_names(node: ast.expr | None) -> tuple[str, ...]:
    """Spell the classes that a handler names; a bare ``except`` names BaseException."""
    if node is None:
        return ("BaseException",)
    elements = node.elts if isinstance(node, ast.Tuple) else [node]
    return tuple(dotted_name(element).rpartition(".")[2] for element in elements)


def raised_class(node: ast.expr) -> Raised:
    """Tell what ``raise node`` raises, as far as a class is spelled there."""
    called = node.func if isinstance(node, ast.Call) else node
    name = dotted_name(called).rpartition(".")[2]
    is_class = name in _BUILTIN or name[:1].isupper()
    return Raised(name, exact=True) if is_class else ANY_EXCEPTION


def caught_by(raised: Raised, names: tuple[str, ...], splits_groups: bool = False) -> Caught:
    """Tell whether a handler for some classes catches an exception.

    Args:
        raised: the exception.
        names: the classes.
        splits_groups: whether it is an ``except*``, which looks into groups.

    Returns:
        Whether it does, as far as the names tell.
    """
    if splits_groups and raised.name == GROUP.name:
        return Caught.MAYBE
    answers = {_caught_by_one(raised, name) for name in names}
    if Caught.YES in answers:
        return Caught.YES
    return Caught.MAYBE if Caught.MAYBE in answers else Caught.NO


def as_caught(raised: Raised, names: tuple[str, ...]) -> set[Raised]:
    """Tell what an exception is known to be inside the handler that caught it."""
    if caught_by(raised, names) is Caught.YES:
        return {raised}
    possible = (name for name in names if _caught_by_one(raised, name) is Caught.MAYBE)
    return {raised._replace(name=name) for name in possible}


def _caught_by_one(raised: Raised, name: str) -> Caught:
    if any(_is_under(name, other) for other in raised.not_of):
        return Caught.NO
    if name in raised.bases or _is_under(raised.name, name):
        return Caught.YES
    if raised.name == GROUP.name:
        return Caught.MAYBE if name.endswith("Group") else Caught.NO
    both_known = raised.name in _BUILTIN and name in _BUILTIN
    if both_known and not raised.exact and _is_under(name, raised.name):
        return Caught.MAYBE
    if both_known or (raised.exact and raised.name in _BUILTIN):
        return Caught.NO
    return Caught.MAYBE


def _is_under(name: str, other: str) -> bool:
    if name in _BUILTIN and other in _BUILTIN:
        return issubclass(_BUILTIN[name], _BUILTIN[other])
    return name == other or other in _ROOTS
