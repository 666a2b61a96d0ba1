"""DBS003."""

from __future__ import annotations

from collections.abc import Iterator

from flake8_dbsession.analysis.facts.suppression.unused_noqa import UnusedNoqa
from flake8_dbsession.policy.model import Level
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.registry import register


@register
class UnusedSuppression(Rule[UnusedNoqa]):
    """A `# noqa` comment names codes that its line does not have.

    ## What it does
    Reports the codes of this tool in a `# noqa` comment that hide nothing there: `dbsession check`
    looks for them, in Python files, in the Python blocks of Markdown files and in notebooks. flake8
    tells no plugin what its comments hide, so under flake8 itself nothing is reported. Off unless
    asked for. Only codes are spoken of that are looked for in the file: none of another tool, none
    of a rule that is off, not selected, or allowed by the layer, and no comment without codes.

    ## Why is this bad?
    The comment says that something is wrong which is not, and hides the next violation of that code
    that comes to its line.

    ## Example
    ```python
    from core.database import get_db_session


    def names(users):
        with get_db_session() as db:  # noqa: DBS101,E501  # DBS003
            return [user.name for user in db.scalars(users)]
    ```

    ## Use instead
    ```python
    from core.database import get_db_session


    def names(users):
        with get_db_session() as db:  # noqa: E501
            return [user.name for user in db.scalars(users)]
    ```

    ## Fix safety
    The fix takes the codes out of the comment, and the comment away where no code is left in it. It
    is safe: other codes, and what else the comment says, stay.

    ## Options
    None.

    ## References
    - [flake8: in-line ignoring of errors](https://flake8.pycqa.org/en/latest/user/violations.html#in-line-ignoring-errors)
    - [ruff: unused-noqa](https://docs.astral.sh/ruff/rules/unused-noqa/), the same for ruff's codes
    """

    code = "DBS003"
    name = "unused-suppression"
    fact = UnusedNoqa
    off = True
    level = Level.WARNING
    judges_comments = True

    def check(self, fact: UnusedNoqa, context: Context) -> Iterator[Violation]:
        """Report the codes that hide nothing."""
        unused = fact.unused
        codes = ", ".join(f"`{code.text}`" for code in unused)
        rest = "the codes" if len(unused) > 1 else "the code"
        what = "the comment" if len(unused) == len(fact.codes) else rest
        yield Violation(
            self.code,
            f"`# noqa` hides no {codes} here; remove {what}",
            fact.line,
            _bytes(fact.text, unused[0].start),
            fact.line,
            _bytes(fact.text, unused[-1].end),
        )


def _bytes(text: str, column: int) -> int:
    """Give a column as the syntax tree counts it."""
    return len(text[:column].encode(errors="surrogateescape"))
