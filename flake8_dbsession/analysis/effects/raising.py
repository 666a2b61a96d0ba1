"""What calls raise in practice, beyond what the control flow knows by name."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Set

from flake8_dbsession.analysis.flow import raises_by_name
from flake8_dbsession.analysis.library.printing import PRINTERS
from flake8_dbsession.analysis.library.python import (
    CLOCK_WORDS,
    EMPTY_CONTAINERS,
    MAPPING_METHODS,
    MAPPINGS,
    NOW,
    NUMBERS,
    PRINTING,
    QUIET_FUNCTIONS,
    SLEEPING,
    SPLITTING,
    STREAMS,
    TEXT_METHODS,
    TIME_METHODS,
    TIMES,
    VIEWS,
    WARNING,
)
from flake8_dbsession.analysis.library.queries import STATEMENT_MAKERS
from flake8_dbsession.analysis.library.running import WAITING, WAITING_MODULES
from flake8_dbsession.analysis.library.wrappers import PLAIN_DECORATORS
from flake8_dbsession.analysis.names.functions import decorator_names
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import (
    Annotated,
    Assigned,
    How,
    Imported,
    Parameter,
    Scope,
    last_segment,
)
from flake8_dbsession.analysis.names.values import External, FunctionValue
from flake8_dbsession.analysis.nodes import arguments, names, nodes_in, own_nodes, root_of, run_with
from flake8_dbsession.analysis.questions import Questions

# Text and time are made of values that are there already, and a rollback that fails has given its
# connection up.
_HARMLESS_METHODS = (
    TEXT_METHODS | TIME_METHODS | {"add_all", "rollback", "set_trace_callback", "timedelta"}
)
# They only note what is to be done at the next flush, or ask for something to stop.
_NOTING = {"add": ("session", "db"), "cancel": ("future", "handle", "task", "timer")}
# They fail only on what is no number; the clock gives one.
_HARMLESS_NAMES = frozenset({"timedelta"})
_QUIET = QUIET_FUNCTIONS | PRINTERS
_QUIET_NAMES = frozenset(name.rpartition(".")[2] for name in {*_QUIET, SLEEPING})
_TEXT_METHODS = frozenset({"format", "join"})
_RAISING = (
    ast.Assert,
    ast.Await,
    ast.Delete,
    ast.Import,
    ast.ImportFrom,
    ast.Raise,
    ast.Yield,
    ast.YieldFrom,
)
_DISPLAYS = (ast.Dict, ast.List, ast.Set, ast.Tuple)
_PLAIN = (ast.Attribute, ast.Constant, ast.Name)
_MAPPING_WORDS = MAPPINGS | {"Dict", "Mapping", "MutableMapping"}


def may_raise(call: ast.Call, scope: Scope) -> bool:
    """Tell whether a call can raise in practice.

    Args:
        call: the call.
        scope: the scope that it stands in.

    Returns:
        False for what does not by its name, for methods of literals and of the clock's values, for
        ``session.add(...)`` and ``task.cancel()``, for ``settings.get("a", "b")`` and for
        containers and numbers made of what is there already.
    """
    if not raises_by_name(call) or _asks_with_default(call, scope) or _makes_value(call, scope):
        return False
    match call.func:
        case ast.Name(id=name) if name in TIMES or _shows_clock(call):
            return not _is_of("time", name, scope, name)
        case ast.Attribute(value=ast.Name(id=module)) if _shows_clock(call):
            return not _is_of("time", module, scope, None)
        case ast.Name(id=name) if name in WARNING:
            return not _is_of("warnings", name, scope, name)
        case ast.Name(id=name):
            return name not in _HARMLESS_NAMES and not _builds_statement(name, scope)
        case ast.Attribute(value=ast.Name(id=module), attr=name) if name in STATEMENT_MAKERS:
            return not _is_of("sqlalchemy", module, scope, None)
        case ast.Attribute(value=ast.Name(id=module), attr=name) if name in WARNING:
            return not _is_of("warnings", module, scope, None)
        case ast.Attribute(value=ast.Name(id=module), attr="getenv"):
            return not (_is_of("os", module, scope, None) and _is_given_constants(call))
        case ast.Attribute(attr=name) if name in VIEWS and not call.args:
            return False
        case ast.Attribute(attr="pop") if len(call.args) == 2:
            return False
        case ast.Attribute(attr=name) if name in _HARMLESS_METHODS:
            return False
        case ast.Attribute(value=ast.Call(func=ast.Attribute(attr=name)) as clock) if name in NOW:
            return raises_by_name(clock) or not _is_given_constants(call)
        case ast.Attribute(
            value=ast.Attribute(value=ast.Name(id="sys"), attr=stream), attr=name
        ) if name in PRINTING:
            return stream not in STREAMS
        case ast.Attribute(value=owner, attr=name) if name in _NOTING:
            return not last_segment(owner).lower().endswith(_NOTING[name])
        case ast.Attribute(value=ast.Constant(value=str()), attr=name):
            return name not in _TEXT_METHODS
        case ast.Attribute(value=ast.Name(id="re")) if call.args:
            return not isinstance(call.args[0], ast.Constant)  # a pattern that is written out
        case ast.Attribute(value=owner, attr=name) if name in SPLITTING:
            return is_imported(owner, scope) or not _is_given_constants(call)
        case ast.Attribute(value=owner, attr=name) if name in MAPPING_METHODS:
            return not _is_mapping(owner, scope)
        case ast.Attribute(value=owner, attr="replace") if _is_given_texts(call):
            return is_imported(owner, scope)  # not so a text's
    return True


def is_quiet(call: ast.Call, scope: Scope, inference: Inference) -> bool:
    """Tell whether a call is that of a library's function that does not raise, or of a printer.

    Args:
        call: the call.
        scope: the scope that it stands in.
        inference: answers what is called.
    """
    root = call.func
    while isinstance(root, ast.Attribute):
        root = root.value
    bound = [b.how for b in scope.lookup(root.id)] if isinstance(root, ast.Name) else []
    imported = [how for how in bound if isinstance(how, Imported)]
    is_method = root is not call.func and len(bound) == 1
    if not is_method and (not imported or len(imported) < len(bound)):
        return False
    last = imported[0].name if root is call.func else last_segment(call.func)
    callee = inference.value(call.func, scope) if last in _QUIET_NAMES else None
    if not isinstance(callee, External):
        return False
    is_sleep = callee.name == SLEEPING and _is_given_constants(call)
    is_known = is_sleep or callee.name in _QUIET
    return is_known and not _stands_for_elements(root, scope)


def _stands_for_elements(name: ast.expr, scope: Scope) -> bool:
    """Tell whether a comprehension calls by a name what it goes through."""
    return isinstance(name, ast.Name) and any(
        isinstance(node, ast.comprehension) and names(node.target, name.id)
        for node in own_nodes(scope.node)
    )


def only_keeps_books(
    function: FunctionValue, questions: Questions, raises: Callable[[ast.Call, Scope], bool]
) -> bool:
    """Tell whether a function of the project only notes something in memory, or computes it.

    Args:
        function: the function.
        questions: asks the same of the functions that it calls.
        raises: tells whether a call can raise, where its name alone does not say that it cannot.

    Returns:
        True where no call in it can raise in practice. Those are left out whose errors it catches
        itself, and those of a container's methods that it looks into beforehand:
        ``if key in kept: kept.pop(key)``.
    """
    node, scope = function.node, function.scope.child(function.node)
    if isinstance(node, ast.Lambda) or not decorator_names(node) <= PLAIN_DECORATORS:
        return False

    def find() -> bool:
        calls = _open_calls(node, scope)
        return calls is not None and not any(raises(call, scope) for call in calls)

    return questions.ask(scope.memory, "only keeps books", find, False)


def _open_calls(
    function: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope
) -> list[ast.Call] | None:
    """Give the calls of a function of which more must be asked; None where it can raise anyway."""
    nodes = [part for statement in function.body for part in _run_in_body(statement)]
    caught = {inner for part in nodes for inner in _caught_in(part)}
    parts = [part for part in nodes if part not in caught]
    looked_into = {name for part in parts for name in _looked_into(part)}
    found = []
    for part in parts:
        if isinstance(part, ast.Call):
            if not _is_of_looked_into(part, looked_into) and may_raise(part, scope):
                found.append(part)
        elif _raises_itself(part, looked_into):
            return None
    return found


def _run_in_body(statement: ast.stmt) -> list[ast.AST]:
    """Give a statement of a function and what runs with it: not what it is annotated with."""
    nodes = run_with(statement)
    said = {
        inner
        for node in nodes
        if isinstance(node, ast.AnnAssign)
        for inner in nodes_in(node.annotation)
    }
    return [node for node in nodes if node not in said] if said else nodes


def _caught_in(node: ast.AST) -> Iterator[ast.AST]:
    """Give what stands in a ``try`` that catches whatever is raised there."""
    if isinstance(node, ast.Try) and any(map(_catches_all, node.handlers)):
        for statement in node.body:
            yield from nodes_in(statement)


def _catches_all(handler: ast.ExceptHandler) -> bool:
    return handler.type is None or last_segment(handler.type) in ("BaseException", "Exception")


def _looked_into(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Compare(ops=[ast.In()], comparators=[container]):
            yield ast.unparse(container)


def _raises_itself(node: ast.AST, looked_into: Set[str]) -> bool:
    match node:
        case ast.Subscript(value=owner, slice=index, ctx=ast.Load()):
            is_known = isinstance(index, (ast.Constant, ast.Slice))
            return not is_known and ast.unparse(owner) not in looked_into
    return isinstance(node, _RAISING)


def _is_of_looked_into(call: ast.Call, looked_into: Set[str]) -> bool:
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    return bool(looked_into) and owner is not None and ast.unparse(owner) in looked_into


def _shows_clock(call: ast.Call) -> bool:
    return last_segment(call.func) in CLOCK_WORDS and not list(arguments(call))


def _asks_with_default(call: ast.Call, scope: Scope) -> bool:
    """Tell whether a call looks a written key up, and says what to give where it is missing."""
    match call:
        case ast.Call(
            func=ast.Attribute(value=owner, attr="get"),
            args=[ast.Constant(value=str()), ast.Constant()],
            keywords=[],
        ):
            hows = [b.how for b in scope.lookup(owner.id)] if isinstance(owner, ast.Name) else []
            return not any(isinstance(how, Imported) for how in hows)
    return False


def _makes_value(call: ast.Call, scope: Scope) -> bool:
    """Tell whether a call only makes a container of plain values, a number, a queue or lock."""
    name, given = last_segment(call.func), list(arguments(call))
    if name in WAITING:
        return _is_of_waiting(call.func, scope)
    if name in EMPTY_CONTAINERS:
        is_plain = all(isinstance(argument, (*_DISPLAYS, *_PLAIN)) for argument in given)
        is_filled_plainly = not call.args or isinstance(call.args[0], _DISPLAYS)
        return is_plain and (is_filled_plainly or name == "defaultdict")
    is_number = isinstance(call.func, ast.Name) and name in NUMBERS and bool(given)
    return is_number and all(_is_number(argument, scope) for argument in given)


def _is_of_waiting(function: ast.expr, scope: Scope) -> bool:
    """Tell whether a class is one of the standard library's queues, locks and events."""
    match function:
        case ast.Attribute(value=ast.Name(id=module)):
            return any(_is_of(package, module, scope, None) for package in WAITING_MODULES)
        case ast.Name(id=name):
            return any(_is_of(package, name, scope, name) for package in WAITING_MODULES)
    return False


