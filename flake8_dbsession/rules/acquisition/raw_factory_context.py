"""DBS102."""

from __future__ import annotations

from collections.abc import Iterator

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition, Holder
from flake8_dbsession.analysis.names.values import Role
from flake8_dbsession.house.work import is_made_here
from flake8_dbsession.policy.model import Level
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.registry import register


@register
class RawFactoryContext(Rule[Acquisition]):
    """A `with` block opens a session from the factory, past the provider.

    ## What it does
    Reports `with SessionLocal() as db:` (and `SessionLocal.begin()`) outside the modules that own
    the project's sessions, where there is a provider to use instead: the policy or its preset names
    one, or the file has one at hand already, imported or its own, so that two ways stand side by
    side. A project without a provider, a factory whose module cannot be found, and the `sqlalchemy`
    preset, are left alone; without a policy so is a file that knows nothing of the provider, for
    there nobody has said that the factory's own block is wrong.

    ## Why is this bad?
    The factory's own block closes the session, but it neither commits nor logs nor does whatever
    else the house has put into its provider. Two ways to the same thing drift apart.

    ## Example
    ```python
    from core.database import SessionLocal


    def rename(agent_id, name):
        with SessionLocal() as db:  # DBS102
            db.get(Agent, agent_id).name = name
            db.commit()
    ```

    ## Use instead
    As for [DBS101](DBS101.md).

    ## Fix safety
    The fix calls the provider instead, and imports it as the factory was imported. It is safe where
    the provider does not commit, and where its commit changes nothing: on every way out of the
    block but an exception the work is committed or rolled back already, and no loaded object leaves
    the block, unless the factory is made with `expire_on_commit=False`. The project's functions
    that are given the session, or an object, are followed; one that cannot be may write. Unsafe is
    a block that goes on after a failed flush or commit without a rollback, as a function does that
    catches its error: the provider's commit would fail. So is a provider that does not raise errors
    again, and one of a layer's that may open sessions of another factory. What the provider logs of
    an error that passes through it, it logs here, too.

    Tests that patch the factory are looked at, however they do it, but for those that cannot run
    the block, as far as their file, the module and what they import tell. Where the provider reads
    the patched name, and what the test gives can be ended by it unnoticed, they stay as they are;
    where a test among the given paths patches it in the very module that is fixed, the patch is
    changed in the same run; else the fix is unsafe.
    Arguments to the factory, and names that mean something else, leave the block as it is.

    Kinds of doubt: `commit`, `expire`, `patched`, `helper`, `comment`, `error-path`.

    ## Options
    - `factories`: further names that are factories
    - `owners`: the modules that may open sessions by hand
    - `layers`: what each part of the project uses instead

    ```toml
    [[layers]]
    name = "services"
    paths = ["*"]
    use = "core.database:get_db_session"
    ```

    ## References
    - [SQLAlchemy: opening and closing a Session](https://docs.sqlalchemy.org/en/20/orm/session_basics.html#opening-and-closing-a-session)
    """

    code = "DBS102"
    name = "raw-factory-context"
    fact = Acquisition
    level = Level.WARNING
    spares_tests = True

    def check(self, fact: Acquisition, context: Context) -> Iterator[Violation]:
        """Report a factory's own block where a provider is there to use."""
        if fact.known.source is not Role.FACTORY or is_made_here(fact):
            return
        if fact.holder is not Holder.BLOCK or context.may_open(fact.scope, fact.known):
            return
        if context.asks_for_block(fact) and not context.is_legacy(fact):
            yield self.violation(
                fact.node,
                f"`with {fact.text}` bypasses the provider{_why(fact, context)}; "
                f"use {context.way_out(fact)}",
            )


def _why(fact: Acquisition, context: Context) -> str:
    """Say what the provider does that the block does not, as far as that is known."""
    way = context.advice(fact).way
    return ", which also ends the transaction" if way is not None and way.leaving.commits else ""
