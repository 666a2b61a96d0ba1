"""Which constructs a program of the oracle has: what the generator has to cover."""

from __future__ import annotations

import ast
from collections.abc import Iterator

_BY_NODE = {
    "Assert": "assert",
    "AsyncFor": "async for",
    "AsyncWith": "async with",
    "Await": "await",
    "BoolOp": "and, or",
    "Break": "break",
    "ClassDef": "nested class",
    "Continue": "continue",
    "DictComp": "dict comprehension",
    "GeneratorExp": "generator expression",
    "Global": "global",
    "IfExp": "conditional expression",
    "Lambda": "lambda",
    "ListComp": "list comprehension",
    "Match": "match",
    "NamedExpr": "assignment expression",
    "Nonlocal": "nonlocal",
    "Raise": "raise",
    "Return": "return",
    "SetComp": "set comprehension",
    "Starred": "starred target",
    "Subscript": "subscript",
    "TryStar": "except*",
    "Yield": "yield",
    "YieldFrom": "yield from",
}
_BY_CALL = {
    "AsyncExitStack": "AsyncExitStack",
    "ExitStack": "ExitStack",
    "Holder": "constructor argument",
    "aclosing": "aclosing",
    "addCleanup": "addCleanup",
    "addfinalizer": "addfinalizer",
    "append": "container",
    "bail": "NoReturn function that raises",
    "close_it": "project function that closes",
    "close_slowly": "project function that closes, awaited",
    "close_after": "project function that closes after work that may fail",
    "close_in_turns": "project function that calls itself",
    "close_through": "project function that closes by another",
    "close_through_slowly": "project function that closes by another",
    "close_unless": "project function that closes under a flag",
    "close_unless_slowly": "project function that closes under a flag",
    "closing": "closing",
    "exit": "sys.exit",
    "finish": "method that closes what its object holds",
    "finalize": "weakref.finalize",
    "keep_it": "project function that keeps",
    "leave": "NoReturn function that exits",
    "partial": "partial",
    "pop_all": "pop_all",
    "register": "atexit.register",
    "same_as": "project function that gives back",
    "suppress": "suppress",
    "use_it": "project function that only works",
    "use_it_slowly": "project function that only works",
    "use_then_close": "project function that closes when its work went well",
    "use_then_close_slowly": "project function that closes when its work went well",
    "wrap_it": "project function that wraps",
}
_BY_KIND = {
    "Base": "method that a subclass overrides",
    "Manager": "class whose block opens and closes",
    "Store": "class that holds what it is given",
    "ender": "generated function that closes",
    "giver": "generated function that gives back",
    "guard": "generator whose block closes what it is given",
    "open": "generated function that opens",
    "runner": "callback",
    "safe": "generated function that cannot raise",
    "scope": "generator whose block opens and closes",
    "task": "generated function that works",
    "with": "decorator of the project",
}
_HANDLED = tuple(filter(None, (ast.Try, getattr(ast, "TryStar", None))))
_NESTINGS = {
    "body": "try in a try",
    "handlers": "try in a handler",
    "finalbody": "try in a finally",
}
_BRANCHES = ("body", "handlers", "orelse", "finalbody")
EVERY = frozenset(
    {
        *_BY_NODE.values(), *_BY_CALL.values(), *_BY_KIND.values(), "helper module",
        "alias", "attribute", "bare raise", "case with a guard", "close under a flag", "def",
        "elif", "else of a for", "else of a while", "else of a try", "except", "finally", "for",
        "generator", "if", "jump out of a finally", "loop that opens one a turn",
        "narrowing on None", "nested function", "raise from", "rebinding", "try in a finally",
        "try in a handler", "try in a try", "while", "with of several items",
    }
)  # fmt: skip


def constructs(source: str) -> frozenset[str]:
    """Name the constructs of a program.

    Args:
        source: the program.

    Returns:
        Those of `EVERY` that it has.
    """
    tree = ast.parse(source)
    program = tree.body[-1]
    found = {name for node in ast.walk(program) for name in _of(node)}
    for node in tree.body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and node is not program:
            found.add(_BY_KIND[node.name.partition("_")[0]])
        elif isinstance(node, ast.ImportFrom):
            found.add("helper module")
    if any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in ast.walk(program)):
        found.add("generator")
    return frozenset(found)


def _of(node: ast.AST) -> Iterator[str]:
    kind = type(node).__name__
    if kind in _BY_NODE:
        yield _BY_NODE[kind]
    match node:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in _BY_CALL:
            yield _BY_CALL[name]
        case ast.If(test=test, orelse=orelse):
            yield "if"
            if len(orelse) == 1 and isinstance(orelse[0], ast.If):
                yield "elif"
            if isinstance(test, ast.Name) and test.id == "own":
                yield "close under a flag"
        case ast.For(orelse=orelse):
            yield "for"
            if orelse:
                yield "else of a for"
        case ast.While(orelse=orelse):
            yield "while"
            if orelse:
                yield "else of a while"
        case ast.With(items=[_, _, *_]) | ast.AsyncWith(items=[_, _, *_]):
            yield "with of several items"
        case ast.Raise(exc=None):
            yield "bare raise"
        case ast.Raise(cause=ast.expr()):
            yield "raise from"
        case ast.match_case(guard=ast.expr()):
            yield "case with a guard"
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            yield "def" if name == "program" else "nested function"
            opened = [each for each in ast.walk(node) if _opens(each)]
            if name == "program" and len(opened) > 1:
                yield "rebinding"
        case ast.Compare(comparators=[ast.Constant(value=None)]):
            yield "narrowing on None"
        case ast.Assign(value=ast.Name(id="db"), targets=[ast.Name(), *_]):
            yield "alias"
        case ast.Assign(targets=[*_, ast.Attribute()]):
            yield "attribute"
    if isinstance(node, (ast.For, ast.While)) and any(map(_opens, ast.walk(node))):
        yield "loop that opens one a turn"
    if isinstance(node, _HANDLED):
        yield from _of_try(node)


def _of_try(node: ast.AST) -> Iterator[str]:
    present = [name for name in _BRANCHES if getattr(node, name)]
    names = {"handlers": "except", "orelse": "else of a try", "finalbody": "finally"}
    yield from (names[name] for name in present if name in names)
    inside = {
        "body": "try in a try",
        "handlers": "try in a handler",
        "finalbody": "try in a finally",
    }
    for branch, name in inside.items():
        nodes = [each for part in getattr(node, branch) for each in ast.walk(part)]
        if any(isinstance(each, _HANDLED) for each in nodes):
            yield name
        jumps = (ast.Return, ast.Break, ast.Continue)
        if branch == "finalbody" and any(isinstance(each, jumps) for each in nodes):
            yield "jump out of a finally"


def _opens(node: ast.AST) -> bool:
    names = ("AsyncSessionLocal", "SessionLocal", "connect")
    match node:
        case ast.Assign(value=ast.Call(func=ast.Name(id=name))) if name in names:
            return True
    return False
