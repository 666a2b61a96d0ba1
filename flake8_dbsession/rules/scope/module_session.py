"""DBS201."""

from __future__ import annotations

from collections.abc import Iterator

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition, Holder
from flake8_dbsession.analysis.facts.scope.own_runs import is_of_one_run
from flake8_dbsession.analysis.names.values import Resource
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.registry import register


@register
class ModuleGlobalSession(Rule[Acquisition]):
    """A module-level name holds a session.

    ## What it does
    Reports a session that is opened at the top level of a module and held by a name there, also
    inside a top-level `if`, `try`, `for` or `with`. What stands under
    `if __name__ == "__main__":` is a script's own affair, and so is the session of a script's one
    run: that of a module with such a guard, or whose last statement works (a call, a loop), where
    no module of the project imports the script, and no class reads the name, nor any function but
    plain ones that the script itself calls and hands to nobody, without an endless loop. A factory
    (`sessionmaker`) or a registry (`scoped_session`) at module level is right. Silent in notebooks,
    which nobody imports.

    ## Why is this bad?
    The session is opened when the module is first imported, whoever imports it and why. Every
    thread and every request that uses the name works in one transaction and on one identity map:
    stale data, somebody else's rollback, and errors that only load brings out.

    ## Example
    ```python
    from core.database import SessionLocal

    db = SessionLocal()  # DBS201


    def count():
        return db.query(Agent).count()
    ```

    ## Use instead
    As for [DBS302](DBS302.md).

    ## Options
    - `factories`: further names that are factories
    - `layers`: what each part of the project uses instead

    ## References
    - [SQLAlchemy: when do I construct a Session?](https://docs.sqlalchemy.org/en/20/orm/session_basics.html#when-do-i-construct-a-session-when-do-i-commit-it-and-when-do-i-close-it)
    - [SQLAlchemy: contextual sessions](https://docs.sqlalchemy.org/en/20/orm/contextual.html)
    """

    code = "DBS201"
    name = "module-global-session"
    fact = Acquisition
    is_of_imports = True

    def check(self, fact: Acquisition, context: Context) -> Iterator[Violation]:
        """Report sessions held by module-level names."""
        if fact.holder is not Holder.MODULE or fact.known.resource is not Resource.SESSION:
            return
        if not is_of_one_run(fact, context.file.tree, context.file.inference):
            yield self.violation(
                fact.node,
                f"`{fact.text}` is opened at import, and all threads share it as `{fact.name}`; "
                f"open one where it is needed, with {context.way_out(fact)}",
            )
