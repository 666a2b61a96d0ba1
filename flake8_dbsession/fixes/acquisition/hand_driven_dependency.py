"""DBS105: ``db = next(get_db())`` and ``for db in get_db():`` become a block of the provider."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import replace

from flake8_dbsession.analysis.facts.acquisition.driven import DrivenDependency
from flake8_dbsession.analysis.names.scopes import LOOPS, Scope, last_segment
from flake8_dbsession.analysis.names.values import FunctionValue
from flake8_dbsession.analysis.nodes import is_name, own_nodes
from flake8_dbsession.fixes.base import Fixer
from flake8_dbsession.fixes.blocks.local_session import fix_opened
from flake8_dbsession.fixes.blocks.new_block import WHOLE_LIFE, closes
from flake8_dbsession.fixes.blocks.provision import Need, Provision, provision_by, provision_for
from flake8_dbsession.fixes.doubts.behaviour import CLOSES, Ends, doubts_about
from flake8_dbsession.fixes.fallback import doubting_fallback
from flake8_dbsession.fixes.registry import register
from flake8_dbsession.house.driven import (
    factory_taken,
    leaving_of_driven,
    place_of_driven,
    way_of_driven,
)
from flake8_dbsession.house.model import Way
from flake8_dbsession.rewriting.closes import is_call_on, mentions
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Doubt, Edit, Fix, Kind, Refusal, Taken
from flake8_dbsession.rewriting.imports import whole_lines
from flake8_dbsession.rewriting.places import places
from flake8_dbsession.rewriting.region import lost_comment


@register
class LeaveDependenciesToTheFramework(Fixer[DrivenDependency]):
    """Takes the session from the provider instead of out of a dependency's generator."""

    code = "DBS105"
    kinds = WHOLE_LIFE

    def fix(self, fact: DrivenDependency, document: Document) -> Fix:
        """Rewrite the loop, or what follows the assignment."""
        way = way_of_driven(fact, document.context.house)
        return replace(self._fixed(fact, way, document), taken=_taken(fact, way, document))

    def _fixed(self, fact: DrivenDependency, way: Way, document: Document) -> Fix:
        if not fact.name or fact.made.args or fact.made.keywords:
            raise Refusal("the session is not just taken and given a name")
        if fact.loop is not None:
            return _fixed_loop(fact.loop, fact, way, document)
        call, function = fact.node, fact.scope.function()
        if function is None or not isinstance(call, ast.Call):
            raise Refusal("it is held by a module-level name")
        kept = None
        if fact.made not in (*call.args, _owner(call)):
            kept = _kept_before(fact, function, document)
        yields = [n for n in own_nodes(function.node) if _yields(n, fact.name)]
        for node in own_nodes(function.node):
            if node not in yields and not _stays_inside(node, fact, document):
                _refuse_handing_on(node, fact.name)
        need = _need(fact, call)
        fix = fix_opened(need, document, _own_provision(need, fact, way, document))
        if kept is not None:
            return _without_generator(fix, kept, document)
        if fact.is_async:
            return replace(fix, doubts=(*fix.doubts, _about_the_loop(fact)))
        return _doubting(fix, yields[0], need, document) if yields else fix


def _kept_before(fact: DrivenDependency, function: Scope, document: Document) -> ast.stmt:
    """Give the statement that keeps a generator, for the next one to take the session out of.

    Raises:
        Refusal: something else is done with the generator, or stands between them.
    """
    find = document.context.file.tree.statement
    kept, taking = find(fact.made), find(fact.node)
    match kept:
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if value is fact.made:
            block = document.block_around(kept)
            uses = [n for n in ast.walk(function.node) if is_name(n, name)]
            is_next = block[block.index(kept) + 1 :][:1] == [taking]
            if is_next and [type(use.ctx) for use in uses] == [ast.Store, ast.Load]:
                return kept
    raise Refusal("the generator is kept under a name of its own")


def _without_generator(fix: Fix, kept: ast.stmt, document: Document) -> Fix:
    """Take away the statement that kept the generator, too."""
    edit = whole_lines(kept, document)
    if not document.stands_alone(kept, kept):
        raise Refusal("the generator is kept on a line with something else")
    lost = map(lost_comment, document.comments_in(edit.start, edit.end))
    unneeded = fix.unneeded | document.names_in(kept)
    doubts = (*fix.doubts, *lost)
    return replace(fix, edits=(edit, *fix.edits), doubts=doubts, unneeded=unneeded)


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


def _own_provision(
    need: Need, fact: DrivenDependency, way: Way, document: Document
) -> Provision | None:
    """Give what is entered where that is not the house's best way; None where it is."""
    if way == document.context.house.best(need.place):
        return None
    provision = provision_by(way, need, document)
    if way.is_found:
        return provision
    doubt = f"`{ast.unparse(fact.made.func)}` is not found, and may do more than open a session"
    return replace(provision, doubts=(*provision.doubts, doubt))


def _taken(fact: DrivenDependency, way: Way, document: Document) -> Taken | None:
    """Tell what the file imports of the dependency's module, to do without the dependency."""
    house, scope, reader = document.context.house, fact.scope, fact.made.func
    if not isinstance(reader, ast.Name) or scope.defining(reader.id) is not scope.module.scope:
        return None
    factory = factory_taken(way, fact, house)
    dependency = house.inference.value(reader, scope)
    if not factory or not isinstance(dependency, FunctionValue):
        return None
    home = dependency.scope.module
    return Taken(factory, home.path, reader.id, reader.lineno) if home is not scope.module else None


