"""The texts that the loops of a test give a name, one after the other."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from flake8_dbsession.analysis.nodes import constants_in, nodes_in

_COMPREHENSIONS = (ast.DictComp, ast.GeneratorExp, ast.ListComp, ast.SetComp)
_LOOPS = (ast.For, ast.AsyncFor, *_COMPREHENSIONS)


def looped_texts(nodes: Iterable[ast.AST]) -> dict[ast.AST, list[str]]:
    """Give the texts that names stand for where loops over plain texts give them.

    Args:
        nodes: the code of a file.

    Returns:
        The texts, by the nodes that read the names; nothing of names of which not all is known.
    """
    found: dict[ast.AST, list[str]] = {}
    for loop in (node for node in nodes if isinstance(node, _LOOPS)):
        for target, values, inside in _loops(loop):
            for name, texts in _given(target, values):
                uses = [n for n in inside if _names(n, name)]
                if all(isinstance(getattr(use, "ctx", None), ast.Load) for use in uses):
                    found.update((use, texts) for use in uses)
    return found


def _loops(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr, list[ast.AST]]]:
    """Give the target of a loop, what it goes through, and the nodes that run each time."""
    if isinstance(node, (ast.For, ast.AsyncFor)):
        yield node.target, node.iter, [n for each in node.body for n in nodes_in(each)]
    elif isinstance(node, _COMPREHENSIONS) and len(node.generators) == 1:
        (loop,) = node.generators
        of_loop = {*nodes_in(loop.target), *nodes_in(loop.iter)}
        yield loop.target, loop.iter, [n for n in nodes_in(node) if n not in of_loop]


def _given(target: ast.expr, values: ast.expr) -> Iterator[tuple[str, list[str]]]:
    """Give the names of a loop, each with the texts that it stands for."""
    targets = target.elts if isinstance(target, ast.Tuple) else [target]
    rows = list(_rows(values, isinstance(target, ast.Tuple)))
    if any(len(row) != len(targets) for row in rows):
        return
    for position, name in enumerate(targets):
        texts = constants_in([row[position] for row in rows])
        if texts and isinstance(name, ast.Name):
            known = [text for text in texts if isinstance(text, str)]
            if len(known) == len(texts):
                yield name.id, known


def _rows(values: ast.expr, are_many: bool) -> Iterator[list[ast.expr]]:
    match values:
        case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts):
            for part in parts:
                is_row = are_many and isinstance(part, (ast.Tuple, ast.List))
                yield part.elts if is_row else [part]  # type: ignore[attr-defined]
        case ast.Call(func=ast.Attribute(value=ast.Dict() as held, attr="items"), args=[]):
            for key, value in zip(held.keys, held.values, strict=True):
                yield [key, value] if key is not None else []


def _names(node: ast.AST, name: str) -> bool:
    """Tell whether a node reads a name, or gives it something."""
    match node:
        case ast.Name(id=found) | ast.arg(arg=found) | ast.ExceptHandler(name=found):
            return found == name
    return False
