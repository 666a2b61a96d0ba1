"""Scopes and what is bound in them."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.nodes import children, nodes_in, run_with
from flake8_dbsession.named_tuples import NamedTuple

if TYPE_CHECKING:
    from flake8_dbsession.analysis.names.modules import Module

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Comprehension: TypeAlias = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
ScopeNode: TypeAlias = ast.Module | ast.ClassDef | Function | Comprehension

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
SCOPES = (ast.ClassDef, *FUNCTIONS, *COMPREHENSIONS)
LOOPS = (ast.For, ast.AsyncFor, ast.While)

_LOOP = ("body", "orelse")
_TRY = ("body", "handlers", "orelse", "finalbody")
# The fields of the statements that have statements inside and belong to the scope around them.
_BLOCKS: dict[type[ast.AST], tuple[str, ...]] = {
    ast.If: _LOOP,
    ast.For: _LOOP,
    ast.AsyncFor: _LOOP,
    ast.While: _LOOP,
    ast.With: ("body",),
    ast.AsyncWith: ("body",),
    ast.Match: ("cases",),
    ast.Try: _TRY,
}
if sys.version_info >= (3, 11):
    _BLOCKS[ast.TryStar] = _TRY
# The most frequent statements that bind no name by themselves.
_UNBINDING = frozenset({ast.Assert, ast.Expr, ast.If, ast.Pass, ast.Raise, ast.Return, ast.While})


class Assigned(NamedTuple):
    """``name = value``; ``path`` leads into an unpacked value, outermost index first."""

    value: ast.expr
    path: tuple[int, ...] = ()


class Annotated(NamedTuple):
    """``name: annotation`` or ``name: annotation = value``."""

    annotation: ast.expr
    value: ast.expr | None


class Entered(NamedTuple):
    """``with context as name``, or ``async with``."""

    context: ast.expr
    is_async: bool


class Iterated(NamedTuple):
    """``for name in iterable``."""

    iterable: ast.expr


class Imported(NamedTuple):
    """``import module`` (no ``name``) or ``from module import name``, ``level`` dots before."""

    module: str
    name: str | None
    level: int = 0


class Defined(NamedTuple):
    """A function or class statement."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class Parameter(NamedTuple):
    """A function's parameter; ``is_receiver`` where it gets a method's object or class."""

    arg: ast.arg
    default: ast.expr | None
    is_receiver: bool


class Opaque:
    """Bound to something that is never of interest: a caught exception, a match capture."""

    __slots__ = ()


How: TypeAlias = Assigned | Annotated | Entered | Iterated | Imported | Defined | Parameter | Opaque


class Binding(NamedTuple):
    """A way in which a name gets its value, and the scope in which its expressions are read."""

    how: How
    scope: Scope


