"""What a rule is: a code, a page, the facts it looks at, the violations it finds."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.policy.model import Level

if TYPE_CHECKING:
    from flake8_dbsession.rules.context import Context

Fact = TypeVar("Fact")


class Violation(NamedTuple):
    """A place where the standard is not held.

    Attributes:
        code: the rule's code, such as ``DBS101``.
        message: what is wrong and the way out, without the code.
        line: the line, counted from 1.
        column: the column, counted from 0; a rule gives it in UTF-8 bytes, as the syntax tree
            counts, and the linter in characters.
        end_line: the line on which the offending code ends.
        end_column: the column after its last character.
    """

    code: str
    message: str
    line: int
    column: int
    end_line: int
    end_column: int


class Rule(ABC, Generic[Fact]):
    """One opinion. Its docstring is its page; CONTRIBUTING names the sections.

    Attributes:
        code: its code.
        name: its name in words joined by hyphens.
        fact: the kind of fact it looks at.
        off: whether it reports only when asked for by its whole code.
        since: the version that brought it.
        level: how much what it reports weighs, where no policy says it.
        spares_tests: whether it has nothing to say of tests.
        is_of_imports: whether it speaks of the import of a file, which a notebook never sees.
        judges_comments: whether it looks at what comments hide of what the other rules report.
    """

    code: ClassVar[str]
    name: ClassVar[str]
    fact: ClassVar[type]
    off: ClassVar[bool] = False
    since: ClassVar[str] = "0.1.0"
    level: ClassVar[Level] = Level.ERROR
    spares_tests: ClassVar[bool] = False
    is_of_imports: ClassVar[bool] = False
    judges_comments: ClassVar[bool] = False

    @property
    def docstring(self) -> str:
        """The rule's text in Markdown; ``rules.pages`` makes its page of it."""
        from inspect import cleandoc

        return cleandoc(self.__doc__ or "")

    @abstractmethod
    def check(self, fact: Fact, context: Context) -> Iterator[Violation]:
        """Look at one fact.

        Args:
            fact: the fact.
            context: the file it was found in, and the policy.

        Yields:
            The violations, most often none or one.
        """

    def violation(self, node: ast.AST, message: str) -> Violation:
        """Make a violation that points at a node."""
        line: int = node.lineno  # type: ignore[attr-defined]
        column: int = node.col_offset  # type: ignore[attr-defined]
        end_line: int = node.end_lineno or line  # type: ignore[attr-defined]
        end_column: int = node.end_col_offset or column  # type: ignore[attr-defined]
        return Violation(self.code, message, line, column, end_line, end_column)
