"""Endings: what becomes of each session and connection on the ways through its function."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Set

from flake8_dbsession.analysis.effects.effects import Effects
from flake8_dbsession.analysis.effects.errors import raised_by
from flake8_dbsession.analysis.effects.handlers import caught_classes
from flake8_dbsession.analysis.effects.raising import is_imported
from flake8_dbsession.analysis.effects.work.handed_out import is_handed_out_in_use
from flake8_dbsession.analysis.facts.acquisition.acquisitions import (
    Acquisition,
    Holder,
    acquisitions,
    unpacked,
)
from flake8_dbsession.analysis.facts.acquisition.callers import callers_of
from flake8_dbsession.analysis.facts.acquisition.held_otherwise import is_of_a_built_query
from flake8_dbsession.analysis.facts.acquisition.joining import joins_a_connection
from flake8_dbsession.analysis.facts.connection.databases import has_one_connection
from flake8_dbsession.analysis.facts.lifetime.guards import own_tests, under_ownership
from flake8_dbsession.analysis.facts.lifetime.last_steps import is_last_step
from flake8_dbsession.analysis.facts.lifetime.process_end import (
    ends_process,
    is_called_elsewhere,
    is_endless,
    is_script,
    is_step_of_a_script,
)
from flake8_dbsession.analysis.facts.lifetime.setting_up import setup_calls
from flake8_dbsession.analysis.flow import Flowing, Graph, build
from flake8_dbsession.analysis.flow.exceptions import ANY_EXCEPTION, Caught, caught_by
from flake8_dbsession.analysis.library.drivers import (
    GIVINGS,
    BlockEnd,
    Taking,
    driver_of,
)
from flake8_dbsession.analysis.library.methods import (
    ENDING_TRANSACTIONS,
    FRAME_READERS,
    KEEPING_NOTHING,
)
from flake8_dbsession.analysis.library.python import EXPECTING, KEEPING
from flake8_dbsession.analysis.library.wrappers import CLOSING
from flake8_dbsession.analysis.lifetimes import (
    FOR_GOOD,
    KEPT,
    Handing,
    HandOn,
    Leak,
    Leaving,
    Lifetime,
    Opened,
    lifetimes,
)
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.bindings import bindings_of
from flake8_dbsession.analysis.names.functions import (
    is_context_manager,
    is_fixture,
)
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import LOOPS, Scope, last_segment
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.names.values import (
    ClassValue,
    External,
    FunctionValue,
    Resource,
    Role,
    RoleValue,
)
from flake8_dbsession.analysis.nodes import is_name, nodes_in, own_nodes
from flake8_dbsession.named_tuples import NamedTuple

# The function's flow does not end what these hold.
_ENDED_ELSEWHERE = frozenset(
    {
        Holder.ATTRIBUTE,
        Holder.CLASS,
        Holder.DEFAULT,
        Holder.GLOBAL,
        Holder.INSTANCE,
        Holder.RETURN,
    }
)
_MOST_LINES = 4_000  # of a function; what is longer was generated, and is not judged
_YIELDS = (ast.Yield, ast.YieldFrom)


class Ending(NamedTuple):
    """An acquisition, and what becomes of it.

    Attributes:
        acquisition: what is opened.
        lifetime: its closes, hand-ons and leaks.
        scope: the function or module whose flow it was followed through.
        taking: how it was taken from a pool, and goes back there; None for what is its own.
        cancelled: the awaits of which all errors are caught, but no cancellation.
    """

    acquisition: Acquisition
    lifetime: Lifetime
    scope: Scope
    taking: Taking | None
    cancelled: frozenset[ast.AST] = frozenset()

    @property
    def is_pooled(self) -> bool:
        """Whether it was taken from a pool."""
        return self.taking is not None

    @property
    def is_handed_on_for_good(self) -> bool:
        """Whether others see to it from then on, on some way, be it closed there."""
        return any(hand_on.how in FOR_GOOD for hand_on in self.lifetime.hand_ons)

    @property
    def lives_on(self) -> bool:
        """Whether it is handed on for good on some way, and open: no block of its own ends it."""
        return self.lifetime.outlives and self.is_handed_on_for_good

    @property
    def is_kept(self) -> bool:
        """Whether others may work with it when the function has ended, as the code there shows.

        What only a called function keeps, or a generator hands out, is left out, and what is closed
        on another way.
        """
        if self.lifetime.closes or any(isinstance(n, _YIELDS) for n in own_nodes(self.scope.node)):
            return False
        return self.lifetime.outlives and any(
            each.how in KEPT and _shows_keeper(each.node, self.scope)
            for each in self.lifetime.hand_ons
        )

    @property
    def leaves_with_its_cursor(self) -> bool:
        """Whether the function returns a cursor, by which nobody closes the connection."""
        cursors = _cursors_of(self.acquisition, self.scope)
        return any(cursors.is_returned(leak) for leak in self.lifetime.leaks)

    @property
    def keeps_its_cursor(self) -> bool:
        """Whether an object keeps a cursor of the connection, which needs that to be open."""
        cursors = _cursors_of(self.acquisition, self.scope)
        return any(
            isinstance(node, ast.Assign)
            and any(isinstance(target, ast.Attribute) for target in node.targets)
            and cursors.gives_one(node.value)
            for node in own_nodes(self.scope.node)
        )

    def is_cancelled(self, leak: Leak) -> bool:
        """Tell whether only a cancellation leaks: a handler catches the errors of an await."""
        return leak.node in self.cancelled

    @property
    def is_discarded(self) -> bool:
        """Whether it is used and lost on the spot, with nothing left to close it by."""
        if self.acquisition.holder is Holder.DISCARDED:
            return bool(self.lifetime.leaks)
        return self.lifetime.is_discarded


def _shows_keeper(node: ast.AST, scope: Scope) -> bool:
    """Tell whether a hand-on names what keeps it, or is the ``return`` of its own function."""
    if isinstance(node, ast.Call):
        is_container = isinstance(node.func, ast.Attribute) and node.func.attr in KEEPING
        return is_container and not is_imported(node.func, scope)
    return isinstance(node, (ast.Attribute, ast.Return, ast.Subscript))


def endings(tree: Tree, inference: Inference) -> Iterator[Ending]:
    """Follow the sessions and connections that functions, or the module, open for themselves.

    Args:
        tree: the visited part of a file.
        inference: answers what is opened, and what calls do with it.

    Yields:
        The acquisitions that the function has to end. Left out are those that a ``with`` block
        closes or that another holds from the start, and all those of a function that is too large
        to be judged.
    """
    by_scope: dict[tuple[Scope, bool], list[Acquisition]] = {}
    for acquisition in (*acquisitions(tree, inference), *unpacked(tree, inference)):
        scope = _flow_of(acquisition)
        if scope is not None and not _is_settled(acquisition, tree, inference):
            ends = not _is_lost_by_import(acquisition, scope) and ends_process(scope, inference)
            by_scope.setdefault((scope, ends), []).append(acquisition)
    for (scope, ends), found in by_scope.items():
        yield from _endings_in(scope, found, tree, inference, ends=ends)


def _cancelled(lifetime: Lifetime, scope: Scope, inference: Inference) -> Iterator[ast.AST]:
    """Give the awaits that leak only by a cancellation: a handler catches their errors."""
    for leak in lifetime.leaks:
        if leak.how is Leaving.RAISES and isinstance(leak.node, ast.Await):
            call = leak.node.value
            raised = ANY_EXCEPTION
            if isinstance(call, ast.Call):
                raised = raised_by(call, scope, inference)
            handlers = _handlers_around(leak.node, scope)
            caught = (caught_classes(each.type, scope, inference) for each in handlers)
            if any(caught_by(raised, classes) is Caught.YES for classes in caught):
                yield leak.node


def _handlers_around(node: ast.AST, scope: Scope) -> Iterator[ast.ExceptHandler]:
    for above in own_nodes(scope.node):
        if isinstance(above, ast.Try) and any(node in nodes_in(each) for each in above.body):
            yield from above.handlers


def _is_lost_by_import(acquisition: Acquisition, scope: Scope) -> bool:
    """Tell whether an imported module takes from what works on afterwards, and loses it at once.

    That is by a block over what was taken from a pool, or by a statement that drops it.
    """
    is_block = acquisition.holder is Holder.BLOCK and taking_of(acquisition.known) is not None
    is_lost = is_block or acquisition.holder is Holder.DISCARDED
    return is_lost and isinstance(scope.node, ast.Module) and not is_script(scope)


def _endings_in(
    scope: Scope, found: list[Acquisition], tree: Tree, inference: Inference, *, ends: bool
) -> Iterator[Ending]:
    opened = [_opened(acquisition, tree, inference) for acquisition in found]
    followed = _followed(scope, found, opened, tree, inference)
    if followed is None:
        return
    owned = under_ownership(scope) - own_tests(scope).calls
    ends_script = is_step_of_a_script(scope)
    for acquisition, lifetime in zip(found, followed, strict=True):
        if lifetime is not None and not any(close.node in owned for close in lifetime.closes):
            cursors = _cursors_of(acquisition, scope)
            kept = _with_cursors_handed_on(lifetime, cursors, scope, inference)
            if ends_script:
                kept = _without_raises(kept)
            if ends and kept.leaks and not is_called_elsewhere(scope, inference):
                kept = kept._replace(leaks=tuple(_lost_again(acquisition, kept, scope)))
            elif not ends and kept.leaks and _ends_with_a_step(acquisition, scope, inference):
                kept = kept._replace(leaks=())
            cancelled = frozenset(_cancelled(kept, scope, inference))
            yield Ending(acquisition, kept, scope, _taking(acquisition, inference), cancelled)


def _followed(
    scope: Scope,
    found: list[Acquisition],
    opened: list[Opened],
    tree: Tree,
    inference: Inference,
) -> tuple[Lifetime | None, ...] | None:
    """Follow what a function opens through its flow; None where it is too large for that."""
    effects = Effects(inference)
    graph = _graph(scope, found, effects, tree, inference)
    if graph is None:
        return None
    traits = effects.traits(
        scope,
        block_closes=any(each.block_closes for each in opened),
        yields=_yields_to_a_closer(scope),
    )
    return lifetimes(graph, opened, traits, own_tests(scope).told)


def keeping_leaks(ending: Ending, tree: Tree, inference: Inference) -> tuple[Leak, ...]:
    """Give the ways on which a session that is left open keeps a connection.

    Args:
        ending: the session.
        tree: the visited part of the file.
        inference: answers what calls do with it.

    Returns:
        Its leaks, without those that come after the end of its last transaction: with that the
        pool has the connection back.
    """
    if not _ends_transactions(ending.scope):
        return ending.lifetime.leaks
    opened = _opened(ending.acquisition, tree, inference)._replace(rests=True)
    followed = _followed(ending.scope, [ending.acquisition], [opened], tree, inference) or ()
    raises = any(leak.how is Leaving.RAISES for leak in ending.lifetime.leaks)
    return tuple(
        leak
        for lifetime in followed
        for leak in (lifetime.leaks if lifetime is not None else ending.lifetime.leaks)
        if raises or leak.how is not Leaving.RAISES
    )


@remembered
def _ends_transactions(scope: Scope) -> bool:
    """Tell whether a function may end the transaction of anything."""
    nodes = (node for node in own_nodes(scope.node) if isinstance(node, ast.Attribute))
    return any(node.attr in ENDING_TRANSACTIONS for node in nodes)


def _taking(acquisition: Acquisition, inference: Inference) -> Taking | None:
    """Tell how a connection was taken from a pool, that pool's own options included."""
    taking = taking_of(acquisition.known)
    pool = getattr(acquisition.node.func, "value", None)
    if taking is None or pool is None:
        return taking
    for binding in bindings_of(pool, acquisition.scope, inference):
        made = getattr(binding.how, "value", None)
        if isinstance(made, ast.Call) and any(map(_returns_at_close, made.keywords)):
            return taking._replace(close_gives_back=True)
    return taking


