"""What a fixer is: the rewrite of what one rule reports."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

if TYPE_CHECKING:
    from flake8_dbsession.rewriting.document import Document
    from flake8_dbsession.rewriting.edits import Fix, Kind
    from flake8_dbsession.rules.base import Violation

Fact = TypeVar("Fact", contravariant=True)


class Fixer(ABC, Generic[Fact]):
    """Rewrites what one rule reports. How safe that is stands on the rule's page.

    Attributes:
        code: the rule's code.
        kinds: the kinds of doubt that its fixes can have, besides `Kind.OTHER`.
    """

    code: ClassVar[str]
    kinds: ClassVar[frozenset[Kind]] = frozenset()

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
