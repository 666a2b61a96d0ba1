"""DBS405: a dependency that returns a session yields it, and closes it afterwards."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import libcst as cst

from flake8_dbsession.analysis.facts.framework.returned_sessions import ReturnedSession
from flake8_dbsession.analysis.library.drivers import TAKINGS
from flake8_dbsession.analysis.names.scopes import Imported, Scope
from flake8_dbsession.analysis.names.values import FunctionValue, RoleValue
from flake8_dbsession.analysis.nodes import own_nodes
from flake8_dbsession.fixes.base import Fixer
from flake8_dbsession.fixes.doubts.callers import uses_but_injections
from flake8_dbsession.fixes.registry import register
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Edit, Fix, Refusal
from flake8_dbsession.rewriting.guarded import closing_call, guarded
from flake8_dbsession.rewriting.imports import Reach, reach_module
from flake8_dbsession.rewriting.places import PlacedStatement, called_alone, places
from flake8_dbsession.rewriting.region import Region

_POOLED = tuple(f".{taking}" for taking in TAKINGS)


@register
class YieldTheSession(Fixer[ReturnedSession]):
    """Turns a function that returns a session into a generator that closes it."""

    code = "DBS405"

    def fix(self, fact: ReturnedSession, document: Document) -> Fix:
        """Yield in the place of the return."""
        function, returned = fact.function, fact.returned
        if not isinstance(returned.node, ast.Return):
            raise Refusal("a lambda cannot yield")
        if fact.injection is not None:
            raise Refusal(f"`{document.written(fact.handed)}` stands in another file")
        _refuse_other_work(function, returned.known, document)
        edits = [*_yielding(returned.node, returned.known, function, document)]
        edits += _annotated(function, document)
        return Fix(tuple(edits))


def _refuse_other_work(function: FunctionValue, known: RoleValue, document: Document) -> None:
    node = function.node
    assert not isinstance(node, ast.Lambda)
    if node.decorator_list:
        raise Refusal("a decorator may need what it returns")
    if known.is_async and not isinstance(node, ast.AsyncFunctionDef):
        raise Refusal("only an `async def` can close it")
    if known.name.endswith(_POOLED):
        raise Refusal("it goes back to a pool")
    leaves = [n for n in own_nodes(node) if isinstance(n, (ast.Return, ast.Yield, ast.YieldFrom))]
    if len(leaves) > 1:
        raise Refusal(f"`{node.name}` returns in several places")
    file = document.context.file
    use = uses_but_injections(node.name, file.path, file.inference.project)
    if use is not None:
        raise Refusal(f"`{node.name}` is used otherwise too, in {use.path.name} on line {use.line}")


def _yielding(
    statement: ast.Return, known: RoleValue, function: FunctionValue, document: Document
) -> tuple[Edit, ...]:
    path = places(statement, document.tree)
    start, _ = document.span(statement)
    keyword = Edit(start, start + len("return"), "yield")
    name = statement.value.id if isinstance(statement.value, ast.Name) else ""
    if any(_closes(place, name) for place in path[:-1]):
        return (keyword,)
    place = path[-1]
    if place.owner is not function.node or place.after:
        raise Refusal("it is returned from within another statement")
    if name:
        return _closed_by_name(name, place, known, document)
    return _closed_anew(place, known, function, document)


def _closed_by_name(
    name: str, place: PlacedStatement, known: RoleValue, document: Document
) -> tuple[Edit, ...]:
    """Put what stands between the opening of a session and its return into a ``try``."""
    opening = [index for index, statement in enumerate(place.block) if _binds(statement, name)]
    if len(opening) != 1:
        raise Refusal(f"`{name}` is not opened in one plain statement")
    region = Region(place.block[opening[0] + 1 :], document)
    *between, last = region.statements
    assert isinstance(last, cst.SimpleStatementLine)
    block = guarded(
        [*between, last.with_changes(body=[_yield(name)])],
        [closing_call(name, known)],
        region.indent,
    )
    return region.rewritten([block])


def _closed_anew(
    place: PlacedStatement, known: RoleValue, function: FunctionValue, document: Document
) -> tuple[Edit, ...]:
    """Give a session that is returned on the spot a name."""
    name = "db" if known.resource.value == "session" else "conn"
    if any(isinstance(n, ast.Name) and n.id == name for n in ast.walk(function.node)):
        raise Refusal(f"`{name}` is taken")
    if any(arg.arg == name for arg in ast.walk(function.node) if isinstance(arg, ast.arg)):
        raise Refusal(f"`{name}` is taken")
    region = Region([place.statement], document)
    (line,) = region.statements
    assert isinstance(line, cst.SimpleStatementLine)
    returned = line.body[0]
    assert isinstance(returned, cst.Return)
    assert returned.value is not None
    target = cst.AssignTarget(cst.Name(name))
    opened = line.with_changes(body=[cst.Assign([target], returned.value)])
    block = guarded(
        [cst.SimpleStatementLine([_yield(name)])], [closing_call(name, known)], region.indent
    )
    return region.rewritten([opened, block])


def _yield(name: str) -> cst.Expr:
    return cst.Expr(cst.Yield(cst.Name(name)))


def _closes(place: PlacedStatement, name: str) -> bool:
    """Tell whether a statement around the return closes what is returned."""
    match place.statement:
        case ast.With(items=items) | ast.AsyncWith(items=items):
            return any(
                isinstance(item.optional_vars, ast.Name) and item.optional_vars.id == name
                for item in items
            )
        case ast.Try(finalbody=final):
            calls = filter(None, map(called_alone, final))
            return any(ast.unparse(call.func) == f"{name}.close" for call in calls)
    return False


def _binds(statement: ast.stmt, name: str) -> bool:
    match statement:
        case ast.Assign(targets=[ast.Name(id=found)]) | ast.AnnAssign(target=ast.Name(id=found)):
            return found == name
    return any(
        isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)
        for node in ast.walk(statement)
    )


def _annotated(function: FunctionValue, document: Document) -> Iterator[Edit]:
    """Say that the function gives an iterator of what it returned."""
    node = function.node
    assert not isinstance(node, ast.Lambda)
    if node.returns is None:
        return
    name = "AsyncIterator" if isinstance(node, ast.AsyncFunctionDef) else "Iterator"
    reach = _reach_iterator(name, function.scope, document)
    yield document.replace(node.returns, f"{reach.expression}[{document.written(node.returns)}]")
    yield from reach.edits


def _reach_iterator(name: str, scope: Scope, document: Document) -> Reach:
    hows = [binding.how for binding in scope.lookup(name)]
    if hows and all(isinstance(how, Imported) and how.module == "typing" for how in hows):
        return Reach(name)
    return reach_module("collections.abc", name, scope, document)
