"""Connections that a module or an object keeps."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.facts.acquisition.acquisitions import (
    Acquisition,
    Holder,
    acquisitions,
)
from flake8_dbsession.analysis.facts.connection.connecting import is_for_threads, is_in_memory
from flake8_dbsession.analysis.facts.framework.handlers import is_handler
from flake8_dbsession.analysis.facts.lifetime.endings import taking_of
from flake8_dbsession.analysis.facts.lifetime.process_end import is_script
from flake8_dbsession.analysis.facts.scope.keeping import is_closed_by_class, is_entering
from flake8_dbsession.analysis.facts.scope.lasting_objects import is_kept_till_the_end
from flake8_dbsession.analysis.facts.scope.sharing import shared_place
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.names.values import Resource
from flake8_dbsession.analysis.nodes import is_name, names, nodes_in, own_nodes
from flake8_dbsession.named_tuples import NamedTuple

_LOCKS = ("Lock(", "Semaphore(")


class ModuleConnection(NamedTuple):
    """A connection that the whole process shares.

    Attributes:
        acquisition: what is opened.
        place: where it is kept, in words.
        is_of_script: whether the module is run by itself, rather than imported.
        is_served: whether functions beside request handlers work on it, or it is opened for
            several threads.
    """

    acquisition: Acquisition
    place: str
    is_of_script: bool
    is_served: bool


class InstanceConnection(NamedTuple):
    """A connection that an object opens for itself, and that its class does not close.

    Attributes:
        acquisition: what is opened.
        is_entered: whether the method that enters the object opens it, and the one that leaves it
            is what does not close.
        giving: what gives it back to its pool; empty where it is the object's own.
    """

    acquisition: Acquisition
    is_entered: bool
    giving: str


def module_connections(tree: Tree, inference: Inference) -> Iterator[ModuleConnection]:
    """Find the connections that the whole process shares, databases in memory left out.

    Args:
        tree: the visited part of a file.
        inference: answers what is opened, and what the places stand for.

    Yields:
        Those that module-level names hold; and those that a function keeps where the process shares
        them, if several threads are seen to work on them without a lock.
    """
    for opened in _kept(Holder.MODULE, tree, inference):
        is_served = is_for_threads(opened.node) or _is_used_by_handlers(
            tree.scope, opened.name, inference=inference
        )
        yield ModuleConnection(opened, f"`{opened.name}`", is_script(tree.scope), is_served)
    if not any(lock in tree.scope.module.text for lock in _LOCKS):
        yield from _kept_by_functions(tree, inference)


def _kept_by_functions(tree: Tree, inference: Inference) -> Iterator[ModuleConnection]:
    for opened in acquisitions(tree, inference):
        known, function = opened.known, opened.scope.function()
        if function is None or known.resource is not Resource.CONNECTION or known.is_async:
            continue
        place = shared_place(opened, inference) or _container_of(opened, function)
        if place is None or is_in_memory(opened.node, known, opened.scope, inference):
            continue
        keeper = getattr(function.node, "name", "")
        if is_for_threads(opened.node) or any(
            _is_used_by_handlers(tree.scope, name, inference=inference)
            for name in (keeper, opened.name)
        ):
            yield ModuleConnection(opened, place, is_of_script=False, is_served=True)


def _container_of(opened: Acquisition, function: Scope) -> str | None:
    """Name the container at a module's top level that a function puts a connection into."""
    for node in own_nodes(function.node):
        match node:
            case ast.Assign(
                targets=[ast.Subscript(value=ast.Name(id=container)) as target], value=value
            ) if is_name(value, opened.name) or value is opened.node:
                if function.module.scope.bindings(container) and not function.bindings(container):
                    return f"`{ast.unparse(target)}`"
    return None


def instance_connections(tree: Tree, inference: Inference) -> Iterator[InstanceConnection]:
    """Find the connections on ``self`` that nothing closes, databases in memory left out."""
    for opened in _kept(Holder.INSTANCE, tree, inference):
        is_ended = is_closed_by_class(opened, inference) or is_kept_till_the_end(opened, inference)
        if not is_ended:
            taking = taking_of(opened.known)
            giving = taking.gives if taking else ""
            yield InstanceConnection(opened, is_entering(opened), giving)


def _kept(holder: Holder, tree: Tree, inference: Inference) -> Iterator[Acquisition]:
    for opened in acquisitions(tree, inference):
        known = opened.known
        is_wanted = opened.holder is holder and known.resource is Resource.CONNECTION
        if is_wanted and not is_in_memory(opened.node, known, opened.scope, inference):
            yield opened


@remembered
def _is_used_by_handlers(module: Scope, name: str, *, inference: Inference) -> bool:
    """Tell whether functions read a module's name, or a cursor of it, in a module of handlers."""
    made = list(_made_of(module, name))
    functions = [
        node
        for node in nodes_in(module.node)
        if isinstance(node, (ast.AsyncFunctionDef, ast.FunctionDef))
    ]
    are_read = any(names(function, name, *made) for function in functions)
    return are_read and any(is_handler(node, module, inference) for node in functions)


def _made_of(module: Scope, name: str) -> Iterator[str]:
    """Give the names that are assigned what a call on a name gives: ``cursor = conn.cursor()``."""
    for node in nodes_in(module.node):
        match node:
            case ast.Assign(
                targets=[ast.Name(id=made)],
                value=ast.Call(func=ast.Attribute(value=ast.Name(id=owner))),
            ) if owner == name:
                yield made
