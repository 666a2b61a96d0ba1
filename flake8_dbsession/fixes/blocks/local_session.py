"""A session that a function opens and closes by hand becomes a ``with`` block.

Four forms come to the same block: a ``try`` whose ``finally`` closes, and which the opening stands
above or in, statements up to a ``close()``, and no close at all, where the block ends with the last
statement that uses it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import takewhile

import libcst as cst

from flake8_dbsession.analysis.effects.work.block import Block
from flake8_dbsession.analysis.effects.work.loaded import Objects
from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition, Holder
from flake8_dbsession.analysis.facts.acquisition.given_or_own import given_or_own
from flake8_dbsession.analysis.facts.lifetime.endings import Ending
from flake8_dbsession.analysis.lifetimes.model import Closing, Handing, Leaving
from flake8_dbsession.analysis.names.values import Role
from flake8_dbsession.analysis.nodes import is_name, own_nodes
from flake8_dbsession.fixes.blocks.given_or_own import fix_shared
from flake8_dbsession.fixes.blocks.handled import differing_keys
from flake8_dbsession.fixes.blocks.new_block import (
    PASS,
    NewBlock,
    annotation_notes,
    closes,
    early_doubt,
    handlers_need,
    is_plain,
    refuse_tricks,
    tail_doubt,
)
from flake8_dbsession.fixes.blocks.opened_in_try import fix_in_try, try_around
from flake8_dbsession.fixes.blocks.opening import (
    opens_quietly,
    opens_quietly_by_hand,
    swap_of,
    taken_away,
)
from flake8_dbsession.fixes.blocks.provision import (
    Need,
    Provision,
    closing,
    need_of,
    plain_need,
    provision_for,
    provision_of_own_block,
)
from flake8_dbsession.fixes.blocks.request_session import fix_request_assignment, uses_request
from flake8_dbsession.fixes.doubts.behaviour import CLOSES, Ends, doubts_about, lends
from flake8_dbsession.fixes.doubts.fresh import refuse_borrowed
from flake8_dbsession.fixes.doubts.provider import only_tells
from flake8_dbsession.fixes.doubts.quieted import about_quieted_close
from flake8_dbsession.fixes.fallback import (
    beside_fallback,
    doubting_fallback,
    stays_as_fallback,
)
from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.rewriting.closes import (
    block_of,
    closes_early,
    keeps_ends,
    leaves_commit,
    mentions,
    names_any,
    without_closes,
    without_rollbacks,
    without_tail,
)
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Doubt, Fix, Refusal, Swap
from flake8_dbsession.rewriting.guarded import closing_call, guarded
from flake8_dbsession.rewriting.places import refuse_optional
from flake8_dbsession.rewriting.region import Region, Statement, in_place_of, parted
from flake8_dbsession.rewriting.said import has_comment_of_its_own, without_comment
from flake8_dbsession.rules.fallback import is_fallback

_KEPT_CLOSED = (Handing.STORED, Handing.UNKNOWN)


@dataclass(frozen=True, slots=True)
class _Opened:
    """A session held by a local name, and the statements that it lives through.

    Attributes:
        name: the name.
        before: statements between its opening and its first use, which need not be in the block.
        statements: those that use it, the last of which closes it, where any does.
        assignment: the statement that opens it.
        begins_block: whether nothing stands before that in its block.
        is_all: whether the block has nothing else.
    """

    name: str
    assignment: ast.stmt
    before: list[ast.stmt]
    statements: list[ast.stmt]
    begins_block: bool
    is_all: bool

    @property
    def rest(self) -> list[ast.stmt]:
        """All statements after the opening."""
        return [*self.before, *self.statements]


def fix_local(acquisition: Acquisition, document: Document) -> Fix:
    """Put a block of the house's provider in the place of a session opened by hand.

    Args:
        acquisition: what opens the session.
        document: the file.

    Returns:
        The fix.

    Raises:
        Refusal: it is no session of a function's own, or its life is not as plain as it has to be.
    """
    return document.once(acquisition.node, lambda: _fix_local(acquisition, document))


def _fix_local(acquisition: Acquisition, document: Document) -> Fix:
    if acquisition.holder not in (Holder.LOCAL, Holder.MAIN):
        raise Refusal(f"it is held by {acquisition.holder.words}, not by a local name")
    if acquisition.known.source is Role.REGISTRY_MAKER:
        raise Refusal("a registry of its own stands for the session")
    refuse_optional(acquisition, document)
    refuse_borrowed(acquisition, document)
    shared = given_or_own(acquisition.node, acquisition.name, document.context.file.tree)
    if shared is not None and shared.around is not None:
        need = need_of(acquisition, document)
        return fix_shared(shared, need, document, provision_of_own_block(acquisition, document))
    ends = _clear_ends(acquisition, document)
    is_global = acquisition.holder is Holder.MAIN
    own = provision_of_own_block(acquisition, document)
    need = need_of(acquisition, document) if own is None else plain_need(acquisition, document)
    return fix_opened(need, document, own, is_global=is_global, ends=ends)


def fix_opened(
    need: Need,
    document: Document,
    provision: Provision | None = None,
    *,
    is_global: bool = False,
    ends: Ends | None = None,
) -> Fix:
    """Put a block of the house's provider in the place of an assignment and a close by hand.

    Args:
        need: what is assigned to a name.
        document: the file.
        provision: what to use instead, where the session is opened; None for the house's own.
        is_global: whether functions may read the name.
        ends: how the code ends the session; None where that is not known.

    Raises:
        Refusal: what follows the assignment is not as plain as it has to be.
    """
    assignment = _assignment(need, document)
    around = try_around(assignment, need.name, document)
    if around is not None:
        return fix_in_try(need, assignment, around, document, provision, ends or CLOSES)
    if is_unused(assignment, need) and opens_quietly_by_hand(need, document):
        return _without_opening(assignment, need, document)
    opened = _opened(need, assignment, document, is_global=is_global)
    ends = ends or _ends_of(opened)
    if is_fallback(need.call, need.scope, document.context):
        return _close_fallback(opened, need, document, ends)
    if provision is None and uses_request(document):
        return fix_request_assignment(need, [opened.assignment, *opened.rest], document)
    return _in_block(opened, need, document, provision, ends)


def _in_block(
    opened: _Opened,
    need: Need,
    document: Document,
    provision: Provision | None,
    ends: Ends,
    *,
    keeps: bool = False,
) -> Fix:
    """Put the statements that use a session into a block; with ``keeps``, with all that ends it."""
    again = partial(_in_block, opened, need, document, provision, ends, keeps=True)
    is_told = provision is not None
    provision = provision or provision_for(need, document, injects=True)
    is_quiet = opens_quietly(need, provision, document)
    if is_told or _stays_up(opened, document, is_quiet=is_quiet):
        opened = replace(opened, before=[], statements=opened.rest)
    region = Region([opened.assignment, *opened.before, *opened.statements], document)
    entered = provision.leaving_ends if keeps else provision
    new = NewBlock(opened.name, entered, region.statements[0], region.indent, is_quiet)
    inference = document.context.file.inference
    objects = Objects(opened.name, Block(opened.statements, need.scope, inference))
    made = (_injected if provision.is_injected else _rewritten)(opened, new, region, objects)
    if stays_as_fallback(need, opened.statements, provision, document):
        old = _closed(opened, need, region)
        beside = beside_fallback(made.statements, old, provision, region.indent)
        made = made._replace(statements=[beside])
    else:
        provision = doubting_fallback(provision)
    made = made._replace(statements=region.keeping(made.statements, made.before))
    return _Replacement(opened, made, need, document, provision, ends, region).fix(again)


def _stays_up(opened: _Opened, document: Document, *, is_quiet: bool) -> bool:
    """Tell whether the session is opened where it was, and not right before its first use."""
    if not is_quiet and any(map(_does_something, opened.before)):
        return True
    says_more = not without_comment(opened.assignment, document)
    return says_more and has_comment_of_its_own(opened.assignment, document)


def is_unused(assignment: ast.stmt, need: Need) -> bool:
    """Tell whether nothing but a statement names what that binds."""
    function = need.scope.function()
    if function is None:
        return False
    own = set(ast.walk(assignment))
    return not any(node not in own and is_name(node, need.name) for node in ast.walk(function.node))


def _without_opening(assignment: ast.stmt, need: Need, document: Document) -> Fix:
    """Take away a session that nothing uses."""
    region = Region([assignment], document)
    is_alone = document.block_around(assignment) == [assignment]
    new = [PASS] if is_alone else []
    edits = (*region.rewritten(new), *without_comment(assignment, document))
    unneeded, swap = document.names_in(assignment), taken_away(need, document)
    return Fix(edits, region.losses(new), unneeded, swap=swap)


def _ends_of(opened: _Opened) -> Ends:
    last = opened.statements[-1]
    is_closed = closes(last, opened.name)
    return Ends(is_closed, on_error=is_closed and isinstance(last, ast.Try))


def _close_fallback(opened: _Opened, need: Need, document: Document, ends: Ends) -> Fix:
    """Close in a ``finally`` what a layer's fallback opens, where it stands in its place."""
    region = Region([opened.assignment, *opened.before, *opened.statements], document)
    before = region.statements[1 : len(opened.before) + 1]
    new = [*before, *_closed(opened, need, region)]
    only = closing("", is_async=need.known.is_async)
    doubts = doubts_about(need.name, opened.statements, need.scope, only, document, ends=ends)
    return Fix(region.rewritten(new), doubts + region.losses(new))


