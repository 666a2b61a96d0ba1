"""A name that gets another spelling everywhere in a file."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Edit, Refusal


def renamed(old: str, new: str, document: Document) -> Iterator[Edit]:
    """Rename what an import binds, wherever it is read.

    Args:
        old: the name, which only one import of the file may bind.
        new: its new name.
        document: the file.

    Yields:
        The edits of the uses; that of the import is not among them.

    Raises:
        Refusal: either name is bound by something else too, or the old one stands in a text.
    """
    if old == new:
        return
    bound = list(_bound(document.tree))
    if new in bound:
        raise Refusal(f"`{new}` means something else here")
    if bound.count(old) != 1:
        raise Refusal(f"`{old}` is bound in several places")
    for node in ast.walk(document.tree):
        if isinstance(node, ast.Constant) and node.value == old:
            raise Refusal(f"line {node.lineno} names `{old}` in a text")
        if isinstance(node, ast.Name) and node.id == old:
            yield document.replace(node, new)


def _bound(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                yield name
            case ast.arg(arg=name) | ast.ExceptHandler(name=str(name)):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.ClassDef(name=name) | ast.MatchAs(name=str(name)):
                yield name
            case ast.alias(name=name, asname=asname):
                yield asname or name.partition(".")[0]
