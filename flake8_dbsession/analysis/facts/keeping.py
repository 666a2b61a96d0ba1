"""Whether a class that keeps a session on its instances closes it anywhere."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.facts.acquisitions import Acquisition
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import last_segment, statements
from flake8_dbsession.analysis.names.values import ClassValue

_CLOSES = frozenset(
    {"close", "aclose", "close_all", "remove", "invalidate", "__exit__", "__aexit__"}
)
# What is in the name of a function that closes what it is given, or takes it over to do so.
_CLOSERS = ("clean", "clos", "context", "dispos", "push", "releas", "remov", "shutdown", "teardown")


def is_closed_by_class(acquisition: Acquisition, inference: Inference) -> bool:
    """Tell whether anything can be seen to close a session kept on ``self``.

    Args:
        acquisition: a session held by an attribute of ``self``.
        inference: answers what the class's bases are.

    Returns:
        True where the class, one of its bases in the project or a subclass in the same file closes
        it or delegates to it, where other code of the file closes it from outside, and where a
        base class cannot be found.
    """
    scope = acquisition.scope.enclosing_class()
    target = acquisition.target
    if scope is None or scope.parent is None or not isinstance(target, ast.Attribute):
        return True
    cls = ClassValue(scope.node, scope.parent)  # type: ignore[arg-type]
    family = _bases(cls, inference)
    if family is None:
        return True
    members = {cls.node, *family, *_subclasses(cls, inference)}
    if any(_closes(member, target.attr) for member in members):
        return True
    module = scope.module.tree
    return module is not None and _is_closed_from_outside(module, target.attr)


def _bases(cls: ClassValue, inference: Inference) -> set[ast.ClassDef] | None:
    """Give the base classes in the project, at any depth; None where one cannot be found."""
    found: set[ast.ClassDef] = set()
    pending = [cls]
    while pending:
        current = pending.pop()
        for base in current.node.bases:
            named = base.value if isinstance(base, ast.Subscript) else base
            value = inference.value(named, current.scope)
            if value is None and last_segment(named) != "object":
                return None
            if isinstance(value, ClassValue) and value.node not in found:
                found.add(value.node)
                pending.append(value)
    return found


def _subclasses(cls: ClassValue, inference: Inference) -> Iterator[ast.ClassDef]:
    module = cls.scope.module
    for statement in statements(module.tree.body if module.tree else []):
        if isinstance(statement, ast.ClassDef):
            values = (inference.value(base, module.scope) for base in statement.bases)
            if any(isinstance(v, ClassValue) and v.node is cls.node for v in values):
                yield statement


def _closes(cls: ast.ClassDef, attribute: str) -> bool:
    aliases = set(_aliases(cls, attribute))
    return any(_is_close(node, attribute, aliases) for node in ast.walk(cls))


def _is_close(node: ast.AST, attribute: str, aliases: set[str]) -> bool:
    match node:
        case ast.Attribute(value=ast.Name(id=name), attr=method) if method in _CLOSES:
            return name in aliases
        case ast.Attribute(value=closed, attr=method) if method in _CLOSES:
            return _mentions(closed, attribute)
        case ast.withitem(context_expr=context):
            return _mentions(context, attribute) or _is_alias(context, aliases)
        case ast.Call(func=function, args=arguments) if _is_closer(function):
            return any(_mentions(a, attribute) or _is_alias(a, aliases) for a in arguments)
        case ast.FunctionDef(name="__getattr__"):
            return _mentions(node, attribute)
    return False


def _is_closer(function: ast.expr) -> bool:
    name = last_segment(function).lower()
    return any(closer in name for closer in _CLOSERS)


def _mentions(node: ast.AST, attribute: str) -> bool:
    """Tell whether code reads an attribute, also by ``getattr(self, "db")``."""
    return any(
        (isinstance(inner, ast.Attribute) and inner.attr == attribute)
        or (isinstance(inner, ast.Constant) and inner.value == attribute)
        for inner in ast.walk(node)
    )


def _is_alias(expression: ast.expr, aliases: set[str]) -> bool:
    return isinstance(expression, ast.Name) and expression.id in aliases


def _aliases(cls: ast.ClassDef, attribute: str) -> Iterator[str]:
    """Give the local names that get the session: ``db = self.db``, ``self.db = db = open_it()``."""
    for node in ast.walk(cls):
        match node:
            case ast.Assign(targets=targets, value=value):
                named = targets
            case ast.NamedExpr(target=target, value=value) | ast.For(target=target, iter=value):
                named = [target]
            case _:
                continue
        if any(_mentions(part, attribute) for part in (*named, value)):
            inner = (name for target in named for name in ast.walk(target))
            yield from (name.id for name in inner if isinstance(name, ast.Name))


def _is_closed_from_outside(module: ast.Module, attribute: str) -> bool:
    """Tell whether code closes the attribute of an object: ``service.db.close()``."""
    for node in ast.walk(module):
        match node:
            case ast.Attribute(value=ast.Attribute(value=owner, attr=name), attr=method):
                is_own = isinstance(owner, ast.Name) and owner.id in ("self", "cls")
                if name == attribute and method in _CLOSES and not is_own:
                    return True
    return False
