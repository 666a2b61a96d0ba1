"""What the functions and classes of a project do with the session or connection they are given."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from enum import IntEnum

from flake8_dbsession.analysis.facts.harmless import only_keeps_books
from flake8_dbsession.analysis.flow import Ending as CallEnding
from flake8_dbsession.analysis.flow import ending_by_name
from flake8_dbsession.analysis.lifetimes import constructs_by_name
from flake8_dbsession.analysis.names.dotted import dotted_name
from flake8_dbsession.analysis.names.functions import decorator_names
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Function, Scope, last_segment
from flake8_dbsession.analysis.names.values import ClassValue, FunctionValue
from flake8_dbsession.analysis.nodes import nodes_in, own_nodes

_DEEPEST = 4  # a helper of a helper of a helper; real code has one
_CLOSES = frozenset({"aclose", "close", "invalidate", "terminate"})
_CLOSING = frozenset({"aclosing", "closing"})
_SAME_OBJECT = frozenset({"aclosing", "cast", "closing", "nullcontext"})
_CLOSING_WORDS = (
    "cleanup",
    "close",
    "dispose",
    "finali",
    "give_back",
    "putconn",
    "put_conn",
    "release",
    "shutdown",
    "teardown",
)
_RETURNED_WORDS = ("conn", "db", "pool", "session")
_STORING = frozenset(
    {"add", "append", "appendleft", "extend", "insert", "put", "put_nowait", "set", "setdefault"}
)
_REGISTERING = frozenset(
    {
        "Process",
        "Thread",
        "addAsyncCleanup",
        "addCleanup",
        "add_done_callback",
        "add_task",
        "addfinalizer",
        "callback",
        "create_task",
        "ensure_future",
        "enter_async_context",
        "enter_context",
        "finalize",
        "partial",
        "push",
        "push_async_callback",
        "register",
        "__setattr__",
        "setattr",
        "submit",
    }
)
# The methods by which whoever holds an object ends it; the flow of the caller shows those calls.
_ENDING_METHODS = frozenset(
    {"__aexit__", "__exit__", "aclose", "cleanup", "close", "dispose", "terminate"}
)
_NEVER = frozenset({"Never", "NoReturn"})


class Fate(IntEnum):
    """What becomes of an argument; of several answers, the highest counts."""

    USED = 0
    GIVEN_BACK = 1  # it, or something that holds it, is the call's value
    KEPT = 2  # it is stored, or closed on some calls only
    CLOSED = 3


class Callees:
    """Answers what calls do with their arguments, each question once.

    Args:
        inference: answers what the calls stand for.
        blocks_close: whether the end of ``with argument:`` closes it.
    """

    def __init__(self, inference: Inference, *, blocks_close: bool) -> None:
        self._inference = inference
        self._blocks_close = blocks_close
        self._fates: dict[tuple[ast.AST, str], Fate] = {}
        self._endings: dict[tuple[Scope, str], CallEnding | None] = {}
        self._harmless: dict[ast.AST, bool] = {}
        self._depth = 0

    def fate(self, call: ast.Call, key: int | str, scope: Scope) -> Fate:
        """Tell what a call does with one of its arguments.

        Args:
            call: the call.
            key: the position or the keyword of the argument.
            scope: the scope that the call stands in.

        Returns:
            The fate; where the callee cannot be found, or followed, what its name tells.
        """
        callee = self._inference.value(call.func, scope)
        if isinstance(callee, ClassValue):
            return self._fate_in_object(callee, key)
        fate = self._fate_in(callee, key) if isinstance(callee, FunctionValue) else Fate.USED
        name = last_segment(call.func).lower()
        if fate is Fate.USED and _says_that_it_closes(name):
            return Fate.KEPT  # it says that it closes, by ways that were not followed
        if not isinstance(callee, FunctionValue) and constructs_by_name(call):
            return Fate.GIVEN_BACK
        return fate

    def ending(self, call: ast.Call, scope: Scope) -> CallEnding | None:
        """Tell how a call ends that never returns.

        Args:
            call: the call.
            scope: the scope that it stands in.

        Returns:
            The ending; None for a call that returns.
        """
        name = dotted_name(call.func)
        if name is None:
            return None
        question = (scope, name)
        if question not in self._endings:
            self._endings[question] = ending_by_name(call) or self._ending_in(call, scope)
        return self._endings[question]

    def only_keeps_books(self, call: ast.Call, scope: Scope) -> bool:
        """Tell whether a call only notes something in memory, and so does not raise in practice.

        Args:
            call: the call.
            scope: the scope that it stands in.
        """
        callee = self._inference.value(call.func, scope)
        if not isinstance(callee, FunctionValue):
            return False
        if callee.node not in self._harmless:
            self._harmless[callee.node] = only_keeps_books(callee)
        return self._harmless[callee.node]

    def _ending_in(self, call: ast.Call, scope: Scope) -> CallEnding | None:
        callee = self._inference.value(call.func, scope)
        if isinstance(callee, FunctionValue) and _never_returns(callee.node):
            return CallEnding.EXITS if _exits(callee.node) else CallEnding.RAISES
        return None

    def _fate_in(self, function: FunctionValue, key: int | str) -> Fate:
        name = receiving_parameter(function, key)
        if name is None:
            return Fate.USED
        question = (function.node, name)
        if question not in self._fates:
            self._fates[question] = Fate.USED  # what a function says of itself while it is read
            if self._depth < _DEEPEST:
                self._depth += 1
                self._fates[question] = self._read(function, name)
                self._depth -= 1
        return self._fates[question]

    def _fate_in_object(self, cls: ClassValue, key: int | str) -> Fate:
        """Tell what a constructor does: the object holds what is stored on it."""
        init = self._inference.attribute(cls, "__init__")
        if not isinstance(init, FunctionValue):
            return Fate.GIVEN_BACK
        fate = self._fate_in(FunctionValue(init.node, init.scope, cls), key)
        if fate is not Fate.KEPT:
            return fate
        return Fate.KEPT if _closes_by_itself(cls.node) else Fate.GIVEN_BACK

    def _read(self, function: FunctionValue, parameter: str) -> Fate:
        node = function.node
        scope = function.scope.child(node)
        if isinstance(node, ast.Lambda):
            return Fate.GIVEN_BACK if self._carries(node.body, {parameter}, scope) else Fate.USED
        names = _aliases(node, parameter)
        if any(self._closes(part, names, scope) for part in _always_run(node.body, names)):
            return Fate.KEPT if _is_generator(node) else Fate.CLOSED
        nodes = own_nodes(node)
        if any(self._closes(n, names, scope) or self._keeps(n, names, scope) for n in nodes):
            return Fate.KEPT
        if any(self._gives_back(n, names, scope) for n in nodes):
            return Fate.GIVEN_BACK
        return Fate.USED

    def _closes(self, node: ast.AST, names: set[str], scope: Scope) -> bool:
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)):
                if method in _CLOSES and name in names:
                    return True
            case ast.withitem(context_expr=ast.Name(id=name)):
                return self._blocks_close and name in names
        if not isinstance(node, ast.Call):
            return False
        if last_segment(node.func) in _CLOSING:
            return any(_is_name(argument, names) for argument in node.args)
        return self._does(node, names, scope, Fate.CLOSED)

    def _keeps(self, node: ast.AST, names: set[str], scope: Scope) -> bool:
        match node:
            case ast.Assign(targets=targets, value=value):
                outlives = any(isinstance(t, (ast.Attribute, ast.Subscript)) for t in targets)
                return outlives and self._carries(value, names, scope)
            case ast.Global(names=shared):
                return not names.isdisjoint(shared)
            case ast.Call(func=function):
                name = last_segment(function)
                stores = name in _STORING and isinstance(function, ast.Attribute)
                if stores or name in _REGISTERING or name == "__init__":
                    given = [*node.args, *(keyword.value for keyword in node.keywords)]
                    return any(self._carries(part, names, scope) for part in given)
                return self._does(node, names, scope, Fate.KEPT)
        return False

    def _gives_back(self, node: ast.AST, names: set[str], scope: Scope) -> bool:
        if isinstance(node, (ast.Return, ast.Yield)) and node.value is not None:
            return self._carries(node.value, names, scope)
        return False

    def _carries(self, expression: ast.expr, names: set[str], scope: Scope) -> bool:
        """Tell whether the value of an expression is a parameter's, or holds that."""
        match expression:
            case ast.Name(id=name):
                return name in names
            case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts):
                return any(self._carries(part, names, scope) for part in parts)
            case ast.Dict(values=parts) | ast.BoolOp(values=parts):
                return any(self._carries(part, names, scope) for part in parts)
            case ast.IfExp(body=body, orelse=orelse):
                return any(self._carries(part, names, scope) for part in (body, orelse))
            case ast.Await(value=inner) | ast.Starred(value=inner):
                return self._carries(inner, names, scope)
            case ast.Attribute(value=owner, attr=method) if method in _CLOSES:
                return _is_name(owner, names)
            case ast.Lambda():
                return _mentions(expression, names)
            case ast.Call(args=[*_, last]) if last_segment(expression.func) in _SAME_OBJECT:
                return self._carries(last, names, scope)
            case ast.Call():
                return self._does(expression, names, scope, Fate.GIVEN_BACK)
        return False

    def _does(self, call: ast.Call, names: set[str], scope: Scope, fate: Fate) -> bool:
        """Tell whether a call that is given a parameter's value does a certain thing with it."""
        keys: list[tuple[int | str, ast.expr]] = [
            *enumerate(call.args),
            *((keyword.arg or "**", keyword.value) for keyword in call.keywords),
        ]
        return any(
            self.fate(call, key, scope) is fate for key, value in keys if _is_name(value, names)
        )