def _returns_at_close(option: ast.keyword) -> bool:
    # https://www.psycopg.org/psycopg3/docs/api/pool.html#psycopg_pool.ConnectionPool
    is_true = isinstance(option.value, ast.Constant) and option.value.value is True
    return option.arg == "close_returns" and is_true


def _ends_with_a_step(acquisition: Acquisition, scope: Scope, inference: Inference) -> bool:
    """Tell whether the process ends right after a function that opens something but once."""
    loops = (node for node in own_nodes(scope.node) if isinstance(node, LOOPS))
    is_opened_again = any(acquisition.node in nodes_in(loop) for loop in loops)
    return not is_opened_again and is_last_step(scope, inference)


def _lost_again(acquisition: Acquisition, lifetime: Lifetime, scope: Scope) -> Iterator[Leak]:
    """Give the leaks that no end of the process makes good: those of each turn of endless work.

    What has no name is lost at once, and the loop may end with it.
    """
    is_named = acquisition.holder is not Holder.DISCARDED
    loops = [node for node in own_nodes(scope.node) if is_endless(node)]
    if is_named and any(acquisition.node in nodes_in(loop) for loop in loops):
        yield from (leak for leak in lifetime.leaks if leak.how is Leaving.LOSES)


def _flow_of(acquisition: Acquisition) -> Scope | None:
    """Give the function, or the module, whose flow opens something; None for a class body."""
    function = acquisition.scope.function()
    if function is not None:
        return function
    module = acquisition.scope.module.scope
    return module if acquisition.scope.enclosing_class() is None else None


