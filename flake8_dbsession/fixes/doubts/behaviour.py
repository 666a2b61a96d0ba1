"""Whether a block does the same under the house's provider as it does by hand.

What is left uncommitted, by the block or by a helper that is given the session, is found by
``analysis/effects/work/changes.py``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence, Set

from flake8_dbsession.analysis.effects.work.block import Block
from flake8_dbsession.analysis.effects.work.leaving import outliving, outliving_an_error
from flake8_dbsession.analysis.effects.work.loaded import Objects
from flake8_dbsession.analysis.effects.work.model import Broken, Pending
from flake8_dbsession.analysis.effects.work.pending import Left, left_by
from flake8_dbsession.analysis.names.scopes import LOOPS, Scope, body_of, last_segment
from flake8_dbsession.analysis.nodes import blocks, own_nodes, run_with
from flake8_dbsession.fixes.blocks.injected import later_work
from flake8_dbsession.fixes.blocks.provision import Provision
from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Doubt, Kind


class Ends(NamedTuple):
    """Whether code closes its session by itself.

    Attributes:
        without_error: whether it does on the paths without an exception.
        on_error: whether it does on the paths of an exception.
        soon: whether something else does so soon where it does not.
    """

    without_error: bool = True
    on_error: bool = True
    soon: bool = False


CLOSES = Ends()
"""Code that closes its session whatever happens."""


def doubts_about(
    session: str,
    body: Sequence[ast.stmt],
    scope: Scope,
    provision: Provision,
    document: Document,
    *,
    closes_stay: bool = True,
    ends: Ends = CLOSES,
) -> tuple[Doubt, ...]:
    """Say why a block may behave differently under a provider.

    Args:
        session: the session's name.
        body: the statements that are to work under the provider.
        scope: the scope that they stand in.
        provision: the provider.
        document: the file.
        closes_stay: whether the closes among the statements stay there.
        ends: how the code as it is ends its session.

    Returns:
        The doubts; none where the block is certain to do the same.
    """
    objects = Objects(session, Block(body, scope, document.context.file.inference))
    doubts = [*doubts_of(provision)]
    if provision.commits or not (ends.without_error or ends.soon):
        left = left_by(body, objects, closes_stay=closes_stay)
        if provision.commits:
            doubts += about_left(left, provision.name)
        else:
            doubts += [_given_up(each) for each in left.pending]
    doubts += _about_objects(objects, body, scope, provision, ends)
    if provision.is_injected:
        doubts += _about_later(body, scope, document)
    return tuple(doubts)


def lends(
    session: str, body: Sequence[ast.stmt], scope: Scope, provision: Provision, document: Document
) -> bool:
    """Tell whether a loaded object outlives a commit only as the house's factory keeps it loaded.

    Args:
        session: as ``doubts_about`` takes it.
        body: as ``doubts_about`` takes it.
        scope: as ``doubts_about`` takes it.
        provision: as ``doubts_about`` takes it.
        document: as ``doubts_about`` takes it.
    """
    if not (provision.commits and provision.keeps_loaded):
        return False
    objects = Objects(session, Block(body, scope, document.context.file.inference))
    return outliving(objects, body, names_read_outside(body, scope).__contains__) is not None


def doubts_of(provision: Provision) -> Iterator[Doubt]:
    """Give what speaks against a provider, whatever it is used for."""
    return (Doubt(Kind.OTHER, reason) for reason in provision.doubts)


def about_left(left: Left, provider: str) -> Iterator[Doubt]:
    """Doubt that a provider should commit what a block leaves, and that it can.

    Args:
        left: what the block leaves.
        provider: the provider, which commits.
    """
    yield from (_about_pending(each, provider) for each in left.pending)
    if left.broken is not None:
        yield _about_broken(left.broken, provider)


def _about_broken(broken: Broken, provider: str) -> Doubt:
    """Doubt that the provider's commit works, where code goes on after one that failed."""
    line, call, _ = broken
    may = f"`{call}` on line {line} may catch" if call else f"the code may catch, on line {line},"
    reason = f"{may} a failed flush or commit without a rollback, and `{provider}` could not commit"
    return Doubt(Kind.ERROR_PATH, reason, call)


def _about_pending(pending: Pending, provider: str) -> Doubt:
    line, call, is_seen = pending
    if not is_seen:
        reason = f"`{call}` on line {line} may leave work that `{provider}` would commit"
        return Doubt(Kind.HELPER, reason, call)
    what = f"`{call}` on line {line} leaves" if call else f"line {line} may leave"
    return Doubt(Kind.COMMIT, f"`{provider}` would commit what {what} uncommitted", call)


def _given_up(pending: Pending) -> Doubt:
    """Doubt that work may be lost: others may see it, on a connection that they share."""
    reason = f"the block would give up what line {pending.line} may leave uncommitted"
    return Doubt(Kind.OTHER, reason)


def _about_later(body: Sequence[ast.stmt], scope: Scope, document: Document) -> Iterator[Doubt]:
    """Say why a session that stays open to the end of the request may hold something up."""
    line = later_work(body, scope, document.context.file.inference)
    if line is not None:
        yield Doubt(Kind.OTHER, f"the session would be open still when line {line} works")