def _closed(opened: _Opened, need: Need, region: Region) -> Sequence[Statement]:
    """Give the old code, whose session is closed in a ``finally``."""
    assignment, *others = region.statements
    using = others[len(opened.before) :]
    if len(using) == 1 and closes(opened.statements[0], need.name):
        return [assignment, *using]
    cleaned = parted(without_closes(using, need.name))[1]
    if not cleaned:
        return [assignment, *using]
    return [assignment, guarded(cleaned, [closing_call(need.name, need.known)], region.indent)]


def _assignment(need: Need, document: Document) -> ast.stmt:
    assignment = document.context.file.tree.statement(need.call)
    if assignment is None or not is_plain(assignment, need.call):
        raise Refusal("it is opened as a part of another expression")
    return assignment


def _opened(need: Need, assignment: ast.stmt, document: Document, *, is_global: bool) -> _Opened:
    block = document.block_around(assignment)
    rest = block[block.index(assignment) + 1 :]
    before, statements = _used(need, rest, document)
    _refuse_other_uses(need, assignment, statements, is_global=is_global)
    is_all = len(block) == 1 + len(before) + len(statements)
    return _Opened(need.name, assignment, before, statements, block[0] is assignment, is_all)


def _clear_ends(acquisition: Acquisition, document: Document) -> Ends:
    """Tell how the code ends its session, where it is plain that nothing else does."""
    endings = document.context.file.facts(Ending)
    ending = next((e for e in endings if e.acquisition.node is acquisition.node), None)
    is_closed = _is_closed_in_finally(acquisition, document)
    if ending is None:  # the function may be too large for all its ways to be followed
        if is_closed and _is_of_plain_function(acquisition):
            return CLOSES
        raise Refusal("it is not plain who closes it")
    life = ending.lifetime
    handed = life.hand_ons
    if is_closed:  # whoever keeps it finds it closed
        handed = tuple(each for each in handed if each.how not in _KEPT_CLOSED)
    if handed:
        raise Refusal(f"line {_line(handed[0].node)} hands it on")
    if life.uses_after_close:
        raise Refusal(f"line {_line(life.uses_after_close[0])} uses it after its close")
    other = next((close for close in life.closes if close.how is not Closing.BY_HAND), None)
    if other is not None:
        raise Refusal(f"line {_line(other.node)} lets something else close it")
    return Ends(all(leak.how is Leaving.RAISES for leak in life.leaks), on_error=not life.leaks)


