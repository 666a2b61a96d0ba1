"""DBS104."""

from __future__ import annotations

from collections.abc import Iterator

from flake8_dbsession.analysis.facts.acquisition.accessor_calls import AccessorCall
from flake8_dbsession.analysis.facts.acquisition.acquisitions import local_name
from flake8_dbsession.analysis.names.values import Role, RoleValue
from flake8_dbsession.house.advice import advice_instead
from flake8_dbsession.house.model import OpeningPlace
from flake8_dbsession.policy.model import Level
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.fallback import is_fallback
from flake8_dbsession.rules.registry import register


@register
class LegacyAccessor(Rule[AccessorCall]):
    """An accessor is called that the policy lists as legacy.

    ## What it does
    Reports a call of what the policy's `legacy` table lists, by whatever alias, and names what this
    layer uses instead: the layer's own `use`, else the table's entry. Silent in the modules that
    own the project's sessions, and in providers and dependencies.

    A layer may declare a `fallback` for code that also runs where its sanctioned object is missing.
    That accessor may be called in the `else` of a test for the object, here
    `if self.unified_session_manager:`, and nowhere else; neither DBS101 nor this rule reports it
    there.

    ## Why is this bad?
    A plain accessor hands back an open session, and rollback and close are left to each caller.
    While half of the code still calls it, the house has two standards.

    ## Example
    ```python
    def count(db_manager):
        session = db_manager.get_session()  # DBS104
        try:
            return session.query(Model).count()
        finally:
            session.close()  # DBS301
    ```

    ## Use instead
    ```python
    class ModelService:
        def count(self):
            if self.unified_session_manager:
                with self.unified_session_manager.get_db_session() as session:
                    return session.query(Model).count()
            else:
                session = self.db_manager.get_session()
                try:
                    return session.query(Model).count()
                finally:
                    session.close()
    ```

    ## Fix safety
    The fix takes what the layer uses, with the same care and conditions as the fixes of
    [DBS101](DBS101.md) and [DBS102](DBS102.md). What else it writes depends on the layer:

    - With a `bind` line, such as `unified_session_manager = current_app.unified_session_manager`,
      it places that at the beginning of the function.
    - With a `fallback`, it keeps the old code in the `else` of a test for the sanctioned object, as
      above; there it closes in a `finally`. More than ten lines do not come to stand twice: then
      the fix takes the sanctioned object alone, and is unsafe, for the object may be missing.
    - In one of style `request` it is unsafe, for the sessions are shared: the assignment stays, and
      the closes go.

    Kinds of doubt: `commit`, `expire`, `patched`, `helper`, `comment`, `error-path`.

    ## Options
    - `legacy`: patterns of what is no longer called, each with what replaces it
    - `layers`: `use` is what a layer calls instead, `fallback` what it may call in the `else`

    ```toml
    [legacy]
    "*db_manager.get_session" = "unified_session_manager.get_db_session"

    [[layers]]
    name = "services"
    paths = ["app/"]
    use = "self.unified_session_manager.get_db_session"
    style = "context"
    fallback = "self.db_manager.get_session"
    ```

    ## References
    - [SQLAlchemy: when do I construct a Session?](https://docs.sqlalchemy.org/en/20/orm/session_basics.html#when-do-i-construct-a-session-when-do-i-commit-it-and-when-do-i-close-it)
    """

    code = "DBS104"
    name = "legacy-accessor"
    fact = AccessorCall
    level = Level.WARNING

    def check(self, fact: AccessorCall, context: Context) -> Iterator[Violation]:
        """Report listed accessors, but for a layer's fallback in its place."""
        replacement = context.legacy_replacement(fact.node, fact.scope)
        if replacement is None or context.may_open(fact.scope):
            return
        if is_fallback(fact.node, fact.scope, context):
            return
        yield self.violation(
            fact.node,
            f"`{fact.text}` is a way to a session that the policy gives up; "
            f"use {_way_out(fact, replacement, context)}",
        )


def _way_out(fact: AccessorCall, replacement: str, context: Context) -> str:
    """Say what the layer, or else the policy, has in the place of an accessor."""
    acquisition = context.acquisition_of(fact.node)
    if acquisition is not None:
        return context.way_out(acquisition)
    name = local_name(fact.holder)
    place = OpeningPlace(RoleValue(Role.OPENED), fact.scope, name)
    return advice_instead(replacement, place, context.house).words