def _is_settled(acquisition: Acquisition, tree: Tree, inference: Inference) -> bool:
    """Tell whether it is plain, without a look at the flow, who ends an acquisition."""
    if acquisition.holder in _ENDED_ELSEWHERE:
        return True
    if joins_a_connection(acquisition.node, acquisition.scope, inference):
        return True
    if _is_expected_to_fail(acquisition, tree):
        return True
    if is_of_a_built_query(acquisition, tree, inference):
        return True
    if has_one_connection(acquisition.node, acquisition.scope, inference):
        return True
    if acquisition.holder is Holder.BLOCK:
        item = acquisition.target
        if not isinstance(item, ast.withitem):
            return True
        return _block_closes(acquisition, tree)
    if acquisition.holder is Holder.ARGUMENT:
        return not _is_followed(acquisition, tree, inference)
    return False


def _is_in_closing(call: ast.Call, tree: Tree) -> bool:
    """Tell whether ``closing`` stands around an opening, also on a condition or under a name."""
    for node in tree.ancestors(call):
        if isinstance(node, (ast.stmt, ast.withitem)):
            break
        if isinstance(node, ast.Call) and last_segment(node.func) in CLOSING:
            return True
    return False


def _is_expected_to_fail(acquisition: Acquisition, tree: Tree) -> bool:
    """Tell whether a test is about the opening that fails.

    That is the last statement of ``with pytest.raises(...):``, or one that a failure follows, as
    ``assert False`` does in a ``try``.
    """
    statement = tree.statement(acquisition.node)
    block = tree.parent(statement) if statement is not None else None
    match block:
        case ast.With(body=body, items=items) | ast.AsyncWith(body=body, items=items):
            is_about = any(last_segment(item.context_expr) in EXPECTING for item in items)
            return is_about and statement is body[-1]
        case ast.Try(body=[*_, before, last], handlers=[_, *_]) if before is statement:
            return _fails(last)
        case ast.Try(body=[*_, last], orelse=[otherwise, *_]) if last is statement:
            return _fails(otherwise)
    return False