def _says_that_it_closes(name: str) -> bool:
    if "return_" in name:
        return any(word in name for word in _RETURNED_WORDS)
    return any(word in name for word in _CLOSING_WORDS)


def receiving_parameter(function: FunctionValue, key: int | str) -> str | None:
    """Give the name of the parameter that receives an argument.

    Args:
        function: the function that is called.
        key: the position or the keyword of the argument.

    Returns:
        The name; None where no parameter takes it.
    """
    arguments = function.node.args
    positional = [*arguments.posonlyargs, *arguments.args]
    if isinstance(key, str):
        named = [*positional, *arguments.kwonlyargs]
        return next((arg.arg for arg in named if arg.arg == key), None)
    if function.owner is not None and "staticmethod" not in decorator_names(function.node):
        key += 1
    if key < len(positional):
        return positional[key].arg
    return arguments.vararg.arg if arguments.vararg is not None else None


def received_as(
    call: ast.expr, name: str, scope: Scope, inference: Inference
) -> tuple[Function, str] | None:
    """Find the function of the project that is given a name's value, and its parameter for that.

    Args:
        call: the call.
        name: the name, as an argument of the call.
        scope: the scope of the call.
        inference: answers what is called.

    Returns:
        The function and the parameter's name; None where no function of the project takes it.
    """
    if not isinstance(call, ast.Call):
        return None
    arguments: list[tuple[int | str, ast.expr]] = [
        *enumerate(call.args),
        *((keyword.arg, keyword.value) for keyword in call.keywords if keyword.arg),
    ]
    keys = [key for key, value in arguments if isinstance(value, ast.Name) and value.id == name]
    function = inference.value(call.func, scope) if keys else None
    if not isinstance(function, FunctionValue):
        return None
    parameters = (receiving_parameter(function, key) for key in keys)
    parameter = next((found for found in parameters if found is not None), None)
    return (function.node, parameter) if parameter is not None else None