def _is_of_plain_function(acquisition: Acquisition) -> bool:
    function = acquisition.scope.function()
    if function is None or acquisition.holder is not Holder.LOCAL:
        return False
    return not any(isinstance(n, (ast.Yield, ast.YieldFrom)) for n in own_nodes(function.node))


def _is_closed_in_finally(acquisition: Acquisition, document: Document) -> bool:
    """Tell whether the statement after an opening closes what it opens whatever happens."""
    assignment = document.context.file.tree.statement(acquisition.node)
    if assignment is None:
        return False
    block = document.block_around(assignment)
    match block[block.index(assignment) + 1 :]:
        case [ast.Try(finalbody=final), *_]:
            return any(closes(statement, acquisition.name) for statement in final)
    return False


def _used(
    need: Need, rest: list[ast.stmt], document: Document
) -> tuple[list[ast.stmt], list[ast.stmt]]:
    """Part the statements after an opening: those before its use, and those that use it."""
    name = need.name
    rest = list(takewhile(lambda statement: not _binds(statement, name), rest))
    using = [index for index, statement in enumerate(rest) if mentions(statement, name)]
    if not using:
        raise Refusal("its block does not use it")
    last = next((index for index in using if closes(rest[index], name)), None)
    if last is None:
        objects = Objects(name, Block(rest, need.scope, document.context.file.inference))
        last = max(i for i, s in enumerate(rest) if objects.mentions(s))
    statements = rest[using[0] : last + 1]
    if closes_early(statements, name):
        raise Refusal("it is closed before the work is done")
    return rest[: using[0]], statements