def _fails(statement: ast.stmt) -> bool:
    """Tell whether a statement makes its test fail: ``assert False``, ``pytest.fail(...)``."""
    match statement:
        case ast.Assert(test=ast.Constant(value=False | 0)):
            return True
        case ast.Expr(value=ast.Call(func=function)):
            return last_segment(function) in ("fail", "xfail")
        case ast.Raise(exc=ast.expr() as error):
            return last_segment(error) == "AssertionError"
    return False


def _is_followed(acquisition: Acquisition, tree: Tree, inference: Inference) -> bool:
    """Tell whether an acquisition is handed straight to a call that can be looked into."""
    call = acquisition.target
    if not _opens_quietly(acquisition) and _is_coroutine(acquisition, tree):
        return False
    if not isinstance(call, ast.Call):
        return False
    callee = inference.value(call.func, acquisition.scope)
    if isinstance(callee, External):
        is_frame = callee.name in FRAME_READERS
        return is_frame or callee.name.rpartition(".")[2] in KEEPING_NOTHING
    if callee is None:
        return last_segment(call.func) in KEEPING_NOTHING
    return isinstance(callee, (FunctionValue, ClassValue))


def _opened(acquisition: Acquisition, tree: Tree, inference: Inference) -> Opened:
    above = tree.parent(acquisition.node)
    is_connection = acquisition.known.resource is Resource.CONNECTION
    is_live = is_connection or _is_in_use(acquisition, inference)
    return Opened(
        above if isinstance(above, ast.Await) else acquisition.node,
        live_at_once=is_live and not _is_coroutine(acquisition, tree),
        block_closes=_block_closes(acquisition, tree),
        part=acquisition.part,
        beside=acquisition.beside,
        is_session=not is_connection,
        is_async=acquisition.known.is_async,
    )


