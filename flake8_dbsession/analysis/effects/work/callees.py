"""What is known of the functions that a block calls; no name of a project's function counts."""

from __future__ import annotations

import ast
import sys

from flake8_dbsession.analysis.effects.work.classes import only_stores
from flake8_dbsession.analysis.flow.calls import is_logger
from flake8_dbsession.analysis.library.drivers import DRIVERS
from flake8_dbsession.analysis.library.python import CALLING, CONTAINERS, VALUES_OF, WITHOUT_EFFECT
from flake8_dbsession.analysis.library.running import DRIVING, DRIVING_AWAITED, RUNNING_MODULES
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import (
    Annotated,
    Assigned,
    How,
    Parameter,
    Scope,
    last_segment,
)
from flake8_dbsession.analysis.names.values import ClassValue, External, FunctionValue
from flake8_dbsession.analysis.nodes import keyword_of

_LIBRARIES = frozenset({"fastapi", "pydantic", "sqlalchemy", "sqlmodel"}) | sys.stdlib_module_names


# Whose errors may be a database's, or come out of anything that waits.
_OWN_ERRORS = (
    _LIBRARIES
    | {"anyio", "async_timeout", "eventlet", "gevent", "greenlet", "trio"}
    | {driver.name.partition(".")[0] for driver in DRIVERS}
)

_FINISHING = frozenset(name.rpartition(".")[2] for name in DRIVING | DRIVING_AWAITED)
_DISPLAYS = (ast.Dict, ast.DictComp, ast.List, ast.ListComp, ast.Set, ast.SetComp)


class Callees:
    """Answers what the calls in a scope lead to.

    Args:
        scope: the scope.
        inference: follows names.
    """

    def __init__(self, scope: Scope, inference: Inference) -> None:
        self.scope = scope
        self.inference = inference

    def is_builtin(self, function: ast.expr, *names: str) -> bool:
        """Tell whether an expression is a function of Python's own that changes nothing.

        Args:
            function: the expression.
            names: the functions that are meant; none for all.
        """
        match function:
            case ast.Name(id=name):
                return name in (names or WITHOUT_EFFECT) and not self.scope.lookup(name)
        return False

    def is_library(self, function: ast.expr) -> bool:
        """Tell whether an expression is a library's function that does what its name says."""
        value = self.inference.value(function, self.scope)
        if not isinstance(value, External):
            return False
        top = value.name.partition(".")[0]
        return top in _LIBRARIES - RUNNING_MODULES

    def is_of_logger(self, method: ast.Attribute) -> bool:
        """Tell whether a method is that of a logger, or of a library's object that prints."""
        if isinstance(self.inference.value(method, self.scope), External):
            return True
        return is_logger(method.value) and not self.is_project(method)

    def is_foreign(self, error: ast.expr | None) -> bool:
        """Tell whether an error is a library's that has nothing to do with databases.

        Args:
            error: the class that a handler catches, or a tuple of classes; None for any.
        """
        if isinstance(error, ast.Tuple):
            return all(map(self.is_foreign, error.elts))
        value = self.inference.value(error, self.scope) if error is not None else None
        return isinstance(value, External) and value.name.partition(".")[0] not in _OWN_ERRORS

    def is_project(self, function: ast.expr) -> bool:
        """Tell whether an expression is a function or class of the project."""
        value = self.inference.value(function, self.scope)
        return isinstance(value, (FunctionValue, ClassValue))

    def function(self, function: ast.expr) -> FunctionValue | None:
        """Give the project's function that an expression is; None for any other."""
        value = self.inference.value(function, self.scope)
        return value if isinstance(value, FunctionValue) else None

    def constructor(self, function: ast.expr) -> FunctionValue | None:
        """Give the constructor of the project's class that an expression is; None for none."""
        cls = self.inference.value(function, self.scope)
        return self.inference.constructor(cls) if isinstance(cls, ClassValue) else None

    def finished_by(self, call: ast.Call, *, is_awaited: bool) -> ast.expr | None:
        """Give the coroutine that a call runs to its end: ``f()`` of ``asyncio.run(f())``.

        Args:
            call: the call.
            is_awaited: whether it stands in an ``await``.
        """
        if not call.args or last_segment(call.func) not in _FINISHING:
            return None
        value = self.inference.value(call.func, self.scope)
        names = DRIVING | DRIVING_AWAITED if is_awaited else DRIVING
        return call.args[0] if isinstance(value, External) and value.name in names else None

    def is_container(self, expression: ast.expr) -> bool:
        """Tell whether a name is that of a list, a dictionary or a set, wherever it gets it."""
        match expression:
            case ast.Name(id=name):
                hows = [binding.how for binding in self.scope.lookup(name)]
                return bool(hows) and all(map(self._makes_container, hows))
        return False

    def makes_containers(self, cls: ClassValue, attribute: str) -> bool:
        """Tell whether all that a class binds an attribute to are lists, dictionaries or sets."""
        hows = [binding.how for binding in cls.scope.child(cls.node).attributes(attribute)]
        return bool(hows) and all(map(self._makes_container, hows))

    def makes_container(self, value: ast.expr) -> bool:
        """Tell whether a value is a new list, dictionary or set."""
        is_made = isinstance(value, ast.Call) and self.is_builtin(value.func, *CONTAINERS)
        return is_made or isinstance(value, _DISPLAYS)

    def makes_empty(self, how: How) -> bool:
        """Tell whether a name is bound to a new container with nothing in it."""
        match how:
            case Assigned(value=value, path=()) | Annotated(value=ast.expr() as value):
                match value:
                    case ast.Call(func=ast.Name(id="defaultdict"), args=[made], keywords=[]):
                        return self.is_builtin(made, *CONTAINERS)
                    case ast.Call(args=[], keywords=[]):
                        return self.makes_container(value)
                    case ast.Dict(keys=[]) | ast.List(elts=[]):
                        return True
        return False

    def _makes_container(self, how: How) -> bool:
        match how:
            case Assigned(value=value, path=()) | Annotated(value=ast.expr() as value):
                return self.makes_container(value)
            case Annotated(annotation=annotation) | Parameter(arg=ast.arg(annotation=annotation)):
                root = annotation.value if isinstance(annotation, ast.Subscript) else annotation
                return root is not None and last_segment(root).lower() in CONTAINERS
        return False

    def only_stores(self, function: ast.expr) -> bool:
        """Tell whether an expression is a class whose new object does nothing but keep values."""
        cls = self.inference.value(function, self.scope)
        return isinstance(cls, ClassValue) and only_stores(cls, self.inference)

    def run_by(self, call: ast.Call) -> ast.expr | None:
        """Give the function that one of Python's own calls: ``f`` of ``map(f, users)``."""
        name = last_segment(call.func)
        if name not in CALLING:
            return None
        position = CALLING[name]
        if position is not None:
            return call.args[position] if len(call.args) > position else None
        return keyword_of(call, "key")

    def gets_values(self, function: ast.expr) -> bool:
        """Tell whether a function only reads: a type of Python's own, ``attrgetter("name")``."""
        match function:
            case ast.Constant():
                return True
            case ast.Call(func=maker):
                value = self.inference.value(maker, self.scope)
                return isinstance(value, External) and value.name in VALUES_OF
        return self.is_builtin(function)
