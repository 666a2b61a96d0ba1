"""What a session class of the project does where SQLAlchemy's own would commit nothing."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.effects.work.model import Did
from flake8_dbsession.analysis.effects.work.uses import Thing, work_in
from flake8_dbsession.analysis.library.drivers import driver_of
from flake8_dbsession.analysis.library.methods import METHODS
from flake8_dbsession.analysis.library.wrappers import ENTERING, EXITING
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Defined
from flake8_dbsession.analysis.names.values import ClassValue, FunctionValue, Resource, RoleValue
from flake8_dbsession.analysis.nodes import own_nodes

_COMMITTING = Did.COMMITS | Did.MAY_END
_HABITS = sorted((METHODS - {"commit"}) | {*ENTERING, *EXITING})


def may_commit_by_class(known: RoleValue, inference: Inference) -> bool:
    """Tell whether a session's own class may commit where SQLAlchemy's does not.

    Args:
        known: the session, its factory or its class.
        inference: follows the methods that the class has of its own, and its bases.

    Returns:
        True where a method of SQLAlchemy's that the class overrides commits, or cannot be followed,
        and where the class, or a base of it, is not found or stands beside the session's.
    """
    cls = known.of_class
    if not isinstance(cls, ClassValue):
        return cls is not None
    scope = cls.scope.child(cls.node)
    own = [b.how.node for n in _HABITS for b in scope.bindings(n) if isinstance(b.how, Defined)]
    if any(_may_commit(node, cls, inference) for node in own):
        return True
    bases = [inference.value(base, cls.scope) for base in cls.node.bases]
    return not all(
        isinstance(base, RoleValue) and not may_commit_by_class(base, inference) for base in bases
    )


def _may_commit(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef,
    cls: ClassValue,
    inference: Inference,
) -> bool:
    if isinstance(node, ast.ClassDef) or not node.args.args:
        return True
    method = FunctionValue(node, cls.scope.child(cls.node), cls)
    thing = Thing(Resource.SESSION, driver_of(""))
    work = work_in(method, node.args.args[0].arg, thing, inference)
    return bool(work.ever & _COMMITTING) or any(_commits_above(n) for n in own_nodes(node))


def _commits_above(node: ast.AST) -> bool:
    match node:
        case ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr="commit"):
            return True
    return False