def _is_in_use(acquisition: Acquisition, inference: Inference) -> bool:
    """Tell whether the function that hands a session out has worked with it."""
    if acquisition.known.source is not Role.ACCESSOR and acquisition.part is None:
        return False
    callee = inference.value(acquisition.node.func, acquisition.scope)
    if not isinstance(callee, FunctionValue):
        return False
    function = callee.scope.child(callee.node)
    return is_handed_out_in_use(function, acquisition.part, inference=inference)


def _block_closes(acquisition: Acquisition, tree: Tree) -> bool:
    if _is_in_closing(acquisition.node, tree):
        return True
    taking = taking_of(acquisition.known)
    if taking is not None:
        return taking.block_gives_back
    return BlockEnd.CLOSES in driver_of(acquisition.known.library).block


def taking_of(known: RoleValue) -> Taking | None:
    """Tell how a connection was taken from a pool; None for one that was not."""
    return driver_of(known.library).taking if known.is_pooled else None


def _givings(nodes: Iterable[ast.AST]) -> Iterator[ast.Call]:
    """Give the calls that give back, and those in them that only name the pool again."""
    for node in nodes:
        match node:
            case ast.Call(func=ast.Attribute(value=owner, attr=method)) if method in GIVINGS:
                yield node
                yield from (each for each in nodes_in(owner) if isinstance(each, ast.Call))


def _last_calls(nodes: Iterable[ast.AST], names: Set[str]) -> Iterator[ast.Call]:
    """Give the calls of a ``finally`` that are handed what is to end: ``put_back(conn)``.

    What they do decides; that they fail before it is no way to leave it open.
    """
    for final in (each for node in nodes for each in getattr(node, "finalbody", ())):
        match final:
            case ast.Expr(value=ast.Call(args=[ast.Name(id=name)]) as call) if name in names:
                yield call


def _graph(
    scope: Scope,
    found: list[Acquisition],
    effects: Effects,
    tree: Tree,
    inference: Inference,
) -> Graph | None:
    root: Flowing = scope.node  # type: ignore[assignment]
    if not isinstance(root, ast.Module) and (root.end_lineno or 0) - root.lineno > _MOST_LINES:
        return None
    quiet = {a.node for a in found if _opens_quietly(a) or _is_coroutine(a, tree)}
    failing = frozenset(call for a in found for call in _awaited_to_fail(a, tree))
    sessions = {
        name
        for each in found
        if each.known.resource is Resource.SESSION
        for name in (each.name, each.local_name)
    }
    quiet |= {*_givings(own_nodes(root)), *_last_calls(own_nodes(root), {a.name for a in found})}
    plain = effects.calls(scope)
    opened = {a.name for a in found if a.known.resource is Resource.CONNECTION}
    quiet |= setup_calls(scope, opened, effects, inference)

    def raises(call: ast.Call) -> bool:
        is_quiet = call in quiet or _only_adds(call, sessions)
        return call in failing or (not is_quiet and plain.may_raise(call))

    return build(root, plain._replace(may_raise=raises), yield_raises=not is_fixture(scope.node))


def _awaited_to_fail(acquisition: Acquisition, tree: Tree) -> Iterator[ast.Call]:
    """Give the calls whose errors a handler awaits to open something in their stead."""
    for above in tree.ancestors(acquisition.node):
        if isinstance(above, ast.ExceptHandler) and isinstance(
            tried := tree.parent(above), ast.Try
        ):
            for statement in tried.body:
                yield from (node for node in nodes_in(statement) if isinstance(node, ast.Call))


def _opens_quietly(acquisition: Acquisition) -> bool:
    """Tell whether nothing is done yet when something is opened: a session connects later."""
    return acquisition.known.source in (Role.FACTORY, Role.SESSION_CLASS)


