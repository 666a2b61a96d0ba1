"""Names that stand for a factory or the like without looking it, learned from where they are bound.

The tree holds only what mentions a word of interest. Where a factory is given a name like ``make``,
the lines that mention ``make`` are of interest as well.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from flake8_dbsession.analysis.library.wrappers import PARTIAL_NAME
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope, last_segment
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.names.values import (
    FunctionValue,
    Role,
    RoleValue,
    TupleValue,
    Value,
)
from flake8_dbsession.analysis.nodes import own_nodes
from flake8_dbsession.analysis.source.mentions import hints, is_hidden
from flake8_dbsession.patterns import regex

_CALLABLES = frozenset(
    {
        Role.SESSION_CLASS,
        Role.FACTORY_MAKER,
        Role.FACTORY,
        Role.REGISTRY_MAKER,
        Role.REGISTRY,
        Role.CONNECT,
        Role.ACCESSOR,
        Role.LENDER,
        Role.PROVIDER,
        Role.DEPENDENCY,
    }
)
_HANDED_ON = frozenset(
    {Role.OPENED, Role.LENT, Role.MANAGER, Role.GENERATOR, Role.FACTORY, Role.REGISTRY}
)
# What a call is named that gives a factory or a registry, rather than a session.
_MAKING = ("aker", "actory", "egistry", "scoped", PARTIAL_NAME)
# Methods that only sessions, connections and cursors have, but for a few names of other libraries;
# and methods that many other objects have: where their name says what it is they count as well.
_WORK = regex(
    r"\.(?:(?P<common>add|add_all|delete|get|merge|scalar)"
    r"|commit|cursor|exec|execute|executemany|fetchrow|fetchval|flush|query|rollback|scalars)\("
)
_STEPS = frozenset({"__anext__", "__next__", "asend", "send"})
_NAME_BEFORE = regex(r"\b[A-Za-z_]\w*$")


def workers(text: str) -> set[str]:
    """Find the names on which a session's or connection's work is done: ``s`` of ``s.query(User)``.

    Args:
        text: a file's source.

    Returns:
        The names, of variables and attributes, whatever they are.
    """
    names: set[str] = set()
    for work in _WORK.finditer(text):
        name = _NAME_BEFORE.search(text, max(0, work.start() - 40), work.start())
        if name is not None and (work["common"] is None or hints(name.group())):
            names.add(name.group())
    return names


def binding_words(names: Iterable[str]) -> set[str]:
    """Give the words by which the places that bind some names are found in a text."""
    return {word for name in names for word in (f"{name} =", f" as {name}:", f" as {name},")}


def learned_words(tree: Tree, inference: Inference, names: set[str]) -> set[str]:
    """Find the names bound to something that opens sessions and that no needle finds.

    Args:
        tree: the visited part of a file.
        inference: answers what expressions stand for.
        names: the names on which a session's work is done.

    Returns:
        The names, of variables, attributes, parameters, functions and imports.
    """
    words = {
        name
        for name, expression, scope in _named_expressions(tree)
        if _is_hidden(name) and _opens(expression, scope, tree, inference)
    }
    for function in _handing_functions(tree, inference):
        known = inference.role(function) or inference.result(function).returns
        if _is_telling(known):
            words.add(function.node.name)  # type: ignore[union-attr]
    return words | set(_callees(tree, names))


def _is_telling(known: Value | None) -> bool:
    """Tell whether a function gives what opens something, or opens a part of what it gives."""
    if isinstance(known, TupleValue):
        return any(isinstance(i, RoleValue) and i.role is Role.OPENED for i in known.items)
    return isinstance(known, RoleValue) and known.role in _CALLABLES


def _is_hidden(name: str) -> bool:
    """Tell whether calls of a name are not looked at unless it is learned."""
    return bool(name) and (is_hidden(f"{name}(") or not hints(name))


def _named_expressions(tree: Tree) -> Iterator[tuple[str, ast.expr, Scope]]:
    for assignment, scope in tree.find(ast.Assign):
        for target in assignment.targets:
            for part, value in _pairs(target, assignment.value):
                yield last_segment(part), value, scope
    for node, scope in tree.find(ast.ClassDef):
        if any(tree.is_of_interest(last_segment(base)) for base in node.bases):
            yield node.name, ast.Name(node.name, ast.Load()), scope
    for function, scope in tree.functions():
        inner = scope.child(function)
        arguments = function.args
        for arg in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
            if arg.annotation is not None and _names_a_maker(arg.annotation):
                yield arg.arg, ast.Name(arg.arg, ast.Load()), inner
    for statement, scope in tree.find(ast.ImportFrom):
        for alias in statement.names:
            name = alias.asname or alias.name
            if name != "*" and (hints(alias.name) or _is_hinting(statement.module)):
                yield name, ast.Name(name, ast.Load()), scope


def _is_hinting(module: str | None) -> bool:
    """Tell whether a module looks as if it had to do with sessions: ``app.db``."""
    return any(map(hints, (module or "").split(".")))


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Match ``engine, make = engine, sessionmaker()`` part by part."""
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        yield from zip(target.elts, value.elts, strict=False)
    else:
        yield target, value


