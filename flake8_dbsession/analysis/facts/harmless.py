"""Calls that do not raise in practice, beyond those that the control flow knows by name."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.flow import raises_by_name
from flake8_dbsession.analysis.names.scopes import Assigned, Scope

# Text and time are made of values that are there already, and a rollback that fails has given its
# connection up.
_HARMLESS_METHODS = frozenset(
    {
        "endswith",
        "isoformat",
        "lower",
        "lstrip",
        "rollback",
        "rstrip",
        "startswith",
        "strip",
        "timedelta",
        "upper",
    }
)
_HARMLESS_NAMES = frozenset({"timedelta"})
_TEXT_METHODS = frozenset({"format", "join"})
_MAPPING_METHODS = frozenset({"copy", "get", "items", "keys", "setdefault", "update", "values"})


def may_raise(call: ast.Call, scope: Scope) -> bool:
    """Tell whether a call can raise in practice.

    Args:
        call: the call.
        scope: the scope that it stands in.

    Returns:
        False for what does not by its name, and for methods of literals.
    """
    if not raises_by_name(call):
        return False
    match call.func:
        case ast.Name(id=name):
            return name not in _HARMLESS_NAMES
        case ast.Attribute(attr=name) if name in _HARMLESS_METHODS:
            return False
        case ast.Attribute(value=ast.Constant(value=str()), attr=name):
            return name not in _TEXT_METHODS
        case ast.Attribute(value=ast.Name(id=owner), attr=name) if name in _MAPPING_METHODS:
            return not _is_mapping(owner, scope)
    return True


def _is_mapping(name: str, scope: Scope) -> bool:
    """Tell whether a local name only ever stands for a dictionary that is written out."""
    bindings = scope.bindings(name)
    values = [b.how.value for b in bindings if isinstance(b.how, Assigned)]
    return (
        bool(values)
        and all(isinstance(v, ast.Dict) for v in values)
        and (len(values) == len(bindings))
    )
