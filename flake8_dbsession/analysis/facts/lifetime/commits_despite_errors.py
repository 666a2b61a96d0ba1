"""Commits of context managers and dependencies that also run where the code in them has raised."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.effects.work.model import Did
from flake8_dbsession.analysis.effects.work.uses import Uses, thing_of, uses_of_name
from flake8_dbsession.analysis.facts.lifetime.driven_generators import hands_out, is_driven
from flake8_dbsession.analysis.facts.scope.carrying import functions_of
from flake8_dbsession.analysis.flow import Graph, build
from flake8_dbsession.analysis.flow.graph import Evaluate, Event, Leave, is_in_body
from flake8_dbsession.analysis.library.wrappers import ENTERING, EXITING
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope, last_segment
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.names.values import HELD, FunctionValue, Role, RoleValue
from flake8_dbsession.analysis.nodes import dotted_name, nodes_in, own_nodes
from flake8_dbsession.analysis.source.mentions import Mentions
from flake8_dbsession.named_tuples import NamedTuple

_ALL = frozenset({"BaseException", "Exception"})
_COMMITTED = HELD | {Role.REGISTRY}
_ENDS = Did.ROLLS_BACK | Did.CLOSES | Did.MAY_END


class CommitDespiteError(NamedTuple):
    """A commit that runs whether or not the code that it is for has raised.

    Attributes:
        node: the call that commits.
        handing: the ``yield`` at which that code's errors are raised; None in a method that leaves
            a block, which is given them.
        function: the name of the generator, or of the method.
    """

    node: ast.Call
    handing: ast.Yield | None
    function: str


def commits_despite_errors(tree: Tree, inference: Inference) -> Iterator[CommitDespiteError]:
    """Find the commits that save what the code of a block had done when it raised.

    Args:
        tree: a file.
        inference: answers what is a session or connection, and follows what is called.

    Yields:
        At most one for each context manager, dependency or method that leaves a block, where no
        test and no handler of some errors alone decides of the commit.
    """
    text = tree.scope.module.text
    commits, leaving = Mentions(text, ("commit",)), Mentions(text, ("yield", *EXITING))
    if not commits or not leaving:
        return
    for node, outside in functions_of(tree.scope):
        first, last = node.lineno, node.end_lineno or node.lineno
        if leaving.within(first, last):
            scope = outside.child(node)
            if _leaves_block(scope) or is_driven(FunctionValue(node, outside), tree, inference):
                yield from _found_in(node, scope, inference)


def _leaves_block(scope: Scope) -> bool:
    """Tell whether a function is the method that leaves the block over an object."""
    return scope.receiver() is not None and getattr(scope.node, "name", "") in EXITING


def _found_in(
    node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope, inference: Inference
) -> Iterator[CommitDespiteError]:
    committed = dict(_committed(scope, inference))
    graph = build(node) if committed else None
    if graph is None:
        return
    for name, known in committed.items():
        uses = uses_of_name(name, scope, thing_of(known), inference)
        if Did.CLOSES not in uses.ever and _is_entered(name, scope):
            continue  # that nothing closes it is what there is to say
        for handing, firsts in _raised_at(graph, scope):
            if handing is not None and not _is_for(handing, name, known, scope):
                continue
            commit = _commit_from(firsts, graph, name, uses)
            if commit is not None:
                yield CommitDespiteError(commit, handing, node.name)
                return


def _is_entered(name: str, scope: Scope) -> bool:
    """Tell whether the method that enters an object makes what an attribute of it holds."""
    cls, attribute = scope.enclosing_class(), name.rpartition(".")[2]
    return cls is not None and any(
        getattr(binding.scope.node, "name", "") in ENTERING for binding in cls.attributes(attribute)
    )


def _is_for(handing: ast.Yield, name: str, known: RoleValue, scope: Scope) -> bool:
    """Tell whether the code that a generator waits for is to work with what is committed."""
    is_there = known.role is Role.REGISTRY or scope.keeps(name)
    return is_there or hands_out(handing, name, scope)


def _committed(scope: Scope, inference: Inference) -> Iterator[tuple[str, RoleValue]]:
    """Give what a function commits, and what the methods of its object that it calls do."""
    for where in (scope, *_own_methods(scope, inference)):
        own = f"{where.receiver()}."
        for node in own_nodes(where.node):
            match node:
                case ast.Call(func=ast.Attribute(value=owner, attr="commit")):
                    known, name = inference.known(owner, where), dotted_name(owner)
                    if known is None or known.role not in _COMMITTED:
                        continue
                    if where is scope:
                        yield name, known
                    elif name.startswith(own):
                        yield f"{scope.receiver()}.{name.removeprefix(own)}", known


def _own_methods(scope: Scope, inference: Inference) -> Iterator[Scope]:
    receiver = scope.receiver()
    for node in own_nodes(scope.node) if receiver is not None else ():
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name)) as method) if (
                name == receiver
            ):
                called = inference.value(method, scope)
                if isinstance(called, FunctionValue):
                    yield called.scope.child(called.node)


def _raised_at(graph: Graph, scope: Scope) -> Iterator[tuple[ast.Yield | None, list[int]]]:
    """Give where a function learns of an error, with the blocks that control then comes to."""
    if _leaves_block(scope):
        yield None, [graph.entry]
        return
    for block in graph.blocks:
        for index in sorted(block.raising):
            match block.events[index]:
                case Evaluate(node=ast.Yield() as handing):
                    raised = [edge.target for edge in block.edges if edge.raised]
                    yield handing, _caught(raised, graph)


def _commit_from(firsts: list[int], graph: Graph, name: str, uses: Uses) -> ast.Call | None:
    """Find the first commit on a way on which no test and no rollback comes before it."""
    pending, seen = list(firsts), set(firsts)
    while pending:
        number = pending.pop()
        handler, block = graph.handlers.get(number), graph.blocks[number]
        if handler is not None and not _catches_all(handler):
            continue
        end = next((event for event in block.events if _is_end(event, name, uses)), None)
        if end is None:
            open_to = [
                edge.target for edge in block.onward if edge.test is None or _asks(edge.test, name)
            ]
            following = set(_caught(open_to, graph)) - seen
            seen |= following
            pending += following
            continue
        commit = _committing(end, uses)
        is_handled = any(is_in_body(end, each) for each in graph.handlers.values())
        if commit is not None and not is_handled:
            return commit
    return None


def _is_end(event: Event, name: str, uses: Uses) -> bool:
    """Tell whether an event ends a transaction, or may."""
    match event:
        case Evaluate(node=ast.Call() as call):
            work = uses.acts.get(call)
            is_ended = work is not None and bool(work.ever & _ENDS)
            is_commit = _committing(event, uses) is not None
            return is_ended or is_commit or "rollback" in last_segment(call.func)
        case Leave(node=item):
            is_its = dotted_name(item.optional_vars) == name
            return is_its or bool(uses.at_end(item.context_expr))
    return False


def _committing(event: Event, uses: Uses) -> ast.Call | None:
    """Give the call that an event is, where that always commits."""
    match event:
        case Evaluate(node=ast.Call() as call):
            work = uses.acts.get(call)
            return call if work is not None and Did.COMMITS in work.always else None
    return None


def _caught(targets: list[int], graph: Graph) -> list[int]:
    """Give those ways of an error that errors other than ``KeyboardInterrupt`` take."""
    catching = [
        target
        for target in targets
        if target in graph.handlers and _catches_all(graph.handlers[target])
    ]
    return catching or targets


def _catches_all(handler: ast.ExceptHandler) -> bool:
    return handler.type is None or last_segment(handler.type) in _ALL


def _asks(test: ast.expr, name: str) -> bool:
    """Tell whether a test asks for nothing but whether there is what is committed."""
    asked = {
        dotted_name(node)
        for node in nodes_in(test)
        if isinstance(node, (ast.Attribute, ast.Name, ast.Call))
    }
    return asked <= {name, name.partition(".")[0]}