def _names_a_maker(annotation: ast.expr) -> bool:
    pending = [annotation]
    while pending:
        match pending.pop():
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.Constant(value=str() as name):
                if any(part in name for part in _MAKING):
                    return True
            case ast.Subscript(value=base, slice=inner):
                pending += [base, inner]
            case ast.BinOp(left=left, right=right):
                pending += [left, right]
            case ast.Tuple(elts=elements):
                pending += elements
    return False


def _opens(expression: ast.expr, scope: Scope, tree: Tree, inference: Inference) -> bool:
    name = last_segment(expression)
    if isinstance(expression, (ast.Await, ast.Call)):
        if not any(part in name for part in _MAKING):
            return False
    elif not isinstance(expression, (ast.Name, ast.Lambda)) and not tree.is_of_interest(name):
        return False
    value = inference.value(expression, scope)
    returned = inference.result(value).returns if isinstance(value, FunctionValue) else None
    return _is_telling(
        returned if isinstance(returned, TupleValue) else inference.role(value),
    )


def _handing_functions(tree: Tree, inference: Inference) -> Iterator[FunctionValue]:
    """Give the functions with hidden names in which something is got that they may hand out."""
    for call, scope in tree.find(ast.Call):
        function = scope.function()
        if function is None or not _is_hidden(getattr(function.node, "name", "")):
            continue
        if not tree.is_of_interest(last_segment(call.func)) or function.parent is None:
            continue
        item = tree.parent(call)
        if isinstance(item, ast.withitem) and not _is_yielded(item, function):
            continue
        known = inference.value(call, scope)
        if isinstance(known, RoleValue) and known.role in _HANDED_ON:
            yield FunctionValue(function.node, function.parent)  # type: ignore[arg-type]


def _is_yielded(item: ast.withitem, function: Scope) -> bool:
    """Tell whether a function yields what a block of it names."""
    target = item.optional_vars
    return isinstance(target, ast.Name) and target.id in _yielded(function)


@remembered
def _yielded(function: Scope) -> frozenset[str]:
    return frozenset(
        node.value.id
        for node in own_nodes(function.node)
        if isinstance(node, ast.Yield) and isinstance(node.value, ast.Name)
    )


def _callees(tree: Tree, names: set[str]) -> Iterator[str]:
    """Find what gave the names on which a session's work is done: ``s = make(); s.query(...)``."""
    loops: list[tuple[ast.For | ast.AsyncFor, Scope]] = [*tree.find(ast.For)]
    for loop, _ in (*loops, *tree.find(ast.AsyncFor)):
        if isinstance(loop.target, ast.Name) and loop.target.id in names:
            yield from _callee(loop.iter)
    for assignment, _ in tree.find(ast.Assign):
        targets = [part for t in assignment.targets for part in getattr(t, "elts", [t])]
        if any(last_segment(target) in names for target in targets):
            yield from _callee(assignment.value)
    for annotated, _ in tree.find(ast.AnnAssign):
        if annotated.value is not None and last_segment(annotated.target) in names:
            yield from _callee(annotated.value)
    for item in tree.with_items():
        if isinstance(item.optional_vars, ast.Name) and item.optional_vars.id in names:
            yield from _callee(item.context_expr)


def _callee(expression: ast.expr) -> Iterator[str]:
    if isinstance(expression, ast.Await):
        expression = expression.value
    match expression:
        case ast.Call(func=ast.Name(id="next" | "anext"), args=[driven, *_]):
            expression = driven
        case ast.Call(func=ast.Attribute(value=driven, attr=step)) if step in _STEPS:
            expression = driven
    if isinstance(expression, ast.Call) and _is_hidden(last_segment(expression)):
        yield last_segment(expression)
