"""A session that is given or opened by hand becomes a block that closes only what it opened."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from typing import TypeAlias

import libcst as cst

from flake8_dbsession.analysis.effects.work.loaded import Objects
from flake8_dbsession.analysis.nodes import dotted_name, is_name, own_nodes
from flake8_dbsession.fixes.blocks.new_block import handlers_need, refuse_tricks
from flake8_dbsession.fixes.blocks.opening import (
    opens_quietly,
    opens_quietly_by_hand,
    swap_of,
    taken_away,
)
from flake8_dbsession.fixes.blocks.provision import Need, Provision, provision_for
from flake8_dbsession.fixes.doubts.behaviour import doubts_about, lends
from flake8_dbsession.fixes.fallback import doubting_fallback
from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.rewriting.closes import (
    block_of,
    closes_early,
    is_call_on,
    keeps_ends,
    mentions,
    names_any,
)
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Fix, Refusal
from flake8_dbsession.rewriting.imports import reach_module
from flake8_dbsession.rewriting.region import Region, Statement, in_place_of


class _Own:
    """Stands for the session that the function opens, or for the one that it is given."""


_IMPORTS = (ast.Import, ast.ImportFrom)
_OWN, _GIVEN = _Own(), _Own()
_Value: TypeAlias = "_Own | bool | None"


class Shared(NamedTuple):
    """A session that a function is given or opens, and closes where it opened it.

    Attributes:
        given: what may be given: a parameter, or an attribute.
        head: the statements that choose between both, the flags among them.
        around: the ``try`` whose ``finally`` closes the session that was opened.
        asks_for_none: whether ``None`` alone is no session, and not all that is false.
    """

    given: ast.expr
    head: list[ast.stmt]
    around: ast.Try
    asks_for_none: bool


def shared_in(need: Need, document: Document) -> Shared | None:
    """Find out whether a session is opened only where none is given, and then closed.

    Args:
        need: what is opened by hand.
        document: the file.

    Returns:
        How; None for any other life of a session.
    """
    statement = document.context.file.tree.statement(need.call)
    outer = document.context.file.tree.parent(statement) if statement is not None else None
    if statement is None:
        return None
    for first in filter(None, (statement, outer)):
        if isinstance(first, ast.stmt):
            found = _shared_from(first, need, document)
            if found is not None:
                return found
    return None


def _shared_from(opening: ast.stmt, need: Need, document: Document) -> Shared | None:
    try:
        block = document.block_around(opening)
    except Refusal:
        return None
    index = block.index(opening)
    end = next((i for i in range(index + 1, len(block)) if not _chooses(block[i])), len(block))
    around = block[end] if end < len(block) else None
    if not isinstance(around, ast.Try):
        return None
    start = index
    while start and _chooses(block[start - 1]):
        start -= 1
    for begin in range(start, index + 1):
        head = block[begin:end]
        for given in _candidates(head, need):
            if _is_closed_where_opened(head, around, given, need):
                asks = any(isinstance(n, ast.Is | ast.IsNot) for s in head for n in ast.walk(s))
                return Shared(given, head, around, asks)
    return None


def _chooses(statement: ast.stmt) -> bool:
    """Tell whether a statement may be one of those that choose a session, or mark which it is."""
    match statement:
        case ast.Assign(targets=[ast.Name()]) | ast.AnnAssign(target=ast.Name(), value=ast.expr()):
            return True
        case ast.If(body=body, orelse=orelse):
            return all(_chooses(part) or isinstance(part, _IMPORTS) for part in [*body, *orelse])
    return False


def _is_apart(statement: ast.stmt, name: str) -> bool:
    """Tell whether a statement makes a plain value of its own, which has no part in the choice."""
    match statement:
        case ast.Assign(targets=[ast.Name(id=bound)], value=value):
            nodes = [*ast.walk(value)]
            is_plain = isinstance(value, (ast.Dict, ast.List, ast.Set, ast.Tuple, ast.JoinedStr))
            is_quiet = not any(isinstance(n, (ast.Call, ast.Await, ast.NamedExpr)) for n in nodes)
            return bound != name and is_plain and is_quiet and not mentions(value, name)
    return False


def _candidates(head: list[ast.stmt], need: Need) -> Iterator[ast.expr]:
    """Give what the statements read that may be a session: names, and attributes of names."""
    seen = set()
    for statement in head:
        for node in ast.walk(statement):
            if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load):
                written = dotted_name(node)
                if written and written not in seen and node is not need.call.func:
                    seen.add(written)
                    yield node


def _is_closed_where_opened(
    head: list[ast.stmt], around: ast.Try, given: ast.expr, need: Need
) -> bool:
    """Tell whether a session is opened where none is given, and only then closed."""
    match around.finalbody:
        case [ast.If(test=test, body=[close], orelse=[])] if is_call_on(close, need.name, "close"):
            pass
        case _:
            return False
    without, with_one = _Run(None, given, need), _Run(_GIVEN, given, need)
    try:
        without.run(head)
        with_one.run(head)
        return (
            without.names.get(need.name) is _OWN
            and with_one.names.get(need.name) is _GIVEN
            and without.truth(test)
            and not with_one.truth(test)
        )
    except _UnknownError:
        return False


class _UnknownError(Exception):
    """What a statement does is not known."""


class _Run:
    """The statements that choose a session, run for one that is given, or for none.

    Args:
        value: what is given.
        given: how that is written.
        need: what is opened.
    """

    def __init__(self, value: _Value, given: ast.expr, need: Need) -> None:
        self._value = value
        self._given = dotted_name(given)
        self._need = need
        self.names: dict[str, _Value] = {self._given: value} if self._given else {}

    def run(self, statements: list[ast.stmt]) -> None:
        """Run statements; a name that they bind holds what is known of it then."""
        for statement in statements:
            match statement:
                case ast.Assign() if _is_apart(statement, self._need.name):
                    pass
                case ast.Import() | ast.ImportFrom():
                    pass
                case (
                    ast.Assign(targets=[ast.Name(id=name)], value=value)
                    | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
                ):
                    self.names[name] = self._of(value)
                case ast.If(test=test, body=body, orelse=orelse):
                    self.run(body if self.truth(test) else orelse)
                case _:
                    raise _UnknownError

    def truth(self, test: ast.expr) -> bool:
        """Tell whether a test holds."""
        value = self._of(test)
        return value if isinstance(value, bool) else value is not None

    def _of(self, expression: ast.expr) -> _Value:
        match expression:
            case ast.Constant(value=(True | False | None) as value):
                return value
            case ast.Name() | ast.Attribute() if (written := dotted_name(expression)) in self.names:
                return self.names[written]
            case ast.Await(value=ast.Call() as call) | (ast.Call() as call):
                if call is self._need.call:
                    return _OWN
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return not self.truth(operand)
            case ast.Compare(left=left, ops=[ast.Is()], comparators=[ast.Constant(value=None)]):
                return self._of(left) is None
            case ast.Compare(left=left, ops=[ast.IsNot()], comparators=[ast.Constant(value=None)]):
                return self._of(left) is not None
            case ast.BoolOp(op=ast.And(), values=values):
                return all(map(self.truth, values))
            case ast.BoolOp(op=ast.Or(), values=[first, second]):
                return self._of(first if self.truth(first) else second)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self._of(body if self.truth(test) else orelse)
        raise _UnknownError


def fix_shared(shared: Shared, need: Need, document: Document, provision: Provision | None) -> Fix:
    """Put a block around the work that gives the session back which is given, and closes its own.

    Args:
        shared: what chooses the session.
        need: what is opened where none is given.
        document: the file.
        provision: what to enter for that; None for the house's own.

    Raises:
        Refusal: the session or its flag is used elsewhere, or nothing is done with it.
    """
    around = shared.around
    _refuse_other_uses(shared, need)
    parts = (*around.body, *around.handlers, *around.orelse)
    if not any(mentions(part, need.name) for part in parts):
        return _without_choice(shared, need, document)
    at_top = any(isinstance(n, _IMPORTS) for part in shared.head for n in ast.walk(part))
    provision = provision or provision_for(need, document, at_top=at_top)
    provision = doubting_fallback(provision)
    if at_top and need.scope.bindings(provision.root):
        raise Refusal(f"`{provision.name}` is bound in the function")
    reach = reach_module("contextlib", "nullcontext", need.scope, document)
    region = Region([*shared.head, around], document)
    *head, old = region.statements
    assert isinstance(old, cst.Try)
    is_tried = _stands_in_try(old, shared, need, provision, document)
    body = around.body if is_tried else [around]
    kept = [new for part, new in zip(shared.head, head, strict=True) if _stays(part, shared, need)]
    given = ast.unparse(shared.given)
    test = f"{given} is not None" if shared.asks_for_none else given
    call = f"{reach.expression}({given}) if {test} else {provision.call}"
    work = block_of(old.body)
    if old.handlers and not is_tried:
        work = [old.with_changes(finalbody=None)]
    block: Statement = _block(call, need.name, work, region.indent, is_async=provision.is_async)
    if is_tried:
        block = old.with_changes(body=old.body.with_changes(body=[block]), finalbody=None)
    above = in_place_of(head[0], kept or [block])
    statements = region.keeping([*above, block] if kept else above)
    doubts = doubts_about(need.name, body, need.scope, provision, document, closes_stay=False)
    doubts += region.losses(statements)
    is_used = names_any(statements, provision.root)
    edits = (*region.rewritten(statements), *reach.edits, *(provision.edits if is_used else ()))
    unneeded = frozenset().union(*map(document.names_in, shared.head))
    is_lent = lends(need.name, body, need.scope, provision, document)
    swap = swap_of(
        need,
        provision,
        document,
        enters=False,
        lends=is_lent,
        stays=not is_tried,
        only_closes=keeps_ends(region.statements, statements, need.name),
    )
    return Fix(edits, doubts, unneeded, swap=swap and replace(swap, is_at_top=at_top))


def _stands_in_try(
    old: cst.Try, shared: Shared, need: Need, provision: Provision, document: Document
) -> bool:
    """Tell whether the block can stand in the ``try``, whose handlers then get all its errors."""
    if not old.handlers or not opens_quietly(need, provision, document):
        return False
    objects = Objects(need.name, shared.around.body, need.scope, document.context.file.inference)
    kept = old.with_changes(finalbody=None)
    return not handlers_need(kept, objects) and not _may_be_made(shared.given, document)


def _without_choice(shared: Shared, need: Need, document: Document) -> Fix:
    """Take away the choice of a session that nothing uses, and its close."""
    if not opens_quietly_by_hand(need, document) or _may_be_made(shared.given, document):
        raise Refusal("its block does not use it")
    region = Region([*shared.head, shared.around], document)
    *head, old = region.statements
    assert isinstance(old, cst.Try)
    work = [old.with_changes(finalbody=None)] if old.handlers else block_of(old.body)
    kept = [new for part, new in zip(shared.head, head, strict=True) if _stays(part, shared, need)]
    statements = region.keeping(in_place_of(head[0], [*kept, *work]))
    unneeded = frozenset().union(*map(document.names_in, shared.head))
    edits, swap = region.rewritten(statements), taken_away(need, document)
    return Fix(edits, region.losses(statements), unneeded, swap=swap)


def _may_be_made(given: ast.expr, document: Document) -> bool:
    """Tell whether a property may give what is given, which can fail."""
    attributes = {n.attr for n in ast.walk(given) if isinstance(n, ast.Attribute)}
    defined = (n for n in ast.walk(document.tree) if isinstance(n, ast.FunctionDef))
    return any(function.name in attributes for function in defined)


def _block(call: str, name: str, body: list[Statement], indent: str, *, is_async: bool) -> cst.With:
    first, *rest = body
    item = cst.WithItem(cst.parse_expression(call), cst.AsName(cst.Name(name)))
    comments = [line for line in first.leading_lines if line.comment is not None]
    block = cst.IndentedBlock([first.with_changes(leading_lines=comments), *rest], indent=indent)
    asynchronous = cst.Asynchronous() if is_async else None
    return cst.With([item], block, asynchronous=asynchronous)


def _refuse_other_uses(shared: Shared, need: Need) -> None:
    """Leave a session alone whose name has a value of it outside of its statements."""
    name, around = need.name, shared.around
    first, last = shared.head[0].lineno, around.end_lineno or 0
    function = need.scope.function() or need.scope.module.scope
    for node in ast.walk(function.node):
        if isinstance(node, ast.Name) and node.id == name:
            is_inside = first <= node.lineno <= last
            is_loaded = isinstance(node.ctx, ast.Load)
            if not is_inside and not (is_loaded and node.lineno < first):
                raise Refusal(f"line {node.lineno} uses `{name}` too")
            if around.lineno <= node.lineno <= last and not is_loaded:
                raise Refusal(f"line {node.lineno} binds `{name}` anew")
    body = [*around.body, *around.orelse, *(s for h in around.handlers for s in h.body)]
    if closes_early(body, name, is_last=False) or any(_closes(part, name) for part in body):
        raise Refusal("it is closed before the work is done")
    for part in (around, *own_nodes(around)):
        refuse_tricks(part, name)


def _closes(statement: ast.stmt, name: str) -> bool:
    nodes = (node for node in ast.walk(statement) if isinstance(node, ast.Attribute))
    return any(node.attr == "close" and is_name(node.value, name) for node in nodes)


def _stays(statement: ast.stmt, shared: Shared, need: Need) -> bool:
    """Tell whether a statement that chooses is needed for more than the choice."""
    if _is_apart(statement, need.name):
        return True
    bound = {
        node.id
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    imports = (node for node in ast.walk(statement) if isinstance(node, _IMPORTS))
    bound |= {alias.asname or alias.name for each in imports for alias in each.names}
    flags = bound - {need.name}
    function = need.scope.function() or need.scope.module.scope
    inside = {node for part in shared.head for node in ast.walk(part)}
    inside.update(node for part in shared.around.finalbody for node in ast.walk(part))
    reads = (n for n in ast.walk(function.node) if isinstance(n, ast.Name) and n.id in flags)
    is_read = any(node not in inside for node in reads)
    if is_read and need.name in bound:
        raise Refusal(f"`{', '.join(sorted(flags))}` is read elsewhere, too")
    return is_read
