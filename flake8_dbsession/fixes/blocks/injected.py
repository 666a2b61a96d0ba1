"""A session by hand in a request handler becomes a parameter that the framework fills."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator, Sequence

from flake8_dbsession.analysis.effects.work.block import Block
from flake8_dbsession.analysis.effects.work.loaded import Objects
from flake8_dbsession.analysis.effects.work.pending import left_pending
from flake8_dbsession.analysis.facts.acquisition.openings import Opening
from flake8_dbsession.analysis.facts.framework.handlers import enclosing_handler, registrations
from flake8_dbsession.analysis.facts.lifetime.hand_closes import injected_by
from flake8_dbsession.analysis.library.methods import LOADERS, ROWS
from flake8_dbsession.analysis.names.inference import Inference, injected_callable
from flake8_dbsession.analysis.names.scopes import (
    FUNCTIONS,
    LOOPS,
    Assigned,
    Parameter,
    Scope,
)
from flake8_dbsession.analysis.names.values import External, FunctionValue
from flake8_dbsession.analysis.nodes import arguments, is_name, nodes_in, own_nodes
from flake8_dbsession.house.model import Way
from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.patterns import regex
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Edit, Refusal, applied
from flake8_dbsession.rewriting.imports import reach_module

# What these do takes no time, and asks nothing of a database.
_QUICK = ("fastapi", "logging", "starlette")
_DEPTH = 8  # dependencies of dependencies; real code has three
_READING = (ROWS | LOADERS | {"close"}) - {"merge"}
_HEAD = regex(r"(?:async\s+)?def\s+\w+\s*\(")


class Handler(NamedTuple):
    """A request handler whose session becomes a parameter.

    Attributes:
        node: the function.
        scope: its own scope.
    """

    node: ast.FunctionDef | ast.AsyncFunctionDef
    scope: Scope


class Filled(NamedTuple):
    """A parameter that the framework fills.

    Attributes:
        edits: those that put it there, with the imports that it needs.
        doubts: why the handler may work with another session than before.
    """

    edits: tuple[Edit, ...]
    doubts: tuple[str, ...]


def handler_of(call: ast.Call, scope: Scope, name: str, document: Document) -> Handler:
    """Find the request handler that a session may be a parameter of.

    Args:
        call: what opens the session.
        scope: the scope that it stands in.
        name: the session's name.
        document: the file.

    Raises:
        Refusal: somebody else than the framework may call it, or it opens more than this session.
    """
    node = enclosing_handler(scope, document.context.file.inference)
    function = scope.function()
    assert node is not None
    assert function is not None
    if function.parent is not scope.module.scope:
        raise Refusal(f"`{node.name}` is no function of the module itself")
    if node.args.vararg or node.args.kwarg:
        raise Refusal(f"`{node.name}` takes any arguments")
    if any(arg.arg == name for arg in ast.walk(node.args) if isinstance(arg, ast.arg)):
        raise Refusal(f"`{name}` is a parameter already")
    tree = document.context.file.tree
    if any(isinstance(a, LOOPS) and node in tree.ancestors(a) for a in tree.ancestors(call)):
        raise Refusal("a loop opens it again and again")
    opened = [o for o in document.context.file.facts(Opening) if o.scope.function() is function]
    given = next((each.given for each in opened if each.given), "")
    if given:
        raise Refusal(f"`{node.name}` is given a session already, `{given}`")
    if len(opened) > 1:
        raise Refusal(f"`{node.name}` opens more than one session")
    _refuse_callers(node, document)
    return Handler(node, function)


def _refuse_callers(node: ast.FunctionDef | ast.AsyncFunctionDef, document: Document) -> None:
    """Leave a handler alone that other code calls as well."""
    line = next(_lines_with(node.name, document.top), None)
    if line is not None:
        raise Refusal(f"line {line} uses `{node.name}` too")
    reader = document.reader(node.name)
    if reader is not None:
        raise Refusal(f"`{reader.name}` uses `{node.name}` too")


def _lines_with(name: str, scope: Scope) -> Iterator[int]:
    """Give the lines, in a scope and those inside it, that read a name of the module."""
    for node in own_nodes(scope.node):
        if is_name(node, name) and isinstance(node.ctx, ast.Load):
            if scope.defining(name) is scope.module.scope:
                yield node.lineno
        elif isinstance(node, (*FUNCTIONS, ast.ClassDef, ast.Lambda)):
            yield from _lines_with(name, scope.child(node))


def filled(
    handler: Handler, name: str, way: Way, expression: str, document: Document, *, is_async: bool
) -> Filled:
    """Give a handler its session by a parameter.

    Args:
        handler: the handler.
        name: the session's name.
        way: the dependency that gives it.
        expression: how that is written at the head of the handler.
        document: the file.
        is_async: whether the session is an asynchronous one.
    """
    doubts = (*_decorated(handler, document), *_shared(handler, name, way, document))
    written, needed = _written(way, expression, document, is_async=is_async)
    edit = _put(f"{name}: {written}", handler.node, document)
    if edit.start < document.line_end(handler.node.lineno):
        edit = _wrapped(edit, handler.node, document)
    return Filled((edit, *needed), doubts)


def later_work(body: Sequence[ast.stmt], scope: Scope, inference: Inference) -> int | None:
    """Find what a function does after some statements, while a session would still be open.

    Args:
        body: the statements.
        scope: the scope that they stand in.
        inference: follows what is called.

    Returns:
        The line of the first thing that takes time; None where there is none.
    """
    function = scope.function() or scope.module.scope
    last = body[-1].end_lineno or 0
    later = (node for node in own_nodes(function.node) if getattr(node, "lineno", 0) > last)
    slow = (node for node in later if _takes_time(node, scope, inference))
    return min((node.lineno for node in slow), default=None)  # type: ignore[attr-defined]


def _takes_time(node: ast.AST, scope: Scope, inference: Inference) -> bool:
    if not isinstance(node, ast.Call):
        return isinstance(node, (ast.Await, ast.Yield, ast.YieldFrom, ast.AsyncFor, ast.AsyncWith))
    value = inference.value(node.func, scope)
    if isinstance(value, External):
        return value.name.partition(".")[0] not in _QUICK
    is_named = isinstance(node.func, ast.Name) and not scope.lookup(node.func.id)
    return not (is_named and hasattr(builtins, ast.unparse(node.func)))


def _decorated(handler: Handler, document: Document) -> Iterator[str]:
    """Doubt that decorators of a handler pass a parameter on that they do not know."""
    outside = handler.scope.module.scope
    known = registrations(handler.node, outside, document.context.file.inference)
    for decorator in handler.node.decorator_list:
        if decorator not in known:
            yield f"`{document.written(decorator)}` may not pass a new parameter on"
            return


def _shared(handler: Handler, name: str, way: Way, document: Document) -> Iterator[str]:
    """Doubt that what other dependencies do with the same session is of no concern.

    It is none where the handler and they all read, and nothing else.
    """
    inference = document.context.file.inference
    outside = handler.scope.module.scope
    parts = [part for each in handler.node.decorator_list for part in _head(each, outside)]
    calls = [node for part in parts for node in nodes_in(part) if isinstance(node, ast.Call)]
    asked = [(injected_callable(call, outside), outside) for call in calls]
    reads = _only_reads(handler.node, name, handler.scope, inference)
    for given, scope in (*asked, *_injected(handler.node, handler.scope, inference)):
        if given is None or not _asks_for(given, scope, way, inference, _DEPTH):
            continue
        if not (reads and _asking_reads(given, scope, way, inference)):
            yield f"`{ast.unparse(given)}` works with the session of `{way.expression}`, too"


def _asking_reads(given: ast.expr, scope: Scope, way: Way, inference: Inference) -> bool:
    """Tell whether what a framework calls only reads by a dependency's session."""
    value = inference.value(given, scope)
    if not isinstance(value, FunctionValue) or isinstance(value.node, ast.Lambda):
        return False
    node, inside = value.node, value.scope.child(value.node)
    for parameter in _parameters(node, inside):
        for inner, where in injected_by(parameter, inside, inference):
            if _is_way(inference.value(inner, where), way):
                reads = _only_reads(node, parameter.arg.arg, inside, inference)
            else:
                is_asking = _asks_for(inner, where, way, inference, _DEPTH)
                reads = not is_asking or _asking_reads(inner, where, way, inference)
            if not reads:
                return False
    return True


