"""DBS207."""

from __future__ import annotations

from collections.abc import Iterator

from flake8_dbsession.analysis.facts.scope.escapes import Escape, EscapeRoute
from flake8_dbsession.analysis.names.functions import is_fixture
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.registry import register
from flake8_dbsession.rules.scope.wording import shortened


@register
class SessionEscapesBlock(Rule[Escape]):
    """A session leaves the `with` block that closes it.

    ## What it does
    Reports a session that is returned out of its `with` block, stored there in something that
    outlives the block (an attribute of `self`, a `global`, a container of either), or used after
    the block without being bound anew. A `close()` or `rollback()`, which do nothing to a closed
    session, and a bare test of the name are no use.
    A store that serves the rest of the block (other code is called, or control is yielded, while
    the block is open) or that is emptied again is left alone. What a pytest fixture would return it
    can yield inside the block.

    ## Why is this bad?
    The block has closed the session. It does not say so: the next query silently opens a new
    transaction on a new connection, which nothing closes.

    ## Example
    ```python
    from core.database import SessionLocal


    def open_session():
        with SessionLocal() as db:
            return db  # DBS207


    def rename(agent_id, name):
        with SessionLocal() as db:
            agent = db.get(Agent, agent_id)
            agent.name = name
        db.commit()  # DBS207
    ```

    ## Use instead
    ```python
    from core.database import get_db_session


    def rename(agent_id, name):
        with get_db_session() as db:
            agent = db.get(Agent, agent_id)
            agent.name = name
    ```

    ## Options
    - `factories`: further names that are factories

    ## References
    - [SQLAlchemy: closing](https://docs.sqlalchemy.org/en/20/orm/session_basics.html#closing)
    - [SQLAlchemy: Session.close](https://docs.sqlalchemy.org/en/20/orm/session_api.html#sqlalchemy.orm.Session.close)
    """

    code = "DBS207"
    name = "session-escapes-block"
    fact = Escape

    def check(self, fact: Escape, context: Context) -> Iterator[Violation]:
        """Report sessions that leave their blocks."""
        code = shortened(fact.text)
        name, line = fact.block.name, fact.block.node.lineno
        if fact.way is EscapeRoute.USED:
            told = f"uses `{name}` after the `with` block of line {line} has closed it"
            way_out = "move it into the block"
        else:
            verb = "returns" if fact.way is EscapeRoute.RETURNED else "keeps"
            what = f"what still works with `{name}`" if fact.is_held else f"`{name}`"
            told = f"{verb} {what}, which the `with` block of line {line} closes"
            way_out = "do the work inside the block, or take the session as a parameter"
            function = fact.block.scope.function()
            if function is not None and is_fixture(function.node):
                way_out = "`yield` it inside the block"
        yield self.violation(fact.node, f"`{code}` {told}; {way_out}")
