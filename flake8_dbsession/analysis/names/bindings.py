"""What binds an expression: a name, or the attribute of a module or object."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Binding, Scope
from flake8_dbsession.analysis.names.values import InstanceValue, ModuleValue


def bindings_of(expression: ast.expr, scope: Scope, inference: Inference) -> Iterator[Binding]:
    """Give what binds a name, or the attribute of a module or object."""
    match expression:
        case ast.Name(id=name):
            yield from inference.origins(name, scope)
        case ast.Attribute(value=base, attr=name):
            owner = inference.value(base, scope)
            if isinstance(owner, ModuleValue):
                yield from inference.origins(name, owner.scope)
            elif isinstance(owner, InstanceValue):
                yield from owner.cls.scope.child(owner.cls.node).attributes(name)
