"""What can run after a ``with`` block while a name still stands for what the block gave it.

This looks at the order of statements, not at a control flow graph. Where it is not plain that the
name still has its value, the search ends.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from typing import cast

from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.scopes import (
    COMPREHENSIONS,
    FUNCTIONS,
    LOOPS,
    statement_bindings,
    statements,
)
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.nodes import children, is_name, names, nodes_in, statements_after
from flake8_dbsession.named_tuples import NamedTuple

_LEAVING = (ast.Return, ast.Raise, ast.Continue, ast.Break)


class _Sought(NamedTuple):
    """The name that is followed.

    Attributes:
        name: the name.
        last: the last line that matters, where it is read or a loop goes back to its beginning.
        walrus: tells in which statements a ``:=`` may bind it; None for in none of them.
    """

    name: str
    last: int
    walrus: Callable[[ast.stmt], bool] | None

    def is_bound_by(self, body: list[ast.stmt]) -> bool:
        """Tell whether statements, or those in their blocks, bind or delete the name."""
        return binds(body, self.name, walrus=self.walrus)

    def is_in(self, target: ast.expr) -> bool:
        """Tell whether a target binds the name."""
        return names(target, self.name)


class _Run(NamedTuple):
    """What runs, and whether the name can still have its value at the end of it."""

    nodes: list[ast.AST]
    flows: bool


def after_block(block: ast.With | ast.AsyncWith, name: str, tree: Tree) -> list[ast.AST]:
    """Find what can run after a ``with`` block while a name has the value that it has there.

    Args:
        block: the block.
        name: the name; where it is bound anew, or read for the last time, the search ends.
        tree: gives what stands around the block.

    Returns:
        Simple statements, and the headers (tests, iterables, contexts) of compound ones, as far as
        the end of the function around.
    """
    nodes: list[ast.AST] = []
    flows = not _leaves(block.body)
    inner: ast.AST = block
    sought = _sought(block, name, tree)
    for outer in tree.ancestors(block):
        part, flows = _after(inner, outer, sought, flows=flows)
        nodes += part
        if isinstance(outer, (*FUNCTIONS, ast.ClassDef)):
            break
        inner = outer
    return nodes


def reads(node: ast.AST, name: str) -> Iterator[tuple[ast.Name, ast.AST]]:
    """Find where a name is read in what runs with a node.

    Args:
        node: a statement or expression.
        name: the name.

    Yields:
        Each reading with the node around it, which for a keyword argument is the call; those in
        lambdas, nested functions and comprehensions that bind the name themselves are left out.
    """
    stack = [(node, node)]
    while stack:
        outer, around = stack.pop()
        for inner in children(outer):
            if is_name(inner, name):
                if isinstance(inner.ctx, ast.Load):
                    yield inner, around
            elif not isinstance(inner, (*FUNCTIONS, ast.ClassDef)) and not _shadows(inner, name):
                stack.append((inner, outer if isinstance(inner, ast.keyword) else inner))


def binds(body: list[ast.stmt], name: str, *, walrus: Callable[[ast.stmt], bool] | None) -> bool:
    """Tell whether statements, or those in their blocks, bind or delete a name.

    Args:
        body: the statements.
        name: the name.
        walrus: tells in which statements a ``:=`` may stand; None for in none of them.

    Returns:
        True for any binding but that of a nested scope.
    """
    if any(bound == name for bound, _ in statement_bindings(body, walrus=walrus)):
        return True
    deleted = (s.targets for s in statements(body) if isinstance(s, ast.Delete))
    return any(is_name(target, name) for targets in deleted for target in targets)


def _shadows(node: ast.AST, name: str) -> bool:
    return isinstance(node, COMPREHENSIONS) and any(
        is_name(target, name)
        for generator in node.generators
        for target in nodes_in(generator.target)
    )


def _leaves(body: list[ast.stmt]) -> bool:
    """Tell whether statements never run off their end."""
    last = body[-1]
    match last:
        case ast.If(body=then, orelse=otherwise):
            return bool(otherwise) and _leaves(then) and _leaves(otherwise)
        case ast.With(body=inner) | ast.AsyncWith(body=inner):
            return _leaves(inner)
        case ast.Try(body=tried, handlers=handlers, orelse=otherwise, finalbody=final):
            if final and _leaves(final):
                return True
            return _leaves(otherwise or tried) and all(_leaves(h.body) for h in handlers)
    return isinstance(last, _LEAVING)


def _sought(block: ast.With | ast.AsyncWith, name: str, tree: Tree) -> _Sought:
    last = 0
    for outer in tree.ancestors(block):
        if isinstance(outer, LOOPS):
            last = outer.end_lineno or outer.lineno
        elif isinstance(outer, (*FUNCTIONS, ast.ClassDef, ast.Module)):
            last = max(last, _last_lines(tree, outer).get(name, 0))
            break
    return _Sought(name, last, tree.scope.module.holds_walrus)


@remembered
def _last_lines(_tree: Tree, function: ast.AST) -> dict[str, int]:
    """Give the last line on which a function, class or module mentions each name."""
    lines: dict[str, int] = {}
    for node in nodes_in(function):
        if isinstance(node, ast.Name):
            lines[node.id] = max(node.lineno, lines.get(node.id, 0))
    return lines


def _after(inner: ast.AST, outer: ast.AST, sought: _Sought, *, flows: bool) -> _Run:
    """Give what runs in a compound statement after the statement in it that just ended."""
    nodes, flows = _run(statements_after(inner, outer), sought) if flows else _Run([], False)
    tried = as_try(outer)
    if tried is not None:
        ended = _end_of_try(inner, tried, sought, flows=flows)
        return _Run(nodes + ended.nodes, ended.flows)
    if isinstance(outer, LOOPS) and flows and inner in outer.body:
        nodes += _next_turn(inner, outer, sought)
    return _Run(nodes, flows)


def _next_turn(
    inner: ast.AST, loop: ast.For | ast.AsyncFor | ast.While, sought: _Sought
) -> list[ast.AST]:
    """Give what runs of a loop's next turn before the statement that just ended."""
    before = loop.body[: loop.body.index(inner)]  # type: ignore[arg-type]
    if isinstance(loop, ast.While):
        return [loop.test, *_run(before, sought).nodes]
    return [] if sought.is_in(loop.target) else _run(before, sought).nodes