def _only_reads(
    node: ast.FunctionDef | ast.AsyncFunctionDef, session: str, scope: Scope, inference: Inference
) -> bool:
    """Tell whether a function reads by a session itself, closes it at most, and changes nothing."""
    for call in ast.walk(node):
        match call:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)):
                if name == session and method not in _READING:
                    return False
        if isinstance(call, ast.Call) and any(is_name(part, session) for part in arguments(call)):
            return False
    objects = Objects(session, Block(node.body, scope, inference))
    return not left_pending(node.body, objects, closes_stay=False)


def _head(decorator: ast.expr, outside: Scope) -> Iterator[ast.expr]:
    """Give a decorator, and what makes the router that it belongs to."""
    yield decorator
    match decorator:
        case ast.Call(func=ast.Attribute(value=ast.Name(id=router))):
            for binding in outside.bindings(router):
                if isinstance(binding.how, Assigned):
                    yield binding.how.value


def _asks_for(given: ast.expr, scope: Scope, way: Way, inference: Inference, depth: int) -> bool:
    """Tell whether what a framework calls is given the same dependency's session, or may be."""
    value = inference.value(given, scope)
    if isinstance(value, External):
        return False
    if not isinstance(value, FunctionValue) or isinstance(value.node, ast.Lambda) or not depth:
        return True
    if way.function is not None and value.node is way.function.node:
        return True
    inner = _injected(value.node, value.scope.child(value.node), inference)
    return any(_asks_for(part, where, way, inference, depth - 1) for part, where in inner)


