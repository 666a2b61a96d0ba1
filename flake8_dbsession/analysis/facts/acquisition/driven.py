"""Dependencies that code drives by hand instead of leaving that to the framework."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import dropwhile

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Holder, holder_of
from flake8_dbsession.analysis.library.wrappers import CLOSING
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import LOOPS, Scope, last_segment
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.names.values import FunctionValue, Role, RoleValue, Value
from flake8_dbsession.analysis.nodes import dotted_name, nodes_in, own_nodes, unawaited
from flake8_dbsession.named_tuples import NamedTuple

_STEP_METHODS = frozenset({"__next__", "__anext__", "send", "asend"})
_ASYNC_STEPS = frozenset({"anext", "__anext__", "asend"})
_CLOSE_METHODS = frozenset({"close", "aclose", "throw", "athrow"})
_OUTLIVING = frozenset(
    {Holder.ATTRIBUTE, Holder.CLASS, Holder.GLOBAL, Holder.INSTANCE, Holder.MODULE}
)
_KEEPERS = frozenset({Holder.LOCAL, Holder.MODULE, Holder.MAIN, Holder.INSTANCE})


class DrivenDependency(NamedTuple):
    """A dependency's generator that code itself takes the session out of.

    Attributes:
        node: the call that takes the session; for a loop, what it goes through.
        text: the code that takes it, such as ``next(get_db())`` or ``for db in get_db():``.
        made: the call of the dependency.
        known: what that gives.
        scope: the scope of that call.
        name: the name that gets the session; empty where it has none.
        is_closed: whether the generator is kept and closed in a ``finally``, or by what closes it.
        is_ended: whether it is kept and closed, driven on, or given to the caller, at any later
            place.
        is_dropped: whether nothing refers to the generator once the session is taken.
        keeper: what is made with the session and lives on, such as a class whose object a module
            keeps; empty for nothing.
        is_async: whether the generator is an asynchronous one: by its code, or by how it is driven.
        loop: the loop that goes through what is made there; None for no loop.
    """

    node: ast.expr
    text: str
    made: ast.Call
    known: RoleValue
    scope: Scope
    name: str
    is_closed: bool = False
    is_ended: bool = False
    is_dropped: bool = False
    keeper: str = ""
    is_async: bool = False
    loop: ast.For | ast.AsyncFor | None = None


def driven_dependencies(tree: Tree, inference: Inference) -> Iterator[DrivenDependency]:
    """Find the dependencies that are driven by hand.

    Args:
        tree: the visited part of a file.
        inference: answers which calls give a dependency's generator.

    Yields:
        One for each place that takes a session, in the order of the dependencies' calls.
    """
    seen: set[ast.expr] = set()
    for call, scope in tree.find(ast.Call):
        if tree.is_of_interest(last_segment(call.func)):
            known = inference.value(call, scope)
            if isinstance(known, RoleValue) and known.role is Role.GENERATOR:
                driven = _driven(call, known, scope, tree)
                function = inference.value(call.func, scope)
                if driven is None or _yields_many(function):
                    continue
                if driven.node not in seen:
                    seen.add(driven.node)
                    yield _by_its_code(driven, function)


def _by_its_code(driven: DrivenDependency, function: Value | None) -> DrivenDependency:
    """Let a dependency's own code say whether it is asynchronous; else how it is driven tells."""
    if isinstance(function, FunctionValue):
        return driven._replace(is_async=isinstance(function.node, ast.AsyncFunctionDef))
    is_async = driven.is_async or driven.known.is_async
    return driven._replace(known=driven.known._replace(is_async=is_async), is_async=is_async)


def _yields_many(function: Value | None) -> bool:
    """Tell whether a generator yields in a loop: then it gives many sessions, to iterate over."""
    if not isinstance(function, FunctionValue):
        return False
    loops = (node for node in own_nodes(function.node) if isinstance(node, LOOPS))
    return any(isinstance(node, ast.Yield) for loop in loops for node in own_nodes(loop))


def _driven(call: ast.Call, known: RoleValue, scope: Scope, tree: Tree) -> DrivenDependency | None:
    for outer in tree.ancestors(call):
        if isinstance(outer, ast.stmt) and not isinstance(outer, (ast.For, ast.AsyncFor)):
            break
        if _generator_taken_from(outer) is call:
            return DrivenDependency(
                _place(outer),
                _written(outer),
                call,
                known,
                scope,
                _receiver(outer, tree.statement(call)),
                is_ended=_runs_to_the_end(outer),
                is_dropped=isinstance(outer, ast.Call),
                keeper=_keeper(outer, scope, tree) if isinstance(outer, ast.Call) else "",
                is_async=_drives_async(outer),
                loop=outer if isinstance(outer, (ast.For, ast.AsyncFor)) else None,
            )
    holder, name, _ = holder_of(call, scope, tree)
    return _kept(name, call, known, scope) if holder in _KEEPERS else None


def _keeper(taking: ast.Call, scope: Scope, tree: Tree) -> str:
    """Name what is made with a session and kept longer than the function, or the block, around."""
    holder, _, made = holder_of(taking, scope, tree)
    if holder is not Holder.ARGUMENT or not isinstance(made, ast.Call):
        return ""
    return ast.unparse(made.func) if holder_of(made, scope, tree)[0] in _OUTLIVING else ""