def _refuse_other_uses(
    need: Need, assignment: ast.stmt, statements: list[ast.stmt], *, is_global: bool
) -> None:
    name = need.name
    first, last = assignment.end_lineno or 0, statements[-1].end_lineno or 0
    function = need.scope.function() or need.scope.module.scope
    named = [n for n in ast.walk(function.node) if isinstance(n, ast.Name) and n.id == name]
    bound_after = min((n.lineno for n in named if n.lineno > last and _is_bound(n)), default=None)
    for node in named:
        if first < node.lineno <= last and _is_bound(node):
            raise Refusal(f"line {node.lineno} binds `{name}` anew")
        is_after = node.lineno > last and (bound_after is None or node.lineno < bound_after)
        if is_after or (is_global and node.lineno < assignment.lineno):
            raise Refusal(f"line {node.lineno} uses `{name}` too")
    for statement in statements:
        for part in (statement, *own_nodes(statement)):
            refuse_tricks(part, name)


def _is_bound(node: ast.Name) -> bool:
    return not isinstance(node.ctx, ast.Load)


class _Rewritten(NamedTuple):
    """New statements in the place of old ones.

    Attributes:
        before: those before the block.
        statements: those with the block.
        body: the statements of the syntax tree that come to stand in it.
        doubts: what else may be different.
    """

    before: list[Statement]
    statements: list[Statement]
    body: list[ast.stmt]
    doubts: tuple[Doubt, ...] = ()


def _rewritten(opened: _Opened, new: NewBlock, region: Region, objects: Objects) -> _Rewritten:
    name, provision = opened.name, new.provision
    others = region.statements[1:]
    before, using = others[: len(opened.before)], others[len(opened.before) :]
    if before and opened.begins_block:
        before = parted(before)[1]
    whole = without_closes(using, name, rolls_back=provision.rolls_back)
    if new.is_quiet and not names_any(whole, name):
        nothing: list[Statement] = [PASS] if opened.is_all and not before else []
        return _Rewritten(before, parted(whole)[1] or nothing, opened.statements)
    outer = opened.statements[0]
    handled = whole[0] if len(whole) == 1 else None
    is_within = new.is_quiet and provision.commits
    if isinstance(outer, ast.Try) and isinstance(handled, cst.Try) and is_within:
        if provision.rolls_back:
            handled = without_rollbacks(handled, name)
        if not handlers_need(handled, objects):
            inner = new.around_work(
                block_of(handled.body), outer.body, objects, keeps_blank=bool(before)
            )
            body = handled.body.with_changes(body=inner)
            return _Rewritten(before, [handled.with_changes(body=body)], outer.body)
    *first, last = using
    callees = objects.callees
    tells = partial(only_tells, scope=callees.scope, inference=callees.inference)
    last, tail = without_tail(last, name, tells)
    cleaned = without_closes([*first, last], name, rolls_back=provision.rolls_back)
    blocks = new.around_work(cleaned, opened.statements, objects, keeps_blank=bool(before))
    if not tail:
        return _Rewritten(before, blocks, opened.statements)
    statements: list[Statement] = [guarded(blocks, tail, region.indent)]
    is_same = new.is_quiet and not first
    doubts = () if is_same else (tail_doubt(opened.statements[-1]),)
    return _Rewritten(before, statements, opened.statements, doubts)


