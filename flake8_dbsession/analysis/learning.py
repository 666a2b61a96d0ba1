"""Names that stand for a factory or the like without looking it, learned from where they are bound.

The tree holds only the statements that mention a word of interest. Where such a statement gives a
factory a name like ``make``, the statements that mention ``make`` are of interest as well.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.inference import Inference
from flake8_dbsession.analysis.mentions import has_needle
from flake8_dbsession.analysis.scopes import Assigned, Entered, Scope
from flake8_dbsession.analysis.tree import Tree
from flake8_dbsession.analysis.values import FunctionValue, Role

_CALLABLES = frozenset(
    {
        Role.SESSION_CLASS,
        Role.FACTORY_MAKER,
        Role.FACTORY,
        Role.REGISTRY_MAKER,
        Role.REGISTRY,
        Role.CONNECT,
        Role.ENGINE,
        Role.POOL,
        Role.EXTENSION,
        Role.ACCESSOR,
        Role.LENDER,
        Role.PROVIDER,
        Role.DEPENDENCY,
    }
)
_SESSION_WORK = frozenset({"query", "commit", "rollback", "scalars"})


def learned_words(tree: Tree, inference: Inference) -> set[str]:
    """Find the names bound to something that opens sessions and that no needle finds.

    Args:
        tree: the visited part of a file.
        inference: answers what expressions stand for.

    Returns:
        The names, of variables, attributes, parameters, functions and imports.
    """
    words: set[str] = set()
    for name, expression, scope in _named_expressions(tree):
        if not has_needle(name) and _opens(expression, scope, inference):
            words.add(name)
    for function in _handing_functions(tree):
        name = getattr(function.node, "name", "")
        if name and not has_needle(name):
            known = inference.role(function)
            if known is not None and known.role in _CALLABLES:
                words.add(name)
    return words | _callees_of_workers(tree)


def _named_expressions(tree: Tree) -> Iterator[tuple[str, ast.expr, Scope]]:
    for assignment, scope in tree.find(ast.Assign):
        for target in assignment.targets:
            if isinstance(target, ast.Name):
                yield target.id, assignment.value, scope
            elif isinstance(target, ast.Attribute):
                yield target.attr, assignment.value, scope
    for node, scope in tree.functions():
        inner = scope.child(node)
        for arg in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
            if arg.annotation is not None:
                yield arg.arg, ast.Name(arg.arg, ast.Load()), inner
    for statement, scope in tree.find(ast.ImportFrom):
        for alias in statement.names:
            if has_needle(alias.name) and alias.asname:
                yield alias.asname, ast.Name(alias.asname, ast.Load()), scope


def _opens(expression: ast.expr, scope: Scope, inference: Inference) -> bool:
    known = inference.known(expression, scope)
    return known is not None and known.role in _CALLABLES


def _handing_functions(tree: Tree) -> Iterator[FunctionValue]:
    """Give the functions of which a return or yield was visited."""
    for kind in (ast.Return, ast.Yield):
        for _, scope in tree.find(kind):
            function = scope.function()
            if function is not None and function.parent is not None:
                yield FunctionValue(function.node, function.parent)  # type: ignore[arg-type]


def _callees_of_workers(tree: Tree) -> set[str]:
    """Find what gave the names on which a session's work is done: ``s = make(); s.query(...)``."""
    words: set[str] = set()
    for call, scope in tree.find(ast.Call):
        match call.func:
            case ast.Attribute(value=ast.Name(id=name), attr=attribute):
                if attribute in _SESSION_WORK:
                    words |= set(_callees(name, scope))
    return {word for word in words if not has_needle(word)}


def _callees(name: str, scope: Scope) -> Iterator[str]:
    for binding in scope.lookup(name):
        match binding.how:
            case Assigned(value=ast.Call(func=function)) | Entered(context=ast.Call(func=function)):
                if isinstance(function, ast.Attribute):
                    yield function.attr
                elif isinstance(function, ast.Name):
                    yield function.id
