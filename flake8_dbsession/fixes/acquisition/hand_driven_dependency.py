"""DBS105: ``db = next(get_db())`` and ``for db in get_db():`` become a block of the provider."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from flake8_dbsession.analysis.facts.acquisition.driven import DrivenDependency
from flake8_dbsession.analysis.names.scopes import LOOPS, last_segment
from flake8_dbsession.analysis.nodes import own_nodes
from flake8_dbsession.fixes.base import Fixer
from flake8_dbsession.fixes.blocks.local_session import fix_opened
from flake8_dbsession.fixes.blocks.new_block import WHOLE_LIFE, closes
from flake8_dbsession.fixes.blocks.provision import Need, provision_for
from flake8_dbsession.fixes.doubts.behaviour import CLOSES, Ends, doubts_about
from flake8_dbsession.fixes.fallback import doubting_fallback
from flake8_dbsession.fixes.registry import register
from flake8_dbsession.house.model import OpeningPlace
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Doubt, Edit, Fix, Kind, Refusal
from flake8_dbsession.rewriting.places import places


@register
class LeaveDependenciesToTheFramework(Fixer[DrivenDependency]):
    """Takes the session from the provider instead of out of a dependency's generator."""

    code = "DBS105"
    kinds = WHOLE_LIFE

    def fix(self, fact: DrivenDependency, document: Document) -> Fix:
        """Rewrite the loop, or what follows the assignment."""
        if not fact.name or fact.made.args or fact.made.keywords:
            raise Refusal("the session is not just taken and given a name")
        statement = document.context.file.tree.statement(fact.made)
        if isinstance(statement, (ast.For, ast.AsyncFor)) and statement.iter is fact.made:
            return _fixed_loop(statement, fact, document)
        call = fact.node
        if not isinstance(call, ast.Call) or fact.made not in (*call.args, _owner(call)):
            raise Refusal("the generator is kept under a name of its own")
        function = fact.scope.function()
        if function is None:
            raise Refusal("it is held by a module-level name")
        yields = [n for n in own_nodes(function.node) if _yields(n, fact.name)]
        for node in own_nodes(function.node):
            if node not in yields and not _stays_inside(node, fact, document):
                _refuse_handing_on(node, fact.name)
        need = _need(fact, call)
        fix = fix_opened(need, document)
        if fact.is_async:
            return replace(fix, doubts=(*fix.doubts, _about_the_loop(fact)))
        return _doubting(fix, yields[0], need, document) if yields else fix


def _yields(node: ast.AST, name: str) -> bool:
    """Tell whether a generator hands its session out, to be given it back."""
    return (
        isinstance(node, ast.Yield) and isinstance(node.value, ast.Name) and node.value.id == name
    )


def _about_the_loop(fact: DrivenDependency) -> Doubt:
    """Doubt that code relies on a session that is closed while it works.

    Nothing refers to an asynchronous generator once the session is taken, and the event loop closes
    it as soon as the code awaits something.
    """
    reason = f"the event loop closes `{ast.unparse(fact.made)}` at the next `await` now"
    return Doubt(Kind.OTHER, reason)


def _doubting(fix: Fix, node: ast.AST, need: Need, document: Document) -> Fix:
    """Doubt that a provider should commit what is done where a generator hands its session to."""
    provision = provision_for(need, document)
    if not provision.commits:
        return fix
    line = node.lineno  # type: ignore[attr-defined]
    reason = f"`{provision.name}` would commit what is left where line {line} hands it to"
    return replace(fix, doubts=(*fix.doubts, Doubt(Kind.COMMIT, reason)))


def _stays_inside(node: ast.AST, fact: DrivenDependency, document: Document) -> bool:
    """Tell whether what is made with the session is used only where it is open.

    The ``try`` whose ``finally`` closes it binds the made object to a name, of which it calls
    methods and nothing else.
    """
    if not isinstance(node, ast.Call):
        return False
    around = [place.statement for place in places(node, document.tree)]
    match around[-1]:
        case ast.Assign(targets=[ast.Name(id=name) as target], value=value) if value is node:
            pass
        case _:
            return False
    blocks = (each for each in around if isinstance(each, ast.Try))
    closing = next((block for block in blocks if closes(block, fact.name)), None)
    function = fact.scope.function()
    if closing is None or function is None:
        return False
    inside = {*ast.walk(closing)}
    uses = [n for n in ast.walk(function.node) if isinstance(n, ast.Name) and n.id == name]
    called = {
        call.func.value
        for call in own_nodes(closing)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)
    }
    return all(use in inside and (use in called or use is target) for use in uses)


