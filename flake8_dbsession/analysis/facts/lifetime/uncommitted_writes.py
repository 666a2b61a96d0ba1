"""Writes on a session or connection that its function opened and never commits.

The order of the statements does not matter here: where a commit stands anywhere in the function, or
anything may commit that the function hands the session or connection to, it counts as committed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.effects.work.model import Did
from flake8_dbsession.analysis.effects.work.uses import Part, Uses, thing_of
from flake8_dbsession.analysis.facts.acquisition.acquisitions import (
    Acquisition,
    Holder,
    acquisitions,
)
from flake8_dbsession.analysis.facts.acquisition.joining import joins_a_connection
from flake8_dbsession.analysis.facts.connection.autocommit import commits_by_itself
from flake8_dbsession.analysis.facts.connection.connecting import is_in_memory
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.nodes import start_of
from flake8_dbsession.named_tuples import NamedTuple

_HELD = frozenset({Holder.BLOCK, Holder.DISCARDED, Holder.LOCAL, Holder.MAIN, Holder.MODULE})
_SETTLING = Did.COMMITS | Did.ROLLS_BACK | Did.MAY_END


class UncommittedWrite(NamedTuple):
    """A write that is rolled back, for nothing commits it.

    Attributes:
        node: the call that writes.
        acquisition: what opened the session or connection.
        name: the name that it goes by; empty where it has none.
    """

    node: ast.Call
    acquisition: Acquisition
    name: str


def uncommitted_writes(tree: Tree, inference: Inference) -> Iterator[UncommittedWrite]:
    """Find the first write on each session or connection whose writes nothing commits.

    Args:
        tree: the visited part of a file.
        inference: answers what is opened, and what functions are called.

    Yields:
        The writes: an insert, update or delete that the text shows, and what is added to a session.
        Left out is what commits by itself, what is rolled back on purpose, and what is handed to
        anything that cannot be followed.
    """
    for opened in acquisitions(tree, inference):
        function = opened.scope.function()
        if opened.holder not in _HELD or (function is None and opened.scope.enclosing_class()):
            continue
        scope = function or opened.scope.module.scope
        uses = Uses(scope, thing_of(opened.known), inference)
        uses.follow(opened.node, Part.WHOLE)
        writes = [] if uses.ever & _SETTLING else uses.writes
        if writes and not _needs_no_commit(opened, inference):
            first = min(writes, key=start_of)
            yield UncommittedWrite(first, opened, uses.name)


def _needs_no_commit(opened: Acquisition, inference: Inference) -> bool:
    known, scope = opened.known, opened.scope
    return (
        known.commits
        or is_in_memory(opened.node, known, scope, inference)
        or joins_a_connection(opened.node, scope, inference)
        or commits_by_itself(opened, inference)
    )