def _is_number(expression: ast.expr, scope: Scope) -> bool:
    """Tell whether an expression is a number written out, of the clock, or made of such ones."""
    match expression:
        case ast.Constant(value=int() | float()):
            return True
        case ast.UnaryOp(operand=operand):
            return _is_number(operand, scope)
        case ast.BinOp(left=left, op=ast.Div() | ast.FloorDiv() | ast.Mod(), right=ast.Constant()):
            return _is_number(left, scope)
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult(), right=right):
            return _is_number(left, scope) and _is_number(right, scope)
        case ast.Call(func=function):
            name = last_segment(function)
            is_number = name in ("len", "timestamp") or name in TIMES
            return (is_number and not may_raise(expression, scope)) or _makes_value(
                expression, scope
            )
    return False


def _is_given_constants(call: ast.Call) -> bool:
    return all(isinstance(argument, ast.Constant) for argument in arguments(call))


def _builds_statement(name: str, scope: Scope) -> bool:
    return any(_is_of("sqlalchemy", name, scope, builder) for builder in STATEMENT_MAKERS)


def _is_of(package: str, name: str, scope: Scope, imported: str | None) -> bool:
    """Tell whether a name is imported from a package, as a module itself or one of its names."""
    hows = (binding.how for binding in scope.lookup(name))
    return any(
        isinstance(how, Imported)
        and how.module.partition(".")[0] == package
        and how.name == imported
        for how in hows
    )