class Scope:
    """A module, class, function or comprehension, with its names found when first asked for.

    Attributes:
        node: the syntax that makes the scope.
        parent: the scope around it; None for a module.
        module: the module it stands in.
        memory: answers already given about this scope and the expressions read in it.
    """

    __slots__ = ("_attributes", "_bindings", "_children", "memory", "module", "node", "parent")
    __match_args__ = ("node", "parent", "module")

    def __init__(self, node: ScopeNode, parent: Scope | None, module: Module) -> None:
        self.node = node
        self.parent = parent
        self.module = module
        self.memory: dict[object, Any] = {}
        self._bindings: dict[str, list[Binding]] | None = None
        self._attributes: dict[str, list[Binding]] | None = None
        self._children: dict[ast.AST, Scope] = {}

    def child(self, node: ScopeNode) -> Scope:
        """Give the scope that a node inside this one makes; the same object each time."""
        if node not in self._children:
            self._children[node] = Scope(node, self, self.module)
        return self._children[node]

    def forget(self) -> None:
        """Forget all that was found out, which may refer to the scope itself, and begin anew."""
        for child in self._children.values():
            child.forget()
        self._children.clear()
        self.memory.clear()
        self._bindings = self._attributes = None

    def bindings(self, name: str) -> list[Binding]:
        """Give every way in which a name is bound in this scope itself."""
        if isinstance(self.node, ast.Module):
            return self.module.bindings(name)
        outline = self.module.class_body(self.node)
        if outline is not None:
            found = statement_bindings(outline.statements(name), walrus=self.module.holds_walrus)
            return table(found, self).get(name, [])
        if self._bindings is None:
            self._bindings = self._collect()
        return self._bindings.get(name, [])

    def defining(self, name: str) -> Scope | None:
        """Give the scope in which Python finds a name: outward, past the classes."""
        scope: Scope | None = self
        while scope is not None:
            is_seen = scope is self or not isinstance(scope.node, ast.ClassDef)
            if is_seen and scope.bindings(name):
                return scope
            scope = scope.parent
        return None

    def lookup(self, name: str) -> list[Binding]:
        """Give the bindings of a name as Python finds it."""
        scope = self.defining(name)
        return scope.bindings(name) if scope is not None else []

    def attributes(self, name: str) -> list[Binding]:
        """Give the bindings of ``self.name`` in a class: in its body and in its methods."""
        assert isinstance(self.node, ast.ClassDef)
        in_body = self.bindings(name)
        if any(isinstance(binding.how, Defined) for binding in in_body):
            return in_body
        outline = self.module.class_body(self.node)
        if outline is not None:
            found = self._attributes_in(outline.statements_with(f".{name}"))
            return in_body + found.get(name, [])
        if self._attributes is None:
            self._attributes = self._attributes_in(self.node.body)
        return in_body + self._attributes.get(name, [])

    def function(self) -> Scope | None:
        """Give the innermost function at or around this scope; None at module or class level."""
        scope: Scope | None = self
        while scope is not None and not isinstance(scope.node, FUNCTIONS):
            scope = None if isinstance(scope.node, ast.ClassDef) else scope.parent
        return scope

    def receiver(self) -> str | None:
        """Give the parameter of a method that gets its object or class; None for any other scope.

        A static method has none: its first parameter is like those of a plain function.
        """
        node = self.node
        is_method = self.parent is not None and isinstance(self.parent.node, ast.ClassDef)
        if not is_method or not isinstance(node, FUNCTIONS):
            return None
        decorators = getattr(node, "decorator_list", ())
        if any(last_segment(each) == "staticmethod" for each in decorators):
            return None
        return next((arg.arg for arg in (*node.args.posonlyargs, *node.args.args)), None)

    def keeps(self, name: str) -> bool:
        """Tell whether what a function has by a name is its object's or a module's, and so stays.

        Args:
            name: a name, or attributes of one: ``self.db``.
        """
        root, _, attribute = name.partition(".")
        if attribute and root == self.receiver():
            return True
        keeper = self.defining(root)
        return keeper is not None and keeper is not self and isinstance(keeper.node, ast.Module)

    def enclosing_class(self) -> Scope | None:
        """Give the class whose method this scope lies in; None outside classes."""
        scope: Scope | None = self
        while scope is not None and not isinstance(scope.node, ast.ClassDef):
            scope = scope.parent
        return scope

    def _collect(self) -> dict[str, list[Binding]]:
        node = self.node
        if isinstance(node, COMPREHENSIONS):
            pairs = list(_comprehension_bindings(node))
        elif isinstance(node, ast.Lambda):
            pairs = list(_parameters(node.args, self.receiver()))
        elif isinstance(node, ast.Module):
            pairs = []
        else:
            pairs = []
            if not isinstance(node, ast.ClassDef):
                pairs += _parameters(node.args, self.receiver())
            pairs += statement_bindings(node.body, walrus=self.module.holds_walrus)
        return table(pairs, self)

    def _attributes_in(self, body: list[ast.stmt]) -> dict[str, list[Binding]]:
        found: dict[str, list[Binding]] = {}
        for method in body:
            if not isinstance(method, (ast.FunctionDef, ast.AsyncFunctionDef)):
                continue
            scope = self.child(method)
            receiver = scope.receiver()
            if receiver is not None:
                for name, how in _attribute_bindings(method, receiver):
                    found.setdefault(name, []).append(Binding(how, scope))
        return found


