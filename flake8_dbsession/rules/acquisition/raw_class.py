"""DBS103."""

from __future__ import annotations

from collections.abc import Iterator

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition, Holder
from flake8_dbsession.analysis.facts.acquisition.bypassing import (
    has_a_factory,
    has_a_factory_at_hand,
)
from flake8_dbsession.analysis.facts.acquisition.joining import joins_a_connection
from flake8_dbsession.analysis.facts.engine.own_databases import (
    has_given_database,
    has_own_database,
)
from flake8_dbsession.analysis.names.values import Role
from flake8_dbsession.house.work import is_made_here
from flake8_dbsession.policy.model import Level
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.registry import register


@register
class RawSessionClass(Rule[Acquisition]):
    """A session class is instantiated, past the house's factory.

    ## What it does
    Reports `Session(engine)`, `AsyncSession(...)` and `sessionmaker(...)()` outside the modules
    that own the project's sessions. A factory made and called in one function counts as the
    latter. The `with Session(engine) as db:` form is reported only where there is a provider to
    use instead; the `sqlalchemy` preset leaves it alone. The rule is silent where nothing is
    bypassed: no file of the project holds a factory, and neither the engine's module nor what the
    file imports defines a provider; without a policy it speaks only where the file itself has the
    factory or the provider at hand. A session that joins a connection at hand,
    as one does in a migration (`Session(bind=op.get_bind())`) or in a mapper's event, is none that
    the house's factory could make; nor is one on an engine that the function makes itself, from a
    URL written out beside it, or given to it where the house has no way to a session.

    ## Why is this bad?
    The house's factory carries its settings (`expire_on_commit`, `autoflush`, event hooks, the
    engine itself). A session made from the bare class has none of them, and tests that replace the
    factory do not reach it.

    ## Example
    ```python
    from sqlalchemy.orm import Session

    from core.database import SessionLocal, engine


    def count():
        db = Session(engine)  # DBS103
        try:
            return db.query(Agent).count()
        finally:
            db.close()  # DBS301
    ```

    ## Use instead
    As for [DBS302](DBS302.md).

    ## Fix safety
    The fix takes the house's provider, as those of [DBS101](DBS101.md) and [DBS102](DBS102.md) do.
    It is safe under the same conditions where the provider's factory is told nothing but the same
    engine, and unsafe where that may have another engine or options of its own. Sessions with
    options of their own, and factories and engines made on the spot, are left alone.

    Kinds of doubt: `commit`, `expire`, `patched`, `helper`, `comment`, `error-path`.

    ## Options
    - `owners`: the modules that may open sessions by hand
    - `layers`: what each part of the project uses instead

    ## References
    - [SQLAlchemy: using a sessionmaker](https://docs.sqlalchemy.org/en/20/orm/session_basics.html#using-a-sessionmaker)
    """

    code = "DBS103"
    name = "raw-session-class"
    fact = Acquisition
    level = Level.WARNING
    spares_tests = True

    def check(self, fact: Acquisition, context: Context) -> Iterator[Violation]:
        """Report session classes instantiated, and factories made and called on the spot."""
        if fact.known.source is not Role.SESSION_CLASS and not is_made_here(fact):
            return
        if context.may_open(fact.scope, fact.known) or context.is_legacy(fact):
            return
        if fact.holder is Holder.BLOCK and not _is_block_judged(fact, context):
            return
        where = (fact.node, fact.scope, context.file.inference)
        if joins_a_connection(*where) or has_own_database(*where):
            return
        if context.is_held_otherwise(fact):
            return
        if context.asked_ways(fact) or _bypasses_a_factory(fact, context):
            yield self.violation(fact.node, f"`{fact.text}` {_why(fact, context)}")


def _why(fact: Acquisition, context: Context) -> str:
    way_out = context.way_out(fact)
    if context.advice(fact).way is not None:
        return f"bypasses the project's session factory and its settings; use {way_out}"
    if is_made_here(fact):
        once = "calls a factory that is made anew each time; make it once for the process"
        return f"{once}, and use {way_out}"
    return f"opens a session by hand; use {way_out}"


def _bypasses_a_factory(acquisition: Acquisition, context: Context) -> bool:
    """Tell whether the house has a factory that the opening should have called."""
    inference = context.file.inference
    if has_given_database(acquisition.node, acquisition.scope, inference):
        return False
    has = has_a_factory if context.is_declared else has_a_factory_at_hand
    return has(acquisition, inference)


def _is_block_judged(acquisition: Acquisition, context: Context) -> bool:
    """Tell whether a ``with`` block is no way to open a session here: DBS102's own conditions."""
    allowed = context.layer.allow if context.layer else frozenset()
    return "DBS102" not in allowed and context.asks_for_block(acquisition)
