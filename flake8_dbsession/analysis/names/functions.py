"""What the decorators of a function make of it."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.names.scopes import ScopeNode

_CONTEXT_MANAGERS = frozenset({"contextmanager", "asynccontextmanager"})


def decorator_names(node: ScopeNode) -> frozenset[str]:
    """Give the last names of a function's decorators: ``contextmanager``, ``get``, ``fixture``."""
    names = set()
    for decorator in getattr(node, "decorator_list", ()):
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if isinstance(called, ast.Attribute):
            names.add(called.attr)
        elif isinstance(called, ast.Name):
            names.add(called.id)
    return frozenset(names)


def is_context_manager(node: ScopeNode) -> bool:
    """Tell whether a function is made a context manager by its decorator."""
    return bool(decorator_names(node) & _CONTEXT_MANAGERS)


def is_fixture(node: ScopeNode) -> bool:
    """Tell whether a function is a pytest fixture, by the name of its decorator."""
    return any(name.endswith("fixture") for name in decorator_names(node))