@dataclass(frozen=True, slots=True)
class _Replacement:
    """What is written in the place of a session's life.

    Attributes:
        opened: the session.
        made: the new statements.
        need: what is opened by hand.
        document: the file.
        provision: what is entered instead.
        ends: how the code ends the session.
        region: where they are written.
    """

    opened: _Opened
    made: _Rewritten
    need: Need
    document: Document
    provision: Provision
    ends: Ends
    region: Region

    def fix(self, again: Callable[[], Fix]) -> Fix:
        """Give the fix that writes them.

        Args:
            again: finds the one that leaves all commits and rollbacks to the code.
        """
        opened, provision = self.opened, self.provision
        is_gone = not provision.is_injected and not names_any(self.made.statements, provision.root)
        edits = self.region.rewritten([*self.made.before, *self.made.statements])
        edits += () if is_gone else provision.edits
        if is_gone or opened.before:
            edits += without_comment(opened.assignment, self.document)
        ends_by_itself = not self._keeps_ends and self.ends == CLOSES
        return Fix(
            edits,
            self._doubts(),
            self.document.names_in(opened.assignment) | self.document.names_caught(opened.rest),
            annotation_notes(opened.assignment, self.document),
            taken_away(self.need, self.document) if is_gone else self._swap(),
            keeping=again if ends_by_itself else None,
        )

    @property
    def _keeps_ends(self) -> bool:
        """Whether all commits and rollbacks stay."""
        return keeps_ends(self.region.statements, self.made.statements, self.need.name)

    def _doubts(self) -> tuple[Doubt, ...]:
        need, made = self.need, self.made
        return (
            *doubts_about(
                need.name,
                made.body,
                need.scope,
                self.provision,
                self.document,
                closes_stay=False,
                ends=self.ends,
            ),
            *made.doubts,
            *self.region.losses([*made.before, *made.statements]),
            *about_quieted_close(need.call, need.name, need.scope),
        )

    def _swap(self) -> Swap | None:
        need, made, document = self.need, self.made, self.document
        is_tried = any(isinstance(each, cst.Try) and each.handlers for each in made.statements)
        differing = None
        if is_tried:
            assignment, tried = self.opened.assignment, self.opened.statements[0]
            differing = differing_keys(assignment, tried, need.name, need.scope, document)
        return swap_of(
            need,
            self.provision,
            document,
            enters=False,
            lends=lends(need.name, made.body, need.scope, self.provision, document),
            stays=not is_tried,
            differing=differing,
            counts=leaves_commit(self.region.statements, made.statements, need.name),
            only_closes=self._keeps_ends and self.ends == CLOSES,
        )


def _injected(opened: _Opened, new: NewBlock, region: Region, objects: Objects) -> _Rewritten:
    """Leave what was done with a session to be done with a parameter."""
    opening, *others = region.statements
    left = without_closes(others, opened.name, rolls_back=new.provision.rolls_back)
    if left or opened.is_all:
        left = in_place_of(opening, left or [PASS])
    doubts = () if new.is_quiet else (early_doubt(new.provision),)
    return _Rewritten([], left, opened.statements, doubts)


def _does_something(statement: ast.stmt) -> bool:
    """Tell whether a statement does what can be seen where an error comes after it."""
    kinds = (ast.Call, ast.Await, ast.Yield, ast.YieldFrom, ast.Delete)
    stores = (ast.Attribute, ast.Subscript)
    return any(
        isinstance(node, kinds) or (isinstance(node, stores) and not isinstance(node.ctx, ast.Load))
        for node in ast.walk(statement)
    )


def _binds(statement: ast.stmt, name: str) -> bool:
    """Tell whether a statement by itself gives a name another value."""
    match statement:
        case ast.Assign(targets=targets):
            return any(is_name(target, name) for target in targets)
        case ast.AnnAssign(target=target):
            return is_name(target, name)
    return False


def _line(node: ast.AST) -> int:
    line: int = node.lineno  # type: ignore[attr-defined]
    return line