def as_try(node: ast.AST) -> ast.Try | None:
    """Give a ``try`` statement, of either kind, as one; None for anything else."""
    return cast(ast.Try, node) if type(node).__name__ in ("Try", "TryStar") else None


def in_tries(nodes: Iterable[ast.AST]) -> frozenset[ast.AST]:
    """Give, of some nodes, what stands in a ``try`` with a handler, whatever that catches."""
    return frozenset(
        inner
        for node in nodes
        if (tried := as_try(node)) is not None and tried.handlers
        for statement in tried.body
        for inner in nodes_in(statement)
    )


def _end_of_try(inner: ast.AST, outer: ast.Try, sought: _Sought, *, flows: bool) -> _Run:
    """Give what runs of a ``try`` after its body, or after another of its parts.

    A block in the body may raise, so that every handler can run after it.
    """
    nodes: list[ast.AST] = []
    if inner in outer.body:
        if flows:
            nodes, flows = _run(outer.orelse, sought)
        handled = [_run(handler.body, sought) for handler in outer.handlers]
        nodes += [node for run in handled for node in run.nodes]
        flows = flows or any(run.flows for run in handled)
    if inner not in outer.finalbody:
        final = _run(outer.finalbody, sought)
        nodes += final.nodes
        flows = flows and final.flows
    return _Run(nodes, flows)


def _run(body: Iterable[ast.stmt], sought: _Sought) -> _Run:
    """Give what runs of a sequence of statements until the name is bound anew."""
    nodes: list[ast.AST] = []
    for statement in body:
        if statement.lineno > sought.last:
            return _Run(nodes, False)
        run = _one(statement, sought)
        nodes += run.nodes
        if not run.flows:
            return _Run(nodes, False)
    return _Run(nodes, True)


def _one(statement: ast.stmt, sought: _Sought) -> _Run:
    match statement:
        case ast.If(test=test, body=then, orelse=otherwise):
            return _branches([test], [then, otherwise], sought)
        case ast.Match(subject=subject, cases=cases):
            return _branches([subject], [[], *(case.body for case in cases)], sought)
        case ast.While(test=test):
            return _loop(statement, test, sought)
        case ast.For(iter=iterable) | ast.AsyncFor(iter=iterable):
            return _loop(statement, iterable, sought)
        case ast.With(items=items, body=body) | ast.AsyncWith(items=items, body=body):
            contexts: list[ast.AST] = []
            for item in items:
                contexts.append(item.context_expr)
                if item.optional_vars and sought.is_in(item.optional_vars):
                    return _Run(contexts, False)
            inner = _run(body, sought)
            return _Run(contexts + inner.nodes, inner.flows)
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return _Run([], statement.name != sought.name)
    tried = as_try(statement)
    if tried is not None:
        return _try(tried, sought)
    return _Run(
        [statement],
        not isinstance(statement, _LEAVING) and not sought.is_bound_by([statement]),
    )


def _branches(header: list[ast.AST], bodies: list[list[ast.stmt]], sought: _Sought) -> _Run:
    runs = [_run(body, sought) for body in bodies]
    nodes = [node for run in runs for node in run.nodes]
    return _Run(header + nodes, any(run.flows for run in runs))


def _loop(statement: ast.For | ast.AsyncFor | ast.While, header: ast.AST, sought: _Sought) -> _Run:
    if sought.is_bound_by([statement]):
        return _Run([header], False)
    nodes = [header, *_run(statement.body, sought).nodes]
    rest = _run(statement.orelse, sought)
    return _Run(nodes + rest.nodes, rest.flows)


def _try(statement: ast.Try, sought: _Sought) -> _Run:
    nodes, flows = _run(statement.body, sought)
    if sought.is_bound_by(statement.body):
        return _Run(nodes, False)
    end = _end_of_try(statement.body[-1], statement, sought, flows=flows)
    return _Run(nodes + end.nodes, end.flows)
