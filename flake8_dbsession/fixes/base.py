"""What a fix is: edits of a file's text, and what speaks against making them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

if TYPE_CHECKING:
    from flake8_dbsession.fixes.document import Document
    from flake8_dbsession.rules.base import Violation

Fact = TypeVar("Fact", contravariant=True)


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """A piece of a file's text, and what takes its place.

    Attributes:
        start: the offset of its first character.
        end: the offset after its last one; ``start`` for what is only put in.
        text: the new text, with line ends of the file's own kind.
    """

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """A way to make a violation go.

    Attributes:
        edits: what changes in the file; none of them overlap.
        doubts: why the code may behave differently afterwards; empty for a safe fix.
        unneeded: names that the old code mentions and the new code does not; their imports go where
            nothing else uses them.
    """

    edits: tuple[Edit, ...]
    doubts: tuple[str, ...] = ()
    unneeded: frozenset[str] = frozenset()


class Refusal(Exception):  # noqa: N818 - nothing is wrong: the code is left as it is
    """Says why a violation is left alone."""


class Fixer(ABC, Generic[Fact]):
    """Rewrites what one rule reports. How safe that is stands on the rule's page.

    Attributes:
        code: the rule's code.
    """

    code: ClassVar[str]

    @abstractmethod
    def fix(self, fact: Fact, document: Document) -> Fix:
        """Find out how to rewrite one place.

        Args:
            fact: what the rule reports, of the kind that the rule looks at.
            document: the file that it stands in.

        Returns:
            The fix.

        Raises:
            Refusal: the place cannot be rewritten, or not by a machine.
        """

    def fix_reported(self, violation: Violation, fact: Fact, document: Document) -> Fix:
        """Find out how to make one violation go, where a rule may report several of one fact.

        Args:
            violation: what is reported.
            fact: what it speaks of.
            document: the file that both stand in.

        Raises:
            Refusal: the place cannot be rewritten, or not by a machine.
        """
        return self.fix(fact, document)
