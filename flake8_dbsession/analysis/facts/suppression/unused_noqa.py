"""``# noqa`` comments that name codes which their lines do not have."""

from __future__ import annotations

from flake8_dbsession.named_tuples import NamedTuple


class NamedCode(NamedTuple):
    """A code in a ``# noqa`` comment.

    Attributes:
        text: the code, or the beginning of codes.
        start: its column, counted from 0 in characters.
        is_unused: whether it hides nothing.
    """

    text: str
    start: int
    is_unused: bool

    @property
    def end(self) -> int:
        """The column after its last character."""
        return self.start + len(self.text)


class UnusedNoqa(NamedTuple):
    """A comment of which some code hides nothing. Which do is known when the other rules have run.

    Attributes:
        line: its line, counted from 1.
        text: the text of that line, without its end.
        start: the column of ``# noqa``, counted from 0 in characters.
        end: the column after the last of its codes.
        codes: the codes that it names, in their order.
    """

    line: int
    text: str
    start: int
    end: int
    codes: tuple[NamedCode, ...]

    @property
    def unused(self) -> list[NamedCode]:
        """The codes that hide nothing."""
        return [code for code in self.codes if code.is_unused]