def _fixed_loop(loop: ast.For | ast.AsyncFor, fact: DrivenDependency, document: Document) -> Fix:
    if loop.orelse or any(map(_leaves_loop, loop.body)):
        raise Refusal("the loop has an `else`, a `break` or a `continue`")
    _refuse_later_use(loop, fact)
    need = _need(fact, fact.made)
    provision = doubting_fallback(provision_for(need, document))
    ends = _ends_of(loop)
    doubts = doubts_about(need.name, loop.body, need.scope, provision, document, ends=ends)
    start, end = document.span(loop)[0], document.span(loop.iter)[1]
    if document.has_comment(start, end):
        raise Refusal("a comment in it would be lost")
    keyword = "async with" if provision.is_async else "with"
    edit = Edit(start, end, f"{keyword} {provision.call} as {need.name}")
    return Fix((edit, *provision.edits), doubts, document.names_in(fact.made))


def _ends_of(loop: ast.For | ast.AsyncFor) -> Ends:
    """Tell how a loop ends its session: an asynchronous one that is left early does not."""
    if isinstance(loop, ast.For):
        return CLOSES
    is_left = any(isinstance(node, ast.Return) for node in own_nodes(loop))
    return Ends(without_error=not is_left, on_error=False)


def _refuse_later_use(loop: ast.For | ast.AsyncFor, fact: DrivenDependency) -> None:
    function = fact.scope.function() or fact.scope.module.scope
    for node in own_nodes(function.node):
        if _holds(node, fact.name) and node.lineno > (loop.end_lineno or 0):  # type: ignore[attr-defined]
            raise Refusal(f"line {node.lineno} uses `{fact.name}` too")  # type: ignore[attr-defined]


def _need(fact: DrivenDependency, call: ast.Call) -> Need:
    return Need(
        call=call,
        known=fact.known,
        scope=fact.scope,
        name=fact.name,
        beside=fact.made.func,
        place=OpeningPlace(fact.known, fact.scope, fact.name or "db", fact.made.func),
    )


def _owner(call: ast.Call) -> ast.expr | None:
    return call.func.value if isinstance(call.func, ast.Attribute) else None


def _leaves_loop(statement: ast.stmt) -> bool:
    """Tell whether a ``break`` or ``continue`` in a statement is about the loop around it."""
    if isinstance(statement, (ast.Break, ast.Continue)):
        return True
    if isinstance(statement, LOOPS):
        return any(map(_leaves_loop, statement.orelse))
    return any(map(_leaves_loop, _inner(statement)))


def _inner(statement: ast.stmt) -> Iterator[ast.stmt]:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return
    for node in ast.iter_child_nodes(statement):
        if isinstance(node, ast.stmt):
            yield node
        elif isinstance(node, (ast.ExceptHandler, ast.match_case)):
            yield from node.body


def _refuse_handing_on(node: ast.AST, name: str) -> None:
    """Leave a session alone that gets away from the name that holds it."""
    match node:
        case ast.Return(value=value) | ast.Yield(value=value) | ast.Assign(value=value):
            is_handed = value is not None and _holds(value, name)
        case ast.Call(func=function):
            given = [*node.args, *(keyword.value for keyword in node.keywords)]
            is_object = last_segment(function)[:1].isupper()
            is_handed = is_object and any(_holds(value, name) for value in given)
        case ast.Lambda() | ast.FunctionDef() | ast.AsyncFunctionDef():
            is_handed = any(_holds(part, name) for part in ast.walk(node))
        case _:
            return
    if is_handed:
        raise Refusal(f"line {node.lineno} hands it on")


def _holds(value: ast.AST, name: str) -> bool:
    match value:
        case ast.Name(id=found):
            return found == name
        case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts):
            return any(_holds(part, name) for part in parts)
        case ast.Dict(values=parts):
            return any(_holds(part, name) for part in parts)
    return False
