"""By which names code reaches a session: its own, and the attributes of objects that keep it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from flake8_dbsession.analysis.names.bases import with_bases
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import FUNCTIONS
from flake8_dbsession.analysis.names.values import ClassValue, FunctionValue
from flake8_dbsession.analysis.nodes import is_name, own_nodes
from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.patterns import regex


class Held(NamedTuple):
    """How a session is reached by way of a value: by which of its attributes, written with dots.

    Attributes:
        sessions: those that are the session; an empty one stands for the value itself.
        loose: those that may hold it, or objects that it loaded, in a way that is not followed.
    """

    sessions: frozenset[str] = frozenset()
    loose: frozenset[str] = frozenset()

    def under(self, name: str) -> Held:
        """Give the names by which it is reached where the value has a name."""
        held = Held(*(frozenset(_joined(name, each) for each in part) for part in self))
        far = {each for each in held.sessions | held.loose if each.count(".") > _FARTHEST}
        if not far:
            return held
        near = frozenset(".".join(each.split(".")[:_FARTHEST]) for each in far)
        return Held(held.sessions - far, (held.loose - far) | near)

    def below(self, name: str) -> Held:
        """Give how it is reached by way of what a name stands for."""
        return Held(*(frozenset(_below(name, part)) for part in self))

    def __or__(self, other: Held) -> Held:
        """Give both."""
        return Held(self.sessions | other.sessions, self.loose | other.loose)


# What may bind an attribute: ``self.db = db``, ``self.a, self.b = ...``, ``with f() as self.db``.
_BINDS = regex(r"\.\w+ *(?:[,:][^=\n]*)?[-+|]?=(?!=)|\b(?:as|for) +\w+\.")

_FARTHEST = 6  # attributes of attributes; real code has four, what holds itself has any number

NOTHING_HELD = Held()
UNFOLLOWED = Held(loose=frozenset({""}))
"""A value that may hold a session anywhere."""


def methods_that_bind(cls: ClassValue, inference: Inference) -> list[FunctionValue]:
    """Give the methods of a class, and of its bases in the project, that give an object attributes.

    Args:
        cls: the class.
        inference: follows its bases.

    Returns:
        Those, its own first; a few more, which do not.
    """
    found: list[FunctionValue] = []
    for above in with_bases(cls, inference):
        scope = above.scope.child(above.node)
        outline = scope.module.class_body(above.node)
        body = outline.statements_matching(_BINDS) if outline else above.node.body
        methods = (FunctionValue(n, scope, cls) for n in body if isinstance(n, FUNCTIONS))
        found += filter(_binds_attributes, methods)
    return found


def _binds_attributes(method: FunctionValue) -> bool:
    return any(
        isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and is_name(node.value, method.receiver)
        for node in own_nodes(method.node)
    )


def _joined(name: str, attribute: str) -> str:
    return f"{name}.{attribute}" if attribute else name


def _below(name: str, places: Iterable[str]) -> Iterator[str]:
    for place in places:
        if place == name:
            yield ""
        elif place.startswith(f"{name}."):
            yield place[len(name) + 1 :]
