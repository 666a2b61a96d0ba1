"""DBS110."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition
from flake8_dbsession.analysis.facts.acquisition.docstrings import DocstringExample
from flake8_dbsession.analysis.facts.acquisition.driven import DrivenDependency
from flake8_dbsession.policy.model import Level
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.registry import register, rules

_TAUGHT = ("DBS101", "DBS102", "DBS104", "DBS105")


@register
class RawSessionInDocstring(Rule[DocstringExample]):
    """A docstring's example opens a session by hand.

    ## What it does
    Reads the examples in docstrings (doctests, fenced blocks, literal blocks after `::`, and blocks
    under a line such as `Usage:` or `Example:`) and reports on its line what [DBS101](DBS101.md),
    [DBS102](DBS102.md), [DBS104](DBS104.md) and [DBS105](DBS105.md) find in them. An example's
    names are looked up in the example, then in the module around it. What does not parse is no
    example. Silent in the modules that own the project's sessions, and in tests; without a policy
    also where the module does not have the provider at hand that the example should show. In a
    doctest, as in a test, a dependency may be driven by hand where it is closed as well.

    ## Why is this bad?
    Examples are copied, by people and by assistants. A standard that the docstrings contradict is
    broken again with each new function.

    ## Example
    ```python
    from core.database import SessionLocal


    def paged(query):
        '''Give a query's rows page by page.

        >>> db = SessionLocal()  # DBS110
        >>> list(paged(db.query(Agent)))
        []
        '''
    ```

    ## Use instead
    ```python
    from core.database import get_db_session


    def paged(query):
        '''Give a query's rows page by page.

        >>> with get_db_session() as db:
        ...     list(paged(db.query(Agent)))
        []
        '''
    ```

    ## Fix safety
    An example gets the fix of the rule that reports its code, and all around it stays: prompts,
    indentation, text, what a doctest prints. Of imports only the example's own follow; the fix
    adds none to an example that shows none.

    In a text that never runs, the fix is safe unless a comment would be lost. A doctest runs: there
    the fix is as safe as in code, and unsafe where the doctest would not find what it uses then.
    Left is what the rule's own fix leaves, code that shares a line with the docstring's quotes, and
    a doctest that prints something between statements which would come to stand in one block.

    Kinds of doubt: `commit`, `expire`, `patched`, `helper`, `comment`, `error-path`.

    ## Options
    - `preset`, `layers`: say which provider examples should show
    - `docstrings`: `false` leaves docstrings alone

    ```toml
    preset = "standard"
    docstrings = true
    ```

    ## References
    - [doctest](https://docs.python.org/3/library/doctest.html)
    - [reStructuredText: literal blocks](https://docutils.sourceforge.io/docs/ref/rst/restructuredtext.html#literal-blocks)
    """

    code = "DBS110"
    name = "raw-session-in-docstring"
    fact = DocstringExample
    level = Level.NOTE
    spares_tests = True

    def check(self, fact: DocstringExample, context: Context) -> Iterator[Violation]:
        """Run the taught rules over an example."""
        if not context.policy.docstrings or context.policy.is_owner(context.file.path):
            return
        shown = Context(context.file.shown(fact), context.policy)
        for violation, found in taught(shown, is_doctest=fact.is_doctest):
            if context.is_declared or (
                isinstance(found, Acquisition) and context.asked_ways(found)
            ):
                yield in_file(violation, fact)


def taught(shown: Context, *, is_doctest: bool) -> Iterator[tuple[Violation, Any]]:
    """Run the rules over an example that say what no example should teach.

    Args:
        shown: the example as a file of its own.
        is_doctest: whether it is a test, in which a dependency may be driven to its end.

    Yields:
        Each violation, with its place in the example, and the fact that it speaks of.
    """
    fact: Any
    allowed = shown.layer.allow if shown.layer else frozenset()
    for rule in (rules()[code] for code in _TAUGHT if code not in allowed):
        for fact in shown.file.facts(rule.fact):
            if isinstance(fact, DrivenDependency) and _may_drive(fact, shown, is_doctest):
                continue
            for violation in rule.check(fact, shown):
                yield violation, fact


def _may_drive(fact: DrivenDependency, shown: Context, is_doctest: bool) -> bool:
    """Tell whether an example shows how a dependency works: where it is defined, or as a test."""
    return (is_doctest and fact.is_ended) or shown.may_open(fact.scope, fact.known)


def in_file(violation: Violation, example: DocstringExample) -> Violation:
    """Move a violation from its place in the example to its place in the file."""
    return violation._replace(
        code=RawSessionInDocstring.code,
        message=f"{violation.message} ({violation.code} in an example)",
        line=example.line + violation.line - 1,
        column=violation.column + example.indents[violation.line - 1],
        end_line=example.line + violation.end_line - 1,
        end_column=violation.end_column + example.indents[violation.end_line - 1],
    )
