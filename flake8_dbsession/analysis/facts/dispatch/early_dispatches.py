"""Tasks that are sent to a worker before what they need is committed."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.effects.work.block import block_of
from flake8_dbsession.analysis.effects.work.loaded import Objects
from flake8_dbsession.analysis.facts.dispatch.dispatches import WORDS, Dispatches
from flake8_dbsession.analysis.facts.dispatch.later_commits import (
    Commit,
    Waiting,
    commit_of_others,
    sessions_in,
)
from flake8_dbsession.analysis.facts.dispatch.unsaved_rows import Sent
from flake8_dbsession.analysis.facts.dispatch.unsaving import Unsaving
from flake8_dbsession.analysis.facts.scope.carrying import scopes_mentioning
from flake8_dbsession.analysis.flow import build
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import FUNCTIONS, Scope
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.nodes import own_nodes, start_of
from flake8_dbsession.named_tuples import NamedTuple

_WRITING = (".add(", ".add_all(", ".commit(", ".execute(", ".flush(", ".merge(")


class EarlyDispatch(NamedTuple):
    """A task that is sent before what it is told of is committed.

    Attributes:
        node: the call that sends it.
        row: how the row is written, or its key.
        is_new: whether the row is inserted; else it is changed.
        commit: what commits it.
    """

    node: ast.Call
    row: str
    is_new: bool
    commit: Commit


def early_dispatches(tree: Tree, inference: Inference) -> Iterator[EarlyDispatch]:
    """Find the tasks that are sent before the commit of what they are told of.

    Args:
        tree: the visited part of a file.
        inference: follows tasks, sessions and what is called.

    Yields:
        One for each call that sends a task.
    """
    for scope in scopes_mentioning(tree.scope, (*WORDS, *_WRITING)):
        if isinstance(scope.node, FUNCTIONS):
            found = {each.node: each for each in _found_in(scope, inference)}
            yield from sorted(found.values(), key=lambda each: start_of(each.node))


def _found_in(scope: Scope, inference: Inference) -> Iterator[EarlyDispatch]:
    sessions = sessions_in(scope, inference)
    if not sessions or not _sends(scope, inference):
        return
    graph = build(scope.node)  # type: ignore[arg-type]
    if graph is None:
        return
    for session in sessions:
        objects = Objects(session, block_of(scope, inference=inference))
        unsaving = Unsaving(objects, is_only=len(sessions) == 1)
        left = unsaving.walk(graph)
        commits = {sent: _commit_at(end) for sent, end in unsaving.found.items()}
        for each in left:
            if isinstance(each, Sent) and each not in commits:
                commit = commit_of_others(Waiting(scope, session, each), inference)
                if commit is not None:
                    commits[each] = commit
        for sent, commit in commits.items():
            yield EarlyDispatch(sent.call, sent.shown, sent.is_new, commit)


def _sends(scope: Scope, inference: Inference) -> bool:
    dispatches = Dispatches(scope, inference)
    calls = (node for node in own_nodes(scope.node) if isinstance(node, ast.Call))
    return any(dispatches.told_by(call) or dispatches.objects_told_by(call) for call in calls)


def _commit_at(end: ast.Call | ast.withitem) -> Commit:
    if isinstance(end, ast.withitem):
        return Commit(end.context_expr.lineno, is_block=True)
    return Commit(end.lineno)
