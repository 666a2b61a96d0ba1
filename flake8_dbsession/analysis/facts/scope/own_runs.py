"""Sessions of scripts that nobody but the script's own run works with."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition
from flake8_dbsession.analysis.facts.lifetime.process_end import is_endless, is_script, uses
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.modules import Module
from flake8_dbsession.analysis.names.scopes import FUNCTIONS, Scope
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.nodes import is_name, nodes_in, own_nodes


def is_of_one_run(acquisition: Acquisition, tree: Tree, inference: Inference) -> bool:
    """Tell whether only a script's own run works with what its top level opens.

    Args:
        acquisition: what a module-level name holds.
        tree: the visited part of the file.
        inference: its project is searched for imports of the script.

    Returns:
        False where another module imports the script, where a class reads the name, or a function
        that something else may run: threads, tasks, a framework. One that the script only calls is
        a part of its run, unless that goes on without an end.
    """
    module = tree.scope
    if not is_script(module) or not _only_calls_readers(module, acquisition.name):
        return False
    return not any(_imports(each, module.module, inference) for each in _naming(module, inference))


def _only_calls_readers(module: Scope, name: str) -> bool:
    """Tell whether a module calls all its functions that read a name, and does nothing else with
    them, nor with the functions that call those.
    """
    pending, readers = [name], set[ast.AST]()
    while pending:
        for reader in _readers(module, pending.pop()):
            if not isinstance(reader, ast.FunctionDef) or not _is_only_called(reader, module):
                return False
            if reader not in readers:
                readers.add(reader)
                pending.append(reader.name)
    return not readers or not any(map(is_endless, nodes_in(module.node)))


def _readers(scope: Scope, name: str) -> Iterator[ast.AST]:
    """Give the functions and classes in a scope that read a name of that scope."""
    for node in own_nodes(scope.node):
        if isinstance(node, (ast.ClassDef, *FUNCTIONS)):
            inner = scope.child(node)
            if inner.bindings(name):
                continue
            within = list(_readers(inner, name))
            yield from within
            if within or any(is_name(part, name) for part in own_nodes(node)):
                yield node


def _is_only_called(function: ast.FunctionDef, module: Scope) -> bool:
    """Tell whether nothing decorates a function, and each mention of its name calls it."""
    mentions = uses(module).get(function.name, [])
    called = {node.func for node in nodes_in(module.node) if isinstance(node, ast.Call)}
    return bool(mentions) and called.issuperset(mentions) and not function.decorator_list


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
