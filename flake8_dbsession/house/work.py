"""What the code around an opening does with what it opens, as far as a way has to fit it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import reduce
from operator import or_

from flake8_dbsession.analysis.effects.work.changes import changes_objects
from flake8_dbsession.analysis.effects.work.model import NOTHING, Did, Work
from flake8_dbsession.analysis.effects.work.uses import (
    Part,
    Uses,
    done_by_opened,
    may_commit_at_end,
    thing_of,
)
from flake8_dbsession.analysis.effects.work.walk import ways_through
from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition, Holder
from flake8_dbsession.analysis.facts.connection.autocommit import surely_commits_by_itself
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Assigned, body_of
from flake8_dbsession.analysis.names.values import Resource, Role
from flake8_dbsession.analysis.nodes import own_nodes

_LASTING = Did.WRITES | Did.DEFINES | Did.COMMITS
_HARMLESS = Did.ASKS | Did.READS | Did.CLOSES | Did.ROLLS_BACK


def may_change(acquisition: Acquisition, inference: Inference) -> bool:
    """Tell whether code may change data by what it opens: False only where it certainly reads."""
    if _did(acquisition, inference) & ~_HARMLESS:
        return True
    function = acquisition.scope.function()
    has_objects = acquisition.known.resource is Resource.SESSION
    return (
        function is not None
        and has_objects
        and acquisition.name.isidentifier()
        and changes_objects(function, acquisition.name, inference=inference)
    )


def changes(acquisition: Acquisition, inference: Inference) -> bool:
    """Tell whether code is seen to change data by what it opens."""
    return bool(_did(acquisition, inference) & _LASTING)


def relies_on_commit(acquisition: Acquisition, inference: Inference) -> bool:
    """Tell whether the end of an opening's own block commits what the code does not commit itself.

    So do the blocks of ``SessionLocal.begin()`` and ``engine.begin()``, those of the drivers whose
    block is about the transaction, and those of a session class of the project that commits.
    """
    is_block = acquisition.holder is Holder.BLOCK
    if not is_block or not may_commit_at_end(acquisition.known, inference):
        return False
    return Did.COMMITS not in _did(acquisition, inference) and may_change(acquisition, inference)


def leaves_uncommitted(acquisition: Acquisition, inference: Inference) -> bool | None:
    """Tell whether code can end well with changes by a connection that it did not commit.

    Args:
        acquisition: what opens the connection. The close gives up what is left.
        inference: follows what is done by it.

    Returns:
        None where that is not known. Where each statement commits itself, nothing is ever left.
    """
    if surely_commits_by_itself(acquisition):
        return False
    function = acquisition.scope.function() or acquisition.scope.module.scope
    uses = Uses(function, thing_of(acquisition.known), inference)
    uses.follow(acquisition.node, Part.WHOLE)
    ways = ways_through(body_of(function.node), _Unclosed(uses))
    left = reduce(or_, (way.since for way in ways), NOTHING)
    if left & (Did.WRITES | Did.DEFINES):
        return True
    return None if left & ~_HARMLESS else False


class _Unclosed:
    """What is done by a connection, as if nothing closed it."""

    def __init__(self, uses: Uses) -> None:
        self._uses = uses
        self.at_end = uses.at_end
        self.decides = uses.decides
        self.is_foreign = uses.is_foreign

    def by(self, node: ast.AST) -> Iterator[Work]:
        """Give what is done at a node but for a close."""
        return (work for work in self._uses.by(node) if work.ever != Did.CLOSES)


def commits_itself(acquisition: Acquisition, inference: Inference) -> bool:
    """Tell whether code is seen to commit by hand what it opens."""
    return Did.COMMITS in _did(acquisition, inference)


def _did(acquisition: Acquisition, inference: Inference) -> Did:
    """Tell what a function does by what it opens; the end of the opening's own block left out."""
    function = acquisition.scope.function() or acquisition.scope.module.scope
    thing = thing_of(acquisition.known)
    return done_by_opened(function, acquisition.node, thing, inference=inference)


def is_made_here(acquisition: Acquisition) -> bool:
    """Tell whether the factory called was made on the spot, and so is no house factory."""
    if acquisition.known.source is not Role.FACTORY:
        return False
    home = acquisition.known.home
    function = acquisition.scope.function()
    if isinstance(acquisition.node.func, ast.Call):
        return home is not None and home.module is acquisition.scope.module
    return home is not None and function is not None and home.function() is function


def is_chosen_here(acquisition: Acquisition) -> bool:
    """Tell whether the factory called was got by a call whose arguments tell which one it is.

    Such is one for a tenant, on the spot or under a name of the function's own.
    """
    factory, function = acquisition.node.func, acquisition.scope.function()
    if acquisition.known.source is not Role.FACTORY:
        return False
    if isinstance(factory, ast.Name) and function is not None:
        return any(map(_is_told, (binding.how for binding in function.bindings(factory.id))))
    return _has_any(factory)


def _is_told(how: object) -> bool:
    return isinstance(how, Assigned) and _has_any(how.value)


def _has_any(made: ast.expr) -> bool:
    """Tell whether an expression is a call with arguments."""
    return isinstance(made, ast.Call) and bool(made.args or made.keywords)


def is_of_own_factory(acquisition: Acquisition) -> bool:
    """Tell whether the same function makes the factory called, and keeps it: ``self.make = ...``.

    Nobody else can open a session by it, and pass that in.
    """
    factory, function = acquisition.node.func, acquisition.scope.function()
    if function is None or not isinstance(factory, ast.Attribute):
        return False
    return any(
        isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and any(ast.unparse(target) == ast.unparse(factory) for target in node.targets)
        for node in own_nodes(function.node)
    )


def has_arguments(acquisition: Acquisition) -> bool:
    """Tell whether something is opened with arguments of its own, besides a class's engine."""
    call = acquisition.node
    number = len(call.args) + len(call.keywords)
    if acquisition.known.source is Role.SESSION_CLASS:
        return number > 1
    return number > 0 and acquisition.known.source is not Role.CONNECT
