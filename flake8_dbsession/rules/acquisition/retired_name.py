"""DBS106."""

from __future__ import annotations

from collections.abc import Iterator

from flake8_dbsession.analysis.facts.acquisition.references import Reference
from flake8_dbsession.policy.model import Level
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context, quoted
from flake8_dbsession.rules.registry import register


@register
class RetiredName(Rule[Reference]):
    """A module, class or function is used that the policy retires.

    ## What it does
    Reports each import of a name in the policy's `retired` table, or of anything below it, however
    the import is spelled: absolute, relative, under an alias, by a package that passes the name on.
    A use by its qualified name is reported where no import of the file was. A name without dots
    counts where its import cannot be followed; for a class that the project still has, retire the
    qualified name. The retired module itself may use its own names.

    ## Why is this bad?
    What was retired stays in the code as long as something imports it, and new code copies the
    import. Two managers of one database mean two pools and two ideas of a transaction.

    ## Example
    ```python
    from core.database_manager import DatabaseManager  # DBS106

    manager = DatabaseManager()
    ```

    ## Use instead
    ```python
    from core.database import get_db_session
    ```

    ## Fix safety
    The fix imports the replacement, and renames the uses of what has another name now. It is safe
    where both names stand for the same thing, and where the old one is gone from the project; else
    the new one may do other things. It is made only where the project has what the new name says,
    and one import names what is retired and nothing else.

    ## Options
    - `retired`: qualified names that are not used any more, each with what replaces it

    ```toml
    [retired]
    "core.database_manager" = "core.database"
    ```

    ## References
    - The policy of the project is the source: it names what was retired and what took its place.
    """

    code = "DBS106"
    name = "retired-name"
    fact = Reference
    level = Level.WARNING

    def check(self, fact: Reference, context: Context) -> Iterator[Violation]:
        """Report what the policy retires."""
        found = context.policy.retired_replacement(fact.name)
        if found is not None:
            retired, replacement = found
            missing = _missing(fact.name.removeprefix(retired), replacement, context)
            yield self.violation(
                fact.node,
                f"`{retired}` is retired by the policy; use {quoted(replacement)}{missing}",
            )


def _missing(rest: str, replacement: str, context: Context) -> str:
    """Say what the module that replaces another one does not have; empty for nothing."""
    file, name = context.file, rest.removeprefix(".").partition(".")[0]
    project = file.inference.project
    module = project.find(file.path, replacement) if name else None
    if module is None or project.may_have(module, name):
        return ""
    return f", which has no `{name}`"