def _fixed_loop(
    loop: ast.For | ast.AsyncFor, fact: DrivenDependency, way: Way, document: Document
) -> Fix:
    """Make a block of a loop, in which nothing leaves the loop that need not be there."""
    left = [*_left_at_end(loop.body)]
    leaves = [block[-1] for block in left]
    if loop.orelse or any(_leaves_loop(each, leaves) for each in loop.body):
        raise Refusal("the loop has an `else`, or a `break` or `continue` before its end")
    _refuse_later_use(loop, fact)
    need = _need(fact, fact.made)
    own = _own_provision(need, fact, way, document)
    provision = doubting_fallback(own or provision_for(need, document))
    ends = _ends_of(loop)
    close = _without_close(loop.body, need.name, document)
    # Where the dependency commits at the end of the loop, that the provider does is no difference.
    is_same = close is None and _commits_at_end(fact, document)
    new = replace(provision, commits=False) if is_same else provision
    doubts = doubts_about(
        need.name, loop.body, need.scope, new, document, closes_stay=close is None, ends=ends
    )
    start, end = document.span(loop)[0], document.span(loop.iter)[1]
    if document.has_comment(start, end):
        raise Refusal("a comment in it would be lost")
    keyword = "async with" if provision.is_async else "with"
    name = f" as {need.name}" if any(mentions(each, need.name) for each in loop.body) else ""
    edit = Edit(start, end, f"{keyword} {provision.call}{name}")
    removed = [_without_last(block, document) for block in left]
    removed += [close] if close is not None else []
    lost = (c for each in removed for c in document.comments_in(each.start, each.end))
    doubts += tuple(map(lost_comment, lost))
    edits = (edit, *removed, *provision.edits)
    return Fix(edits, doubts, document.names_in(fact.made))


def _left_at_end(body: list[ast.stmt]) -> Iterator[list[ast.stmt]]:
    """Give the blocks at the end of a loop's body that end in ``break`` or ``continue``."""
    match body[-1]:
        case ast.Break() | ast.Continue():
            yield body
        case ast.If(body=inner, orelse=other):
            yield from _left_at_end(inner)
            yield from _left_at_end(other) if other else ()
        case ast.With(body=inner) | ast.AsyncWith(body=inner):
            yield from _left_at_end(inner)
        case ast.Try(body=inner, handlers=handlers, orelse=other):
            for each in (other or inner, *(handler.body for handler in handlers)):
                yield from _left_at_end(each)


def _without_last(block: list[ast.stmt], document: Document) -> Edit:
    """Take the last statement of a block away, with its line where others stand there."""
    last = block[-1]
    if len(block) == 1 or not document.stands_alone(last, last):
        return document.replace(last, "pass")
    first = last.lineno
    while not document.lines[first - 2].strip():
        first -= 1
    return Edit(document.offset(first, 0), document.line_end(last.lineno), "")


def _without_close(body: list[ast.stmt], name: str, document: Document) -> Edit | None:
    """Take away the close at the end of a loop's body, which the block does as well.

    Returns:
        The edit, with the ``finally`` that holds nothing else; None where no close stands there, or
        the ``try`` around it is there for nothing else.
    """
    last = body[-1]
    block = last.finalbody if isinstance(last, ast.Try) and last.finalbody else body
    close = block[-1]
    if not is_call_on(close, name, "close") or not document.stands_alone(close, close):
        return None
    if len(block) > 1:
        return whole_lines(close, document)
    if not isinstance(last, ast.Try) or not last.handlers:
        return None
    before = (last.orelse or last.handlers[-1].body)[-1]
    start = document.line_end(before.end_lineno or 0)
    return Edit(start, document.line_end(close.end_lineno or 0), "")


def _ends_of(loop: ast.For | ast.AsyncFor) -> Ends:
    """Tell how a loop ends its session: one that is left early drops the generator.

    That closes it at once, or, where it is asynchronous, the event loop does at the next ``await``.
    """
    if isinstance(loop, ast.For):
        return CLOSES
    return Ends(without_error=not _is_left(loop), on_error=False, soon=True)


def _is_left(loop: ast.For | ast.AsyncFor) -> bool:
    return any(isinstance(node, (ast.Break, ast.Return)) for node in own_nodes(loop))


def _commits_at_end(fact: DrivenDependency, document: Document) -> bool:
    """Tell whether a loop ends well in no other way than by a dependency's commit."""
    if fact.loop is None or _is_left(fact.loop):
        return False
    return leaving_of_driven(fact, document.context.file.inference).commits is True


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
        place=place_of_driven(fact),
    )


def _owner(call: ast.Call) -> ast.expr | None:
    return call.func.value if isinstance(call.func, ast.Attribute) else None


def _leaves_loop(statement: ast.stmt, but: Collection[ast.stmt]) -> bool:
    """Tell whether a ``break`` or ``continue`` in a statement is about the loop around it."""
    if isinstance(statement, (ast.Break, ast.Continue)):
        return statement not in but
    inner = statement.orelse if isinstance(statement, LOOPS) else _inner(statement)
    return any(_leaves_loop(each, but) for each in inner)


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