def _is_given_texts(call: ast.Call) -> bool:
    """Tell whether a call is given two values, one of which is a text that is written out."""
    texts = (isinstance(each, ast.Constant) and isinstance(each.value, str) for each in call.args)
    return len(call.args) == 2 and any(texts)


def is_imported(node: ast.expr, scope: Scope) -> bool:
    """Tell whether an expression leads on from a name that an import binds.

    Args:
        node: the expression.
        scope: the scope that it stands in.
    """
    root = root_of(node)
    bindings = scope.lookup(root.id) if isinstance(root, ast.Name) else []
    return any(isinstance(binding.how, Imported) for binding in bindings)


def _is_mapping(node: ast.expr, scope: Scope) -> bool:
    """Tell whether an expression only ever stands for a dictionary: one that is written out, or
    that an annotation calls so.
    """
    match node:
        case ast.Dict() | ast.DictComp() | ast.Call(func=ast.Name(id="dict")):
            return True
        case ast.BoolOp(op=ast.Or(), values=[*given, ast.Dict()]):
            return all(_is_mapping(each, scope) for each in given)
        case ast.Name(id=name):
            bindings = scope.lookup(name)
            return bool(bindings) and all(_holds_mapping(b.how) for b in bindings)
    return False


def _holds_mapping(how: How) -> bool:
    match how:
        case Assigned(value=ast.Dict() | ast.DictComp() | ast.Call(func=ast.Name(id="dict"))):
            return not how.path
        case Annotated(annotation=annotation) | Parameter(arg=ast.arg(annotation=annotation)):
            return annotation is not None and _says_mapping(annotation)
    return False


def _says_mapping(annotation: ast.expr) -> bool:
    """Tell whether an annotation names a mapping, and nothing else but None beside it."""
    match annotation:
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            either = [each for each in (left, right) if not isinstance(each, ast.Constant)]
            return all(map(_says_mapping, either))
        case ast.Subscript(value=ast.Name(id="Optional") | ast.Attribute(attr="Optional")):
            return _says_mapping(annotation.slice)
    return last_segment(annotation) in _MAPPING_WORDS
