"""The dotted names by which code calls something, where a policy speaks of it by name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from flake8_dbsession.analysis.names.scopes import Assigned, Binding, Imported, Parameter, Scope
from flake8_dbsession.analysis.nodes import dotted_name

_STEPS = 3  # an alias of an alias of an alias; real code has one


@cache
def expression_of(text: str) -> ast.expr:
    """Give the code of an expression that a policy or a table writes: for one text the same code.

    What is asked of it in a module that outlives a check is remembered there, and not each time.
    """
    return ast.parse(text, mode="eval").body


def names_of(expression: ast.expr, scope: Scope, root: Path) -> tuple[str, ...]:
    """Give the dotted names by which what an expression stands for goes.

    Args:
        expression: a name, or an attribute of one.
        scope: the scope it is read in.
        root: the folder of the project, for relative imports.

    Returns:
        The name as it is written, then with its beginning replaced by what that was imported as or
        assigned from; none for an expression that is no dotted name.
    """
    return tuple(dict.fromkeys(_names(expression, scope, root, _STEPS)))


def without_calls(expression: ast.expr) -> ast.expr:
    """Leave the calls out of what something is an attribute of.

    Args:
        expression: such as ``get_db_manager().get_session``.

    Returns:
        The same without arguments, ``get_db_manager.get_session``, which has a dotted name.
    """
    match expression:
        case ast.Attribute(value=ast.Call(func=owner), attr=name):
            return ast.Attribute(without_calls(owner), name, ast.Load())
        case ast.Attribute(value=owner, attr=name):
            return ast.Attribute(without_calls(owner), name, ast.Load())
    return expression


def _names(expression: ast.expr, scope: Scope, root: Path, steps: int) -> Iterator[str]:
    written = dotted_name(expression)
    if not written:
        return
    yield written
    first, _, rest = written.partition(".")
    if steps == 0:
        return
    for binding in scope.lookup(first):
        if isinstance(binding.how, Parameter):
            attribute, _, rest_of_attribute = rest.partition(".")
            for held in _held_by_self(binding, attribute):
                yield from _assigned_names(held, rest_of_attribute, root, steps)
        else:
            yield from _assigned_names(binding, rest, root, steps)


def _assigned_names(binding: Binding, rest: str, root: Path, steps: int) -> Iterator[str]:
    match binding.how:
        case Imported():
            origins = iter(imported_names(binding.how, binding.scope.module.path, root))
        case Assigned(value=value, path=()):
            origins = _names(value, binding.scope, root, steps - 1)
        case _:
            return
    for origin in origins:
        yield f"{origin}.{rest}" if rest else origin


def _held_by_self(binding: Binding, attribute: str) -> list[Binding]:
    """Give the ways in which ``self.attribute`` is bound, where the parameter is a ``self``."""
    cls = binding.scope.parent
    is_self = isinstance(binding.how, Parameter) and binding.how.is_receiver
    if is_self and cls is not None and isinstance(cls.node, ast.ClassDef):
        return cls.attributes(attribute)
    return []


def imported_names(how: Imported, importer: Path, root: Path) -> tuple[str, ...]:
    """Give the qualified names that an import stands for.

    Args:
        how: the import.
        importer: the file that it stands in.
        root: the folder of the project.

    Returns:
        The name that it spells; for a relative import, the names that it has from each folder that
        may be a source root, the whole path first.
    """
    last = f".{how.name}" if how.name else ""
    if not how.level:
        return (f"{how.module}{last}",)
    folder = importer.parents[min(how.level, len(importer.parents)) - 1]
    path = folder.joinpath(*how.module.split(".")) if how.module else folder
    return tuple(f"{module}{last}" for module in module_names(path, root))


def module_names(path: Path, root: Path) -> tuple[str, ...]:
    """Give the names that a module can have.

    Args:
        path: the module's file or folder, or that path without its suffix.
        root: the folder of the project.

    Returns:
        Its name from each folder between ``root`` and it, the longest first; none for a module
        outside the project.
    """
    if not path.is_relative_to(root):
        return ()
    plain = path.parent if path.name == "__init__.py" else path.with_suffix("")
    segments = plain.relative_to(root).parts
    return tuple(".".join(segments[start:]) for start in range(len(segments)))