def _runs_to_the_end(node: ast.AST) -> bool:
    """Tell whether a loop takes everything, so that the generator ends by itself."""
    if not isinstance(node, (ast.For, ast.AsyncFor)):
        return False
    return not any(isinstance(inner, (ast.Break, ast.Return)) for inner in own_nodes(node))


def _kept(name: str, call: ast.Call, known: RoleValue, scope: Scope) -> DrivenDependency | None:
    """Look at what becomes of a generator that has a name."""
    nodes = list(_nodes_that_see(name, scope))
    after = list(dropwhile(lambda node: node is not call, nodes))
    takings = [node for node in after if dotted_name(_generator_taken_from(node)) == name]
    if not takings:
        return None
    first = takings[0]
    assignments = (n for n in after if isinstance(n, (ast.Assign, ast.AnnAssign)))
    statement = next((a for a in assignments if unawaited(a.value) is first), None)
    rest = list(dropwhile(lambda node: node is not first, after))[1:]
    is_ended = any(_ends(node, name) for node in rest)
    is_given_out = any(_gives_out(node, name) for node in after)
    return DrivenDependency(
        node=_place(first),
        text=_written(first),
        made=call,
        known=known,
        scope=scope,
        name=_receiver(first, statement),
        is_closed=_is_closed(name, nodes) or ("." in name and is_ended),
        is_ended=is_ended or is_given_out,
        is_async=_drives_async(first),
    )


def _nodes_that_see(name: str, scope: Scope) -> list[ast.AST]:
    """Give the nodes of the function around, or of the class for an attribute of its objects."""
    cls = scope.enclosing_class() if "." in name else None
    if cls is not None:
        return nodes_in(cls.node)
    function = scope.function()
    return own_nodes(function.node if function is not None else scope.module.scope.node)


def _generator_taken_from(node: ast.AST) -> ast.expr | None:
    """Give the generator that a node takes a value out of; None for any other node."""
    match node:
        case ast.Call(func=ast.Name(id="next" | "anext"), args=[generator, *_]):
            return generator
        case ast.Call(func=ast.Attribute(value=generator, attr=method)):
            return generator if method in _STEP_METHODS else None
        case ast.For(iter=generator) | ast.AsyncFor(iter=generator):
            return generator
        case ast.comprehension(iter=generator):
            return generator
    return None


def _drives_async(taking: ast.AST) -> bool:
    """Tell whether a node takes a value as only an asynchronous generator gives it."""
    match taking:
        case ast.Call(func=ast.Name(id=step) | ast.Attribute(attr=step)):
            return step in _ASYNC_STEPS
        case ast.comprehension(is_async=is_async):
            return bool(is_async)
    return isinstance(taking, ast.AsyncFor)


def _ends(node: ast.AST, name: str) -> bool:
    """Tell whether a node drives a named generator on, closes it, or hands it to a closer."""
    match node:
        case ast.Call(func=ast.Attribute(value=generator, attr=method)):
            if method in _CLOSE_METHODS and dotted_name(generator) == name:
                return True
    return dotted_name(_generator_taken_from(node)) == name or _hands_to_closer(node, name)


def _gives_out(node: ast.AST, name: str) -> bool:
    """Tell whether a function returns a named generator, by itself or beside what it gave."""
    match node:
        case ast.Return(value=ast.Tuple(elts=parts)):
            return any(dotted_name(part) == name for part in parts)
        case ast.Return(value=value):
            return dotted_name(value) == name
    return False


def _hands_to_closer(node: ast.AST, name: str) -> bool:
    match node:
        case ast.Call(func=function, args=[argument, *_]) if last_segment(function) in CLOSING:
            return dotted_name(argument) == name
        case ast.Call(args=arguments):
            closes = (f"{name}.close", f"{name}.aclose")
            return any(dotted_name(argument) in closes for argument in arguments)
    return False


def _is_closed(name: str, nodes: list[ast.AST]) -> bool:
    finals = [statement for node in nodes for statement in getattr(node, "finalbody", ())]
    inside = (node for statement in finals for node in nodes_in(statement))
    if any(_ends(node, name) for node in inside):
        return True
    return any(_hands_to_closer(node, name) for node in nodes)


def _receiver(taking: ast.AST, statement: ast.stmt | None) -> str:
    """Give the name that gets what is taken, also a keyword's; empty for anything else."""
    match taking:
        case ast.For(target=target) | ast.AsyncFor(target=target):
            return _identifier(target)
        case ast.comprehension(target=target):
            return _identifier(target)
    match statement:
        case (
            ast.Assign(targets=[target], value=value) | ast.AnnAssign(target=target, value=value)
        ) if unawaited(value) is taking:
            return _identifier(target)
    for node in nodes_in(statement) if statement is not None else ():
        if isinstance(node, ast.keyword) and unawaited(node.value) is taking:
            return node.arg or ""
    return ""


def _identifier(target: ast.expr) -> str:
    return target.id if isinstance(target, ast.Name) else ""


def _place(taking: ast.AST) -> ast.expr:
    if isinstance(taking, (ast.For, ast.AsyncFor, ast.comprehension)):
        return taking.iter
    assert isinstance(taking, ast.expr)
    return taking


def _written(taking: ast.AST) -> str:
    match taking:
        case ast.For(target=target, iter=generator):
            return f"for {ast.unparse(target)} in {ast.unparse(generator)}:"
        case ast.AsyncFor(target=target, iter=generator):
            return f"async for {ast.unparse(target)} in {ast.unparse(generator)}:"
    return ast.unparse(taking)