def _injected(
    node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope, inference: Inference
) -> Iterator[tuple[ast.expr, Scope]]:
    """Give what a framework calls for the parameters of a function."""
    for parameter in _parameters(node, scope):
        yield from injected_by(parameter, scope, inference)


def _parameters(node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> Iterator[Parameter]:
    for arg in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
        for binding in scope.bindings(arg.arg):
            if isinstance(binding.how, Parameter):
                yield binding.how


def _written(
    way: Way, expression: str, document: Document, *, is_async: bool
) -> tuple[str, tuple[Edit, ...]]:
    """Write what stands behind a parameter's name, as other handlers of the file have it."""
    inference = document.context.file.inference
    for node in document.tree.body:
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        scope = document.context.file.module.scope.child(node)
        for parameter in _parameters(node, scope):
            for given, where in injected_by(parameter, scope, inference):
                annotation, default = parameter.arg.annotation, parameter.default
                if annotation is not None and _is_way(inference.value(given, where), way):
                    end = f" = {document.written(default)}" if default is not None else ""
                    return f"{document.written(annotation)}{end}", ()
    top = document.top
    session = reach_module(*_class_of(way, is_async=is_async), top, document)
    depends = reach_module("fastapi", "Depends", top, document)
    written = f"{session.expression} = {depends.expression}({expression})"
    return written, (*session.edits, *depends.edits)


def _is_way(value: object, way: Way) -> bool:
    if not isinstance(value, FunctionValue) or way.function is None:
        return False
    return value.node is way.function.node


def _class_of(way: Way, *, is_async: bool) -> tuple[str, str]:
    """Give the module and the name of what a dependency yields."""
    text = way.function.scope.module.text if way.function is not None else ""
    if is_async:
        return "sqlalchemy.ext.asyncio", "AsyncSession"
    if re.search(r"^from sqlmodel import .*\bSession\b", text, re.MULTILINE):
        return "sqlmodel", "Session"
    return "sqlalchemy.orm", "Session"


def _put(parameter: str, node: ast.FunctionDef | ast.AsyncFunctionDef, document: Document) -> Edit:
    """Put a parameter behind the last one of its kind."""
    start, _ = document.span(node)
    head = _HEAD.match(document.text, start)
    if head is None or node.args.posonlyargs:
        raise Refusal(f"the parameters of `{node.name}` are written in a way of their own")
    before, after = _around(node.args, has_default=" = " in parameter)
    if before is None and after is None:
        return Edit(head.end(), head.end(), parameter)
    if before is None:
        assert after is not None
        at = document.span(after)[0]
        return Edit(at, at, f"{parameter},{_apart(after, document)}")
    at = document.span(before)[1]
    end = document.line_end(before.end_lineno or 0)
    if _begins_line(before, document) and document.has_comment(at, end):
        raise Refusal("a comment stands where the parameter would")
    return Edit(at, at, f",{_apart(before, document)}{parameter}")


def _wrapped(edit: Edit, node: ast.FunctionDef | ast.AsyncFunctionDef, document: Document) -> Edit:
    """Give the parameters lines of their own where one line has become too long for the file."""
    defaults = [each for each in (*node.args.defaults, *node.args.kw_defaults) if each is not None]
    given: list[ast.expr | ast.arg] = [*node.args.args, *node.args.kwonlyargs, *defaults]
    last = max((document.span(part)[1] for part in given), default=edit.start)
    line = document.lines[node.lineno - 1].rstrip()
    is_one = last < document.line_end(node.lineno) and line.endswith(":")
    if not is_one or len(line) + len(edit.text) <= document.width:
        return edit
    head = _HEAD.match(document.text, document.span(node)[0])
    assert head is not None
    start, indent = head.end(), document.indent_of(node)
    inside = f"{indent}{document.indent}"
    old = document.text[start : max(last, start)]
    new = applied(old, [Edit(edit.start - start, edit.end - start, edit.text)])
    if len(inside + new) > document.width:
        new = f",{document.newline}{inside}".join(_parted(new)) + ","
    text = f"{document.newline}{inside}{new}{document.newline}{indent}"
    end = document.text.index(")", last)
    return Edit(start, end, text)


def _parted(parameters: str) -> list[str]:
    """Part a function's parameters as they are written."""
    head = "def f("
    arguments = ast.parse(f"{head}{parameters}): ...").body[0].args  # type: ignore[attr-defined]
    starts = [part.col_offset - len(head) for part in (*arguments.args, *arguments.kwonlyargs)]
    if arguments.kwonlyargs:
        star = parameters.rindex("*", 0, starts[len(arguments.args)])
        starts.insert(len(arguments.args), star)
    encoded = parameters.encode()
    ends = [*starts[1:], len(encoded)]
    return [encoded[a:b].decode().rstrip().rstrip(",") for a, b in zip(starts, ends, strict=True)]


def _around(
    arguments: ast.arguments, *, has_default: bool
) -> tuple[ast.expr | ast.arg | None, ast.arg | None]:
    """Give what a new parameter comes after; where that is nothing, what it comes before."""
    args, defaults = arguments.args, arguments.defaults
    if arguments.kwonlyargs:
        return arguments.kw_defaults[-1] or arguments.kwonlyargs[-1], None
    bare = len(args) - len(defaults)
    if has_default and defaults:
        return defaults[-1], None
    if bare:
        return args[bare - 1], None
    return None, args[0] if args else None


def _apart(beside: ast.expr | ast.arg, document: Document) -> str:
    """Give what stands between two parameters: a space, or the end of a line."""
    if not _begins_line(beside, document):
        return " "
    return document.newline + document.indent_of(beside)


def _begins_line(part: ast.expr | ast.arg, document: Document) -> bool:
    """Tell whether the line that a parameter ends on begins with one."""
    line = document.lines[(part.end_lineno or 1) - 1].lstrip()
    return not line.startswith(("def ", "async ", ")"))
