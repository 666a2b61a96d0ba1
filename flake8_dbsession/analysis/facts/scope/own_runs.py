"""Sessions of scripts that nobody but the script's own run works with."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition
from flake8_dbsession.analysis.facts.lifetime.process_end import is_script
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.modules import Module
from flake8_dbsession.analysis.names.scopes import FUNCTIONS, Scope
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.nodes import nodes_in, own_nodes


def is_of_one_run(acquisition: Acquisition, tree: Tree, inference: Inference) -> bool:
    """Tell whether only the statements of a script work with what its top level opens.

    Args:
        acquisition: what a module-level name holds.
        tree: the visited part of the file.
        inference: its project is searched for imports of the script.

    Returns:
        False where a function or class reads the name, and where another module imports the script.
    """
    module = tree.scope
    if not is_script(module) or _is_read_later(module, acquisition.name):
        return False
    return not any(_imports(each, module.module, inference) for each in _naming(module, inference))


def _is_read_later(scope: Scope, name: str) -> bool:
    """Tell whether a function or class in a scope reads a name of that scope."""
    for node in own_nodes(scope.node):
        if isinstance(node, (ast.ClassDef, *FUNCTIONS)):
            inner = scope.child(node)
            parts = own_nodes(node)
            if not inner.bindings(name) and (
                any(isinstance(part, ast.Name) and part.id == name for part in parts)
                or _is_read_later(inner, name)
            ):
                return True
    return False


def _naming(scope: Scope, inference: Inference) -> Iterator[Module]:
    """Give the project's other modules that name a module in an import."""
    path = scope.module.path
    named = path.parent.name if path.name == "__init__.py" else path.stem
    form = re.compile(rf"^\s*(?:from|import)\b[^#]*\b{re.escape(named)}\b".encode(), re.MULTILINE)
    modules = inference.project.modules_mentioning(named, path, form)
    return (module for module in modules if module.path != path)


def _imports(importer: Module, module: Module, inference: Inference) -> bool:
    """Tell whether a module imports another one, anywhere in it."""
    project, path = inference.project, module.path
    for node in nodes_in(importer.scope.node):
        match node:
            case ast.Import(names=aliases):
                found = [project.find(importer.path, alias.name) for alias in aliases]
            case ast.ImportFrom(module=dotted, names=aliases, level=level):
                source = project.find(importer.path, dotted or "", level)
                inner = [project.submodule(source, a.name) for a in aliases] if source else []
                found = [source, *inner]
            case _:
                continue
        if any(each is not None and each.path == path for each in found):
            return True
    return False
