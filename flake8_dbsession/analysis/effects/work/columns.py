"""Which attributes of the objects that a block loads are plain columns."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from functools import cached_property

from flake8_dbsession.analysis.effects.work.classes import is_unmapped
from flake8_dbsession.analysis.library.queries import COLUMN_MAKERS
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import (
    Annotated,
    Assigned,
    How,
    last_segment,
)
from flake8_dbsession.analysis.names.values import ClassValue

_COLLECTIONS = ("array", "dict", "hstore", "json", "list", "mutable", "pickle", "set")
_BASES = 8  # classes above a mapped class; real code has two or three


class Columns:
    """What the classes that statements name declare of the attributes of their objects.

    Args:
        classes: the classes.
        inference: follows their bases.
        given: those of which the code that calls this one may give it objects.

    Attributes:
        classes: all of them.
    """

    def __init__(
        self,
        classes: Iterable[ClassValue],
        inference: Inference,
        given: frozenset[ClassValue] = frozenset(),
    ) -> None:
        self._inference = inference
        self.classes = given.union(classes)
        self._known: dict[str, list[How]] = {}

    def is_column(self, name: str) -> bool:
        """Tell whether one of the mapped classes declares a column, and none anything else."""
        hows = self._mapped(name)
        return bool(hows) and all(map(_is_column, hows))

    def is_plain(self, name: str) -> bool:
        """Tell whether an attribute is a column whose values cannot be changed in place."""
        return self.is_column(name) and not any(map(_may_change, self._mapped(name)))

    def is_undeclared(self, name: str) -> bool:
        """Tell whether there are classes, and none of them declares an attribute."""
        return bool(self.classes) and not any(
            declared(cls, name, self._inference) for cls in self.classes
        )

    def _mapped(self, name: str) -> list[How]:
        """Give the ways in which the classes bind a name whose objects a session may load."""
        if name not in self._known:
            found = (declared(cls, name, self._inference) for cls in self._loaded)
            self._known[name] = [how for hows in found for how in hows]
        return self._known[name]

    @cached_property
    def _loaded(self) -> list[ClassValue]:
        return [cls for cls in self.classes if not is_unmapped(cls, self._inference)]


def declared(cls: ClassValue, name: str, inference: Inference, steps: int = _BASES) -> list[How]:
    """Give the ways in which a class, or else the first of its bases that does, binds a name.

    Args:
        cls: the class.
        name: the name.
        inference: follows its bases.
        steps: how many classes above it are looked at.
    """
    own = [binding.how for binding in cls.scope.child(cls.node).bindings(name)]
    if own or not steps:
        return own
    for base in cls.node.bases:
        value = inference.value(base, cls.scope)
        if isinstance(value, ClassValue):
            inherited = declared(value, name, inference, steps - 1)
            if inherited:
                return inherited
    return []


def _may_change(how: How) -> bool:
    """Tell whether the type of a column names a collection, or a type that holds one."""
    match how:
        case Assigned(value=value):
            parts = [value]
        case Annotated(annotation=annotation, value=value):
            parts = [annotation, *([value] if value is not None else ())]
        case _:
            return True
    names = (last_segment(node).lower() for part in parts for node in ast.walk(part))
    return any(word in name for name in names for word in _COLLECTIONS)


def _is_column(how: How) -> bool:
    match how:
        case Assigned(value=ast.Call() as call) | Annotated(value=ast.Call() as call):
            return last_segment(call.func) in COLUMN_MAKERS
        case Annotated(value=None | ast.Constant()):
            return True
    return False
