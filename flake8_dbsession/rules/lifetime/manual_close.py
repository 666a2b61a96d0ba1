"""DBS301."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import takewhile

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition, local_name
from flake8_dbsession.analysis.facts.lifetime.hand_closes import HandClose, Origin
from flake8_dbsession.analysis.names.parents import ancestors_in
from flake8_dbsession.analysis.names.values import Resource
from flake8_dbsession.policy.model import Level
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.fallback import is_in_fallback
from flake8_dbsession.rules.leaks import outlives_its_function
from flake8_dbsession.rules.registry import register


@register
class ManualClose(Rule[HandClose]):
    """A session is closed by hand where a `with` block would do it.

    ## What it does
    Reports `.close()` on a session that the function opened, be it for its object, and on one that
    its `with` block closes anyway. Silent in the modules that own the project's sessions, in
    providers, dependencies and decorators, in teardowns, in test files and migrations, and in the
    `else` of a layer's declared fallback. A close of somebody else's session is
    [DBS306](DBS306.md); a session that the object opened in another method, one that another way
    hands on for good, one that a parameter may have brought, one that came in a tuple and is closed
    in a `finally`, a close under a flag (`if own_session:`), and one that only empties a session
    which its block goes on with, are left alone.

    ## Why is this bad?
    A close by hand needs a `finally` around everything since the session was opened, and a rollback
    before it. A `with` block has both, and nobody can forget them.

    ## Example
    ```python
    from core.database import SessionLocal


    def count():
        db = SessionLocal()
        try:
            return db.query(Agent).count()
        finally:
            db.close()  # DBS301
    ```

    ## Use instead
    As for [DBS302](DBS302.md).

    ## Fix safety
    The close goes with the fix of [DBS101](DBS101.md), under the same conditions. One that a `with`
    block makes again is taken away; that is unsafe where the block commits what the close gave up.

    Kinds of doubt: `commit`, `expire`, `patched`, `helper`, `comment`, `error-path`.

    ## Options
    - `owners`: the modules that may handle sessions by hand
    - `layers`: what each part of the project uses instead

    ## References
    - [SQLAlchemy: opening and closing a Session](https://docs.sqlalchemy.org/en/20/orm/session_basics.html#opening-and-closing-a-session)
    """

    code = "DBS301"
    name = "manual-close"
    fact = HandClose
    level = Level.WARNING
    spares_tests = True

    def check(self, fact: HandClose, context: Context) -> Iterator[Violation]:
        """Report the closes by hand of sessions that the code around opened."""
        if fact.known.resource is not Resource.SESSION or fact.is_borrowed:
            return
        if outlives_its_function(fact, context):
            return
        if context.may_open(fact.scope, fact.known) or context.is_migration:
            return
        is_in_finally = _is_in_finally(fact)
        if fact.is_unpacked and is_in_finally and not _is_under_condition(fact):
            return
        if fact.opened is not None and is_in_fallback(fact.opened, fact.scope, context):
            return
        why = _why(fact, context, is_in_finally=is_in_finally)
        yield self.violation(fact.node, f"`{ast.unparse(fact.node)}` {why}")


def _why(fact: HandClose, context: Context, *, is_in_finally: bool) -> str:
    if fact.origin is Origin.BLOCK:
        return "closes by hand what its `with` block closes anyway; leave it to the block"
    if fact.is_unpacked:
        return "closes a session by hand; let a `finally` close it, whatever happens"
    receiver = ast.unparse(fact.receiver)
    name = local_name(receiver)
    block = "an `async with` block" if fact.known.is_async else "a `with` block"
    pattern = _pattern(fact, name, context)
    if fact.next_opening is not None:
        line = fact.next_opening.lineno
        each = f"use {pattern} for each" if pattern else f"open each in {block} of its own"
        return f"closes a session by hand, and line {line} opens another under its name; {each}"
    if fact.may_be_none:
        closing = f"use {pattern}" if pattern else f"let {block} close it"
        return f"closes a session by hand; {closing}, with `nullcontext()` where none is opened"
    if is_in_finally:
        return f"closes by hand what {block} closes; use {pattern or 'one'}"
    if pattern is None:
        return f"closes a session by hand; let {block} close it, whatever happens"
    return f"closes a session by hand; use {pattern}, which closes it whatever happens"


def _is_in_finally(close: HandClose) -> bool:
    """Tell whether a close stands in a ``finally``, and so runs whatever happens."""
    inner: ast.AST = close.node
    for above in ancestors_in(close.node, close.scope):
        if inner in getattr(above, "finalbody", ()):
            return True
        inner = above
    return False


def _is_under_condition(close: HandClose) -> bool:
    around = takewhile(lambda a: not isinstance(a, ast.Try), ancestors_in(close.node, close.scope))
    return any(isinstance(above, ast.If) for above in around)


def _pattern(fact: HandClose, name: str, context: Context) -> str | None:
    """Spell the way that the opening of what is closed is advised; None where there is none."""
    for acquisition in context.file.facts(Acquisition):
        if acquisition.node is fact.opened:
            advice = context.advice(acquisition)
            return advice.words if advice.way is not None else None
    return context.pattern(fact.known, name, fact.scope)
