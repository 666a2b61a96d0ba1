"""Which errors a handler catches, whatever name it calls their classes by."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.flow.exceptions import class_names
from flake8_dbsession.analysis.names.bindings import bindings_of
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Annotated, Assigned, Binding, Imported, Scope

_MOST_NAMES = 5  # one standing for another
_CLASSES = (ast.Attribute, ast.BinOp, ast.Name, ast.Tuple)


def caught_classes(
    node: ast.expr | None, scope: Scope, inference: Inference, most: int = _MOST_NAMES
) -> tuple[str, ...]:
    """Spell the classes that a handler names, as they are called where they come from.

    Args:
        node: what stands behind ``except``: None, a class, a tuple of them, or a name for one.
        scope: the scope that the handler stands in.
        inference: answers what names stand for.
        most: how many names are followed, one standing for another.

    Returns:
        The last segments of their names: ``BaseException`` for None.
    """
    match node:
        case ast.Tuple(elts=parts):
            return tuple(n for part in parts for n in caught_classes(part, scope, inference, most))
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            both = ast.Tuple([left, right], ast.Load())
            return caught_classes(both, scope, inference, most)
        case ast.Attribute() | ast.Name() if most:
            match list(bindings_of(node, scope, inference)):
                case [
                    Binding(
                        how=Assigned(value=value, path=()) | Annotated(value=ast.expr() as value),
                        scope=home,
                    )
                ] if isinstance(value, _CLASSES):
                    return caught_classes(value, home, inference, most - 1)
                case [Binding(how=Imported(name=str() as name))]:
                    return (name,)
    return class_names(node)
