"""Queries of models, which an extension's session runs without being named."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope
from flake8_dbsession.analysis.names.values import ClassValue, Role, RoleValue, Value

QUERY = "query"
"""The attribute of a model: https://flask-sqlalchemy.palletsprojects.com/en/stable/legacy-query/."""


def is_model_query(
    expression: ast.expr, known: RoleValue, scope: Scope, inference: Inference
) -> bool:
    """Tell whether an expression is the query of a model that an extension's session runs.

    Args:
        expression: the expression, such as ``Book.query``.
        known: the session.
        scope: the scope that it is read in.
        inference: finds the model and its bases.
    """
    if known.role is not Role.REGISTRY:
        return False
    match expression:
        case ast.Attribute(value=model, attr=name) if name == QUERY:
            return _is_model(inference.value(model, scope), inference, set())
    return False


def _is_model(value: Value | None, inference: Inference, seen: set[ast.AST]) -> bool:
    """Tell whether a class derives from an extension's ``Model``."""
    if not isinstance(value, ClassValue) or value.node in seen:
        return False
    seen.add(value.node)
    return any(_is_base(base, value.scope, inference, seen) for base in value.node.bases)


def _is_base(base: ast.expr, scope: Scope, inference: Inference, seen: set[ast.AST]) -> bool:
    match base:
        case ast.Attribute(value=owner, attr="Model"):
            extension = inference.known(owner, scope)
            return extension is not None and extension.role is Role.EXTENSION
    return _is_model(inference.value(base, scope), inference, seen)