def _is_coroutine(acquisition: Acquisition, tree: Tree) -> bool:
    """Tell whether what a call gives opens nothing before it is awaited or entered."""
    return acquisition.known.is_async and not isinstance(tree.parent(acquisition.node), ast.Await)


def _only_adds(call: ast.Call, sessions: Set[str]) -> bool:
    """Tell whether a call only notes for a session what to write at the next flush."""
    match call.func:
        case ast.Attribute(value=ast.Name(id=name), attr="add"):
            return name in sessions
    return False


def _yields_to_a_closer(scope: Scope) -> bool:
    """Tell whether a generator gives out one after the other, and closes none of them itself.

    One that yields once is driven as a dependency is, and has to close what it yields.
    """
    if is_context_manager(scope.node) or is_fixture(scope.node):
        return False
    nodes = own_nodes(scope.node)
    if any(isinstance(node, ast.Attribute) and node.attr == "close" for node in nodes):
        return False
    loops = (node for node in nodes if isinstance(node, LOOPS))
    return any(isinstance(inner, ast.Yield) for loop in loops for inner in own_nodes(loop))


class _Cursors(NamedTuple):
    """The cursors of a connection in its function.

    Attributes:
        names: those with a name.
        owners: what gives one by ``cursor()``: the expression that opens the connection, its name.
        is_executed: whether ``execute`` gives one as well.
    """

    names: frozenset[str]
    owners: tuple[ast.expr, str]
    is_executed: bool

    def gives_one(self, value: ast.expr | None) -> bool:
        """Tell whether an expression gives a cursor of the connection."""
        match value:
            case ast.Name(id=name):
                return name in self.names
            case ast.Call(func=ast.Attribute(value=owner, attr="cursor")):
                return self._is_connection(owner)
            case ast.Call(func=ast.Attribute(value=owner, attr="execute")) if self.is_executed:
                return self._is_connection(owner) or self.gives_one(owner)
        return False

    def is_returned(self, leak: Leak) -> bool:
        """Tell whether a leak is the return of a cursor."""
        is_return = leak.how is Leaving.RETURNS and isinstance(leak.node, ast.Return)
        return is_return and self.gives_one(leak.node.value)  # type: ignore[attr-defined]

    def _is_connection(self, owner: ast.expr) -> bool:
        opened, name = self.owners
        return owner is opened or (bool(name) and is_name(owner, name))


def _cursors_of(acquisition: Acquisition, scope: Scope) -> _Cursors:
    """Find the cursors of a connection that a function opens."""
    is_executed = driver_of(acquisition.known.library).execute_gives_cursor
    cursors = _Cursors(frozenset(), (acquisition.node, acquisition.name), is_executed)
    return cursors._replace(
        names=frozenset(
            target.id
            for node in own_nodes(scope.node)
            if isinstance(node, ast.Assign) and cursors.gives_one(node.value)
            for target in node.targets
            if isinstance(target, ast.Name)
        )
    )


def _with_cursors_handed_on(
    lifetime: Lifetime, cursors: _Cursors, scope: Scope, inference: Inference
) -> Lifetime:
    """Take a returned cursor for what it is: it holds its connection, and hands that on.

    Not where the callers are seen, and none of them asks the cursor for its connection.
    """
    returned = [leak for leak in lifetime.leaks if cursors.is_returned(leak)]
    if not returned or _leave_it_to_the_cursor(scope, inference):
        return lifetime
    return lifetime._replace(
        leaks=tuple(leak for leak in lifetime.leaks if leak not in returned),
        hand_ons=tuple(HandOn(leak.node, Handing.RETURNED) for leak in returned),
    )


def _leave_it_to_the_cursor(function: Scope, inference: Inference) -> bool:
    callers = list(callers_of(function, inference))
    return bool(callers) and not any(
        isinstance(node, ast.Attribute) and node.attr == "connection"
        for caller in callers
        for node in own_nodes(caller.node)
    )


def _without_raises(lifetime: Lifetime) -> Lifetime:
    """Leave out where an exception leaves the function: the process ends with it."""
    leaks = tuple(leak for leak in lifetime.leaks if leak.how is not Leaving.RAISES)
    return lifetime._replace(leaks=leaks)