def table(pairs: Iterable[tuple[str, How]], scope: Scope) -> dict[str, list[Binding]]:
    """Sort bindings by name.

    Args:
        pairs: names with the way each is bound.
        scope: the scope in which the bindings' expressions are read.

    Returns:
        Each name with its bindings, in the order given.
    """
    found: dict[str, list[Binding]] = {}
    for name, how in pairs:
        found.setdefault(name, []).append(Binding(how, scope))
    return found


def body_of(node: ScopeNode) -> list[ast.stmt]:
    """Give the statements of a module, class or function; none for a lambda or comprehension."""
    body = getattr(node, "body", None)
    return body if isinstance(body, list) else []


@remembered
def declared(function: Scope, *kinds: type[ast.Global | ast.Nonlocal]) -> frozenset[str]:
    """Give the names that a function declares to be another scope's.

    Args:
        function: the function's scope.
        kinds: ``ast.Global``, ``ast.Nonlocal`` or both.

    Returns:
        The names; none for a lambda.
    """
    return frozenset(
        name
        for statement in statements(body_of(function.node))
        if isinstance(statement, kinds)
        for name in statement.names
    )


def statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Walk statements in the order of the text, into blocks but not into functions and classes."""
    stack = list(reversed(body))
    while stack:
        statement = stack.pop()
        yield statement
        blocks = _BLOCKS.get(type(statement))
        if blocks is not None:
            stack += reversed(_inner_statements(statement, blocks))


def _inner_statements(statement: ast.stmt, blocks: tuple[str, ...]) -> list[ast.stmt]:
    inner: list[ast.stmt] = []
    for block in blocks:
        parts = getattr(statement, block)
        if block in ("handlers", "cases"):
            for part in parts:
                inner += part.body
        else:
            inner += parts
    return inner


def statement_bindings(
    body: Sequence[ast.stmt], *, walrus: Callable[[ast.stmt], bool] | None = None
) -> Iterator[tuple[str, How]]:
    """Find the names that statements bind in their own scope.

    Args:
        body: the statements.
        walrus: tells in which statements to look for ``:=``, which means to walk every expression;
            None for in none of them.

    Yields:
        Each name with the way it is bound.
    """
    for statement in statements(body):
        if type(statement) not in _UNBINDING:
            yield from _bound_by(statement)
        if walrus is not None and walrus(statement):
            yield from _walrus_bindings(statement)


def _bound_by(statement: ast.stmt) -> Iterator[tuple[str, How]]:
    match statement:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                yield from _targets(target, value)
        case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=value):
            yield name, Annotated(annotation, value)
        case ast.For(target=target, iter=iterable) | ast.AsyncFor(target=target, iter=iterable):
            for name in _names(target):
                yield name, Iterated(iterable) if isinstance(target, ast.Name) else Opaque()
        case ast.With(items=items) | ast.AsyncWith(items=items):
            for item in items:
                if isinstance(item.optional_vars, ast.Name):
                    is_async = isinstance(statement, ast.AsyncWith)
                    yield item.optional_vars.id, Entered(item.context_expr, is_async)
                elif item.optional_vars is not None:
                    yield from ((name, Opaque()) for name in _names(item.optional_vars))
        case ast.Import(names=names):
            for alias in names:
                module = alias.name if alias.asname else alias.name.partition(".")[0]
                yield alias.asname or module, Imported(module, None)
        case ast.ImportFrom(module=module, names=names, level=level):
            for alias in names:
                yield alias.asname or alias.name, Imported(module or "", alias.name, level)
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name, Defined(statement)
        case ast.Try(handlers=handlers):
            for handler in handlers:
                if handler.name:
                    yield handler.name, Opaque()
        case ast.Match(cases=cases):
            for case in cases:
                yield from ((name, Opaque()) for name in _captures(case.pattern))
        case _ if type(statement).__name__ == "TypeAlias":
            yield statement.name.id, Assigned(statement.value)  # type: ignore[attr-defined]


def _targets(
    target: ast.expr, value: ast.expr, path: tuple[int, ...] = ()
) -> Iterator[tuple[str, How]]:
    if isinstance(target, ast.Name):
        yield target.id, Assigned(value, path)
    elif isinstance(target, (ast.Tuple, ast.List)):
        for index, element in enumerate(target.elts):
            yield from _targets(element, value, (*path, index))


def _names(target: ast.expr) -> Iterator[str]:
    return (node.id for node in nodes_in(target) if isinstance(node, ast.Name))


def _captures(pattern: ast.pattern) -> Iterator[str]:
    for node in nodes_in(pattern):
        name = getattr(node, "name", None) or getattr(node, "rest", None)
        if name:
            yield name


def _walrus_bindings(statement: ast.AST) -> Iterator[tuple[str, How]]:
    """Find the ``:=`` of a statement's own expressions; the statements inside it have theirs."""
    for part in children(statement):
        if isinstance(part, (ast.excepthandler, ast.match_case)):
            yield from _walrus_bindings(part)
        elif not isinstance(part, ast.stmt):
            for node in run_with(part):
                if isinstance(node, ast.NamedExpr):
                    yield node.target.id, Assigned(node.value)


