"""DBS105."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import takewhile

from flake8_dbsession.analysis.effects.work.model import LASTING, Did
from flake8_dbsession.analysis.effects.work.uses import thing_of, uses_of_name
from flake8_dbsession.analysis.facts.acquisition.acquisitions import is_closed_by_hand
from flake8_dbsession.analysis.facts.acquisition.driven import DrivenDependency
from flake8_dbsession.analysis.facts.lifetime.in_tests import only_looks_at_double
from flake8_dbsession.analysis.flow.exceptions import (
    ANY_EXCEPTION,
    Caught,
    caught_by,
    class_names,
)
from flake8_dbsession.analysis.names.parents import ancestors_in
from flake8_dbsession.analysis.names.scopes import LOOPS, last_segment
from flake8_dbsession.analysis.names.values import FunctionValue, Value
from flake8_dbsession.analysis.nodes import is_name, nodes_in, own_nodes
from flake8_dbsession.house.advice import Advice
from flake8_dbsession.house.block_ends import leaving_of
from flake8_dbsession.house.driven import way_of_driven, work_after
from flake8_dbsession.house.fitting import in_coroutine, leaves_in_an_object, passed_in
from flake8_dbsession.house.model import Way
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.registry import register

_PLAIN_STEPS = frozenset({"__next__", "next", "send"})


@register
class HandDrivenDependency(Rule[DrivenDependency]):
    """A dependency's generator is driven by hand.

    ## What it does
    Reports `next(get_db())`, `anext(...)`, `.__next__()`, `.send(None)`, and `for` and `async for`
    loops over a dependency, wherever they stand. Silent where the generator is kept under a name
    and closed in a `finally`, or handed to what closes it; in tests it is enough that the generator
    is closed, driven on or returned at all, since that is how a dependency itself is tested, or
    that the test patches what the dependency opens from, and runs no statement on what it gave. One
    that yields in a loop gives many sessions to go through, and is no dependency. `next()` on an
    asynchronous dependency fails at once, and the message says so.

    ## Why is this bad?
    A dependency is a generator that the framework drives: it throws the request's error into it and
    closes it afterwards. Code that drives it by hand does neither. The dependency never learns of
    an error, so its rollback does not run (and what stands after its `yield`, such as a commit, may
    not run either). Its `finally` runs when nothing refers to the generator any more: after `db =
    next(get_db())` that is at once, so that the session is closed before its first use, begins
    again with it, and is closed by nobody. A loop does run the generator to its end, but only where
    no error, `return` or `break` leaves the loop.

    ## Example
    ```python
    from core.database import get_db


    def rename(agent_id, name):
        db = next(get_db())  # DBS105
        db.get(Agent, agent_id).name = name
        db.commit()
    ```

    ## Use instead
    ```python
    from core.database import get_db_session


    def rename(agent_id, name):
        with get_db_session() as db:
            db.get(Agent, agent_id).name = name
    ```

    Where the project has no provider and the dependency only opens and closes a session, whatever
    it does with an error that it never learned of, `with SessionLocal() as db:` does the same; of
    any other, `contextlib.contextmanager(get_db)()` makes a provider.

    ## Fix safety
    The fix makes a block of the provider, of the loop or of what follows the assignment, under the
    conditions of [DBS101](DBS101.md). A `break` or `continue` at the end of a loop goes with it; a
    loop with an `else`, or one that is left so before its end, stays, and so does a generator under
    a name of its own, but for one that is there for the next line alone. Where the dependency
    commits and the loop runs to its end with work, only a provider that commits takes its place.
    The session of an asynchronous loop that is left early is closed by the event loop, which logs
    an error of that; the block raises it.
    What is made with the session may stand in the block where only methods of it are called there.
    A generator that yields the session yields it out of the block; a provider that commits would
    commit what is done there, too. After `db = await anext(get_db())` the event loop closes the
    generator, and with it the session, at the next `await`: what was added until then is lost,
    which the block keeps, so that this fix is unsafe.

    Kinds of doubt: `commit`, `expire`, `patched`, `helper`, `comment`, `error-path`.

    ## Options
    - `layers`: what each part of the project uses instead, and, by its `style`, the name of a
      dependency whose module cannot be found

    ## References
    - [FastAPI: dependencies with yield](https://fastapi.tiangolo.com/tutorial/dependencies/dependencies-with-yield/)
    - [PEP 342](https://peps.python.org/pep-0342/): an abandoned generator is closed when it is
      garbage-collected.
    """

    code = "DBS105"
    name = "hand-driven-dependency"
    fact = DrivenDependency

    def check(self, fact: DrivenDependency, context: Context) -> Iterator[Violation]:
        """Report dependencies driven by hand and left to the garbage collector."""
        if fact.is_closed or (context.is_test and _is_tested(fact, context)):
            return
        wrong, way_out = _why(fact, context), _way_out(fact, context)
        yield self.violation(fact.node, f"`{fact.text}` {wrong}; {way_out}")


def _is_tested(fact: DrivenDependency, context: Context) -> bool:
    """Tell whether a test drives a dependency in order to test it."""
    return fact.is_ended or only_looks_at_double(fact, context.file.inference)


def _why(fact: DrivenDependency, context: Context) -> str:
    """Say what goes wrong with the dependency that is driven there."""
    if fact.is_async and _is_plain_step(fact.node):
        return f"fails, for `{ast.unparse(fact.made)}` is an asynchronous generator"
    if fact.keeper:
        return f"gives `{fact.keeper}` one session for as long as it lives"
    function = context.file.inference.value(fact.made.func, fact.scope)
    leaving = leaving_of(
        function if isinstance(function, FunctionValue) else None,
        fact.known,
        context.file.inference,
    )
    closer = "event loop" if fact.is_async else "garbage collector"
    left = f"leaves it to the {closer} to close it"
    if fact.loop is not None and isinstance(fact.loop.body[0], ast.Break):
        return f"drives a dependency by hand, and its `break` {left}"
    is_sure = _rolls_back_finally(function)
    if leaving.rolls_back and is_sure and fact.loop is not None:
        return f"drives a dependency by hand, and an error {left}"
    way = _early_way_out(fact)
    if leaving.commits and way and _leaves_work(fact, context):
        return f"drives a dependency by hand, and the `{way}` in its loop skips its commit"
    is_seen_to = _sees_to_errors(fact)
    if fact.loop is not None and is_seen_to:
        return f"drives a dependency by hand, and what leaves its loop early {left}"
    if leaving.rolls_back and not is_sure and not is_seen_to:
        return "drives a dependency by hand, so that its rollback does not run on an error"
    if fact.is_dropped and not fact.is_async and isinstance(function, FunctionValue):
        closing = "drops the dependency at once, which closes the session before its first use"
        if fact.name and is_closed_by_hand(fact.name, fact.scope):
            return f"{closing}, and does not learn of an error"
        return f"{closing}, so that nothing closes it afterwards"
    if not fact.is_dropped and fact.node is not fact.made:
        return "drives a dependency by hand, and nothing is sure to end it"
    return "drives a dependency by hand, which then does not learn of an error"


def _early_way_out(fact: DrivenDependency) -> str:
    """Name what leaves the loop over a dependency before its end; empty for nothing, or no loop."""
    for node in own_nodes(fact.loop) if fact.loop is not None else ():
        if isinstance(node, (ast.Break, ast.Return)) and not _is_of_inner_loop(node, fact):
            return "return" if isinstance(node, ast.Return) else "break"
    return ""


def _leaves_work(fact: DrivenDependency, context: Context) -> bool:
    """Tell whether code may leave work to the dependency's commit, and commits nothing itself."""
    function = fact.scope.function()
    if not fact.name or function is None:
        return False
    uses = uses_of_name(fact.name, function, thing_of(fact.known), context.file.inference)
    return bool(uses.ever & LASTING) and not uses.ever & Did.COMMITS


def _is_of_inner_loop(node: ast.AST, fact: DrivenDependency) -> bool:
    around = takewhile(lambda above: above is not fact.loop, ancestors_in(node, fact.scope))
    return isinstance(node, ast.Break) and any(isinstance(above, LOOPS) for above in around)


def _sees_to_errors(fact: DrivenDependency) -> bool:
    """Tell whether code rolls back in a handler itself, or its loop lets no error out."""
    match fact.loop:
        case ast.For(body=[ast.Try() as attempt]) | ast.AsyncFor(body=[ast.Try() as attempt]):
            if _lets_nothing_out(attempt):
                return True
    function = fact.scope.function() or fact.scope.module.scope
    handlers = (n for n in own_nodes(function.node) if isinstance(n, ast.ExceptHandler))
    return bool(fact.name) and any(
        isinstance(node, ast.Attribute)
        and node.attr == "rollback"
        and is_name(node.value, fact.name)
        for handler in handlers
        for node in nodes_in(handler)
    )


def _lets_nothing_out(attempt: ast.Try) -> bool:
    """Tell whether a ``try`` catches whatever goes wrong in it, and raises nothing itself."""
    after = [node for part in (*attempt.handlers, *attempt.finalbody) for node in nodes_in(part)]
    return any(
        caught_by(ANY_EXCEPTION, class_names(handler.type)) is Caught.YES
        for handler in attempt.handlers
    ) and not any(isinstance(node, ast.Raise) for node in [*after, *attempt.orelse])


def _rolls_back_finally(function: Value | None) -> bool:
    """Tell whether a dependency's rollback stands in a ``finally``: it runs whatever ends it."""
    attempts = own_nodes(function.node) if isinstance(function, FunctionValue) else []
    return any(
        isinstance(node, ast.Call) and last_segment(node.func) == "rollback"
        for attempt in attempts
        if isinstance(attempt, ast.Try)
        for statement in attempt.finalbody
        for node in nodes_in(statement)
    )


def _way_out(fact: DrivenDependency, context: Context) -> str:
    """Say how to have the session that was taken out of the dependency."""
    name = fact.name or "db"
    way = way_of_driven(fact, context.house)
    pattern = Advice(way, way.written(name)).words
    if fact.keeper:
        return f"let it open one for each piece of work, with {pattern}"
    if leaves_in_an_object(name, fact.scope):
        return f"use {passed_in(pattern, fact.scope)}"
    return f"use {in_coroutine(pattern, fact.scope)}{_around(fact, way, context)}"


def _around(fact: DrivenDependency, way: Way, context: Context) -> str:
    """Say what a block has to take in, and do, besides what stands in the loop."""
    later = work_after(fact, context.file.inference)
    if later is None:
        return ""
    words = f" around the work of `{later.name}` after the loop, too"
    if later.committing and way.leaving.commits is False:
        words += f", and commit there, as `{later.committing}` does at its end"
    return words


def _is_plain_step(node: ast.expr) -> bool:
    """Tell whether a call takes the next element of a plain generator."""
    return isinstance(node, ast.Call) and last_segment(node.func) in _PLAIN_STEPS