def _about_objects(
    objects: Objects,
    body: Sequence[ast.stmt],
    scope: Scope,
    provision: Provision,
    ends: Ends,
) -> Iterator[Doubt]:
    """Say why a loaded object that outlives the block may be of no use there."""
    later = names_read_outside(body, scope)
    left = outliving(objects, body, later.__contains__)
    if left is None:
        return
    line = left.lineno  # type: ignore[attr-defined]
    if provision.commits and not provision.keeps_loaded:
        reason = f"`{provision.name}` expires loaded objects when it commits, and line {line} may"
        yield Doubt(Kind.EXPIRE, f"{reason} let one out of the block")
    if not ends.without_error or provision.is_injected:
        reason = f"line {line} may let a loaded object out of the block, whose session stays open"
        yield Doubt(Kind.OTHER, f"{reason} now")
    if provision.rolls_back or not ends.on_error:
        if not _is_caught(body, scope):
            later = _declared(body, scope)
        left = outliving_an_error(objects, body, later.__contains__)
        if left is not None:
            yield _about_error(left.lineno, provision)  # type: ignore[attr-defined]


def _about_error(line: int, provision: Provision) -> Doubt:
    if provision.rolls_back:
        reason = f"`{provision.name}` expires loaded objects when it rolls back, and line {line}"
        return Doubt(Kind.EXPIRE, f"{reason} may let one out of the block")
    reason = f"line {line} may let a loaded object out, whose session an error closes now"
    return Doubt(Kind.ERROR_PATH, reason)


def _is_caught(body: Sequence[ast.stmt], scope: Scope) -> bool:
    """Tell whether a function goes on after an error in a block."""
    return any(
        _catches(node) and node.lineno < body[0].lineno <= (node.end_lineno or 0)  # type: ignore[attr-defined]
        for node in own_nodes((scope.function() or scope.module.scope).node)
    )


def _catches(node: ast.AST) -> bool:
    match node:
        case ast.With(items=items) | ast.AsyncWith(items=items):
            return any(last_segment(item.context_expr) == "suppress" for item in items)
    return bool(getattr(node, "handlers", ()))


def names_read_outside(body: Sequence[ast.stmt], scope: Scope) -> set[str]:
    """Give the names that are read after a block, as ``read_outside`` finds them, or by others.

    Args:
        body: the block's statements.
        scope: the scope that they stand in.
    """
    return {node.id for node in read_outside(body, scope)} | _declared(body, scope)


def read_outside(body: Sequence[ast.stmt], scope: Scope) -> list[ast.Name]:
    """Find what a function reads after a block, or before it in a loop around both.

    Args:
        body: the block's statements.
        scope: the scope that they stand in.
    """
    function = scope.function() or scope.module.scope
    first, last = body[0].lineno, body[-1].end_lineno or 0
    loops = {
        node.lineno: {*_read_anew(node.body, node.lineno, frozenset())}
        for node in own_nodes(function.node)
        if isinstance(node, LOOPS) and node.lineno < first and last <= (node.end_lineno or 0)
    }
    anew = {*_read_anew(body_of(function.node), last, frozenset()), *_read_within(function.node)}
    return [
        node
        for node in ast.walk(function.node)
        if isinstance(node, ast.Name)
        and isinstance(node.ctx, ast.Load)
        and node not in anew
        and (node.lineno > last or (node.lineno < first and _is_read_again(node, loops)))
    ]


def _is_read_again(read: ast.Name, loops: Mapping[int, Set[ast.Name]]) -> bool:
    """Tell whether another turn of a loop reads a name that it does not bind again before.

    Args:
        read: what reads it.
        loops: the loops around a block below, by their lines, with what reads a name anew there.
    """
    return any(line <= read.lineno and read not in anew for line, anew in loops.items())


def _read_anew(body: Sequence[ast.stmt], after: int, bound: frozenset[str]) -> Iterator[ast.Name]:
    """Find what reads a name that is surely bound again since a block.

    Args:
        body: statements of which each is run after the one before.
        after: the block's last line.
        bound: the names that are bound again before them.
    """
    for statement in body:
        if bound:
            read = (node for node in run_with(statement) if isinstance(node, ast.Name))
            yield from (name for name in read if name.id in bound)
        is_later = statement.lineno > after
        for inner in blocks(statement):
            is_first = is_later and inner is statement.body  # type: ignore[attr-defined]
            inside = _bound_within(statement) if is_first else set()
            yield from _read_anew(inner, after, bound | inside)
        for part in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
            yield from _read_anew(part.body, after, bound)
        if is_later:
            bound |= _bound_behind(statement)


def _read_within(node: ast.AST) -> Iterator[ast.Name]:
    """Find what reads a name that a comprehension binds for itself."""
    for each in ast.walk(node):
        if isinstance(each, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            outside = set(ast.walk(each.generators[0].iter))
            own = _stored_in(each)
            for name in ast.walk(each):
                if isinstance(name, ast.Name) and name.id in own and name not in outside:
                    yield name


def _bound_within(statement: ast.stmt) -> set[str]:
    """Give the names that the head of a statement binds for its body."""
    match statement:
        case ast.With(items=items) | ast.AsyncWith(items=items):
            return {name for item in items for name in _stored_in(item)}
        case ast.For(target=target) | ast.AsyncFor(target=target):
            return _stored_in(target)
    return set()


def _bound_behind(statement: ast.stmt) -> set[str]:
    """Give the names that a statement binds for those after it."""
    match statement:
        case ast.Assign() | ast.AnnAssign(value=ast.expr()):
            return _stored_in(statement)
    return set()


def _stored_in(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and _is_store(n)}


def _declared(body: Sequence[ast.stmt], scope: Scope) -> set[str]:
    """Give the names that others than the function may read."""
    function = scope.function() or scope.module.scope
    declared = {
        name
        for node in own_nodes(function.node)
        if isinstance(node, (ast.Global, ast.Nonlocal))
        for name in node.names
    }
    if isinstance(function.node, ast.Module):
        declared |= {n.id for s in body for n in ast.walk(s) if _is_store(n)}  # type: ignore[attr-defined]
    return declared


def _is_store(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