def _comprehension_bindings(node: Comprehension) -> Iterator[tuple[str, How]]:
    for generator in node.generators:
        for name in _names(generator.target):
            yield name, Opaque()


def _parameters(arguments: ast.arguments, receiver: str | None) -> Iterator[tuple[str, How]]:
    positional = arguments.posonlyargs + arguments.args
    missing: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults))
    for arg, default in zip(positional, missing + list(arguments.defaults), strict=True):
        yield arg.arg, Parameter(arg, default, is_receiver=arg.arg == receiver)
    for arg, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield arg.arg, Parameter(arg, default, is_receiver=False)
    for rest in (arguments.vararg, arguments.kwarg):
        if rest is not None:
            yield rest.arg, Opaque()


def _attribute_bindings(
    method: ast.FunctionDef | ast.AsyncFunctionDef, instance: str
) -> Iterator[tuple[str, How]]:
    for statement in statements(method.body):
        match statement:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    for name, path in _attribute_targets(target, instance):
                        yield name, Assigned(value, path)
            case ast.AnnAssign(target=target, annotation=annotation, value=value):
                for name, _ in _attribute_targets(target, instance):
                    yield name, Annotated(annotation, value)


def _attribute_targets(
    target: ast.expr, instance: str, path: tuple[int, ...] = ()
) -> Iterator[tuple[str, tuple[int, ...]]]:
    match target:
        case ast.Attribute(value=ast.Name(id=name), attr=attribute) if name == instance:
            yield attribute, path
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            for index, element in enumerate(elements):
                yield from _attribute_targets(element, instance, (*path, index))


def last_segment(expression: ast.AST) -> str:
    """Give the last name of what is named or called: ``b`` of ``a.b``, ``b()`` and ``b[T](x)``."""
    while isinstance(expression, (ast.Call, ast.Subscript, ast.Await)):
        expression = expression.func if isinstance(expression, ast.Call) else expression.value
    match expression:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


def original_name(expression: ast.AST, scope: Scope) -> str:
    """Give the last name of an expression, and of an import the name that it has where it is made.

    Args:
        expression: the expression, such as ``_select`` after ``import select as _select``.
        scope: the scope it is read in.
    """
    if isinstance(expression, ast.Name):
        for binding in scope.lookup(expression.id):
            if isinstance(binding.how, Imported) and binding.how.name:
                return binding.how.name
    return last_segment(expression)
