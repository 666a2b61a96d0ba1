"""Migrations: the files that change a database's schema."""

from __future__ import annotations

import ast
from pathlib import Path

from flake8_dbsession.analysis.names.modules import Module

_MIGRATIONS = ("alembic", "migrat")


def is_migration(module: Module, root: Path) -> bool:
    """Tell whether a file migrates a schema: by its folders, its own name, or its use of Alembic.

    Args:
        module: the file.
        root: the folder of the project; what lies above it says nothing.
    """
    path = module.path
    inside = path.relative_to(root) if path.is_relative_to(root) else Path(path.name)
    if any(word in part.lower() for part in inside.parts for word in _MIGRATIONS):
        return True
    return module.tree is not None and any(map(_imports_alembic, module.tree.body))


def is_alembic_environment(module: Module) -> bool:
    """Tell whether a file is Alembic's ``env.py``, which Alembic runs once in a process."""
    return (
        module.path.name == "env.py"
        and module.tree is not None
        and any(map(_imports_alembic, module.tree.body))
    )


def _imports_alembic(statement: ast.stmt) -> bool:
    match statement:
        case ast.ImportFrom(module=str() as name, level=0):
            return name.partition(".")[0] == "alembic"
        case ast.Import(names=names):
            return any(alias.name.partition(".")[0] == "alembic" for alias in names)
    return False