def _aliases(node: Function, parameter: str) -> set[str]:
    """Give the names that stand for a parameter, its elements, or functions that use it."""
    names = {parameter}
    for part in own_nodes(node):
        match part:
            case ast.Assign(targets=[ast.Name(id=target)], value=ast.Name(id=name)):
                if name in names:
                    names.add(target)
            case ast.For(target=ast.Name(id=target), iter=ast.Name(id=name)) if name in names:
                names.add(target)
            case ast.FunctionDef(name=inner) | ast.AsyncFunctionDef(name=inner):
                if _mentions(part, names):
                    names.add(inner)
    return names


def _always_run(body: Iterable[ast.stmt], names: set[str]) -> Iterator[ast.AST]:
    """Give the nodes that each call reaches, tests of the names themselves seen as passed."""
    for statement in body:
        match statement:
            case ast.If(test=test, body=inner) if _mentions(test, names):
                yield from _always_run(inner, names)
            case ast.For(iter=iterable, body=inner) if _mentions(iterable, names):
                yield from _always_run(inner, names)
            case ast.With(items=items, body=inner) | ast.AsyncWith(items=items, body=inner):
                for item in items:
                    yield item
                    yield from nodes_in(item.context_expr)
                yield from _always_run(inner, names)
            case ast.Try(body=tried, orelse=orelse, finalbody=final):
                yield from _always_run([*tried, *orelse, *final], names)
            case ast.Expr() | ast.Assign() | ast.Return():
                yield from own_nodes(statement)


def _never_returns(node: Function) -> bool:
    """Tell whether a function says that it never returns, or plainly ends with leaving."""
    if isinstance(node, ast.Lambda):
        return False
    if node.returns is not None and last_segment(node.returns) in _NEVER:
        return True
    return (
        _leaves(node.body[-1])
        and not decorator_names(node)
        and not any(
            isinstance(part, (ast.Return, ast.Yield, ast.YieldFrom)) for part in own_nodes(node)
        )
    )


def _leaves(statement: ast.stmt) -> bool:
    match statement:
        case ast.Raise(exc=ast.expr() as raised):
            return last_segment(raised) != "NotImplementedError"
        case ast.Expr(value=ast.Call() as call):
            return ending_by_name(call) is CallEnding.EXITS
    return False


def _exits(node: Function) -> bool:
    """Tell whether a function that never returns ends the process."""
    return any(
        (isinstance(part, ast.Call) and ending_by_name(part) is CallEnding.EXITS)
        or (isinstance(part, ast.Raise) and part.exc and last_segment(part.exc) == "SystemExit")
        for part in own_nodes(node)
    )


def _closes_by_itself(cls: ast.ClassDef) -> bool:
    """Tell whether a class closes what it holds in a method that no caller would call to end it."""
    return any(
        isinstance(method, (ast.FunctionDef, ast.AsyncFunctionDef))
        and method.name not in _ENDING_METHODS
        and any(
            isinstance(node, ast.Attribute) and node.attr in _CLOSES for node in own_nodes(method)
        )
        for method in cls.body
    )


def _is_generator(node: Function) -> bool:
    return any(isinstance(part, (ast.Yield, ast.YieldFrom)) for part in own_nodes(node))


def _is_name(expression: ast.expr, names: set[str]) -> bool:
    inner = expression.value if isinstance(expression, ast.Starred) else expression
    return isinstance(inner, ast.Name) and inner.id in names


def _mentions(node: ast.AST, names: set[str]) -> bool:
    return any(isinstance(part, ast.Name) and part.id in names for part in nodes_in(node))
