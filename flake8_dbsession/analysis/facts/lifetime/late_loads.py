"""Relationships that are read when the session that would load them is closed."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.facts.lifetime.hand_closes import HandClose
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.parents import parents_in
from flake8_dbsession.analysis.names.scopes import Assigned, Scope, last_segment
from flake8_dbsession.analysis.names.values import ClassValue
from flake8_dbsession.analysis.nodes import keyword_of, nodes_in, own_nodes

# What is loaded along with the object: docs.sqlalchemy.org/en/20/orm/queryguide/relationships.html
_ALONG = frozenset({"immediate", "joined", "selectin", "subquery"})


def loads_later(close: HandClose, inference: Inference) -> bool:
    """Tell whether an object's relationship is first read after the close of its session.

    Args:
        close: the close.
        inference: finds the object's class.

    Returns:
        True where the close's own block goes on to read it, of an object that one statement loaded
        before by the name of its class, without an option of how.
    """
    function = close.scope
    line = close.node.lineno
    nodes = [node for node in own_nodes(function.node) if isinstance(node, ast.Attribute)]
    known = {node.attr for node in nodes if node.lineno <= line}
    for name, attribute in _read_after(close):
        match [binding.how for binding in function.bindings(name)]:
            case [Assigned(value=value, path=())] if value.lineno < line and attribute not in known:
                if _is_lazy(value, attribute, function, inference):
                    return True
    return False


def _read_after(close: HandClose) -> Iterator[tuple[str, str]]:
    """Give the attributes that the statements after a close read, in its own block, by name."""
    parents = parents_in(close.scope)
    statement: ast.AST = close.node
    while not isinstance(statement, ast.stmt):
        statement = parents[statement]
    block = parents.get(statement)
    body = getattr(block, "body", [])
    later = body[body.index(statement) + 1 :] if statement in body else []
    for following in later:
        for node in nodes_in(following):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                yield node.value.id, node.attr


def _is_lazy(value: ast.expr, attribute: str, scope: Scope, inference: Inference) -> bool:
    """Tell whether an attribute of what a query gives is a relationship that it does not load."""
    nodes = nodes_in(value)
    if any(isinstance(node, ast.Attribute) and node.attr == "options" for node in nodes):
        return False
    if any(isinstance(node, ast.Call) and node.keywords for node in nodes if _loads(node)):
        return False
    classes = (inference.value(node, scope) for node in nodes if isinstance(node, ast.Name))
    found = [each for each in classes if isinstance(each, ClassValue)]
    return len(found) == 1 and any(
        isinstance(binding.how, Assigned) and _is_relationship(binding.how.value)
        for binding in found[0].scope.child(found[0].node).bindings(attribute)
    )


def _loads(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and last_segment(node.func) == "get"


def _is_relationship(value: ast.expr) -> bool:
    if not isinstance(value, ast.Call) or last_segment(value.func) != "relationship":
        return False
    lazy = keyword_of(value, "lazy")
    return not (isinstance(lazy, ast.Constant) and lazy.value in (*_ALONG, False))
