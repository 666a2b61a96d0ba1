"""What a fix is made of: edits of a file's text, and what speaks against making them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.patterns import regex
from flake8_dbsession.policy.model import DoubtKind

_LINE_END = regex(r"\r\n|\r|\n")


Kind = DoubtKind
"""What a doubt is about."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why code may behave differently after a fix.

    Attributes:
        kind: what it is about.
        reason: the doubt in words.
        subject: what would have to be looked at: a test's file, a helper; empty for the place
            itself.
    """

    kind: Kind
    reason: str
    subject: str = ""


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
class Move:
    """A text of a test that names what is patched, and has to name something else after a fix.

    Attributes:
        path: the test's file.
        line: the line of the text.
        old: the text.
        new: the text that takes its place.
        stays: whether the old name is still to be patched, and the new one beside it.
        closes: whether what is given has to be closed by the block that enters it.
    """

    path: Path
    line: int
    old: str
    new: str
    stays: bool = False
    closes: bool = False


@dataclass(frozen=True, slots=True)
class Swap:
    """A function that is called in the place of another.

    Attributes:
        old: the name of the one that was called.
        place: the offset of the call.
        line: its line.
        new: how the other one is written; empty where the framework calls it.
        home: the file that defines the old one; None where it is not found.
        enters: whether what the old one gave was entered by a ``with`` block.
        reads_old: whether the new one calls the old one by its name where both are defined.
        enters_old: whether it enters what that gives.
        commits: whether it commits by itself, and not in the place of the code.
        lends: whether a loaded object outlives its commit, for the house's factory keeps what is
            loaded.
        stays: whether an error of it goes where one of the old one went.
        is_at_top: whether the module imports the new one at its top, where a function imported the
            old one.
        only_closes: whether the old code closed what it opened on all paths, and nothing else of it
            goes.
        differing: the keys of the result that are others after an error of it, which another
            handler catches; None where more is different.
        original: the old one's name where it is defined; empty where it is called by that.
        opens: whether anything is opened in its place: a session that nothing uses goes.
        sources: the names of which the code has the old one: ``engine`` of ``engine.connect()``,
            and ``sessionmaker`` where the function made its factory by itself; the first is that
            which the others are of.
        is_given: whether that is a parameter of the function.
    """

    old: str
    place: int
    line: int
    new: str
    home: Path | None
    enters: bool
    reads_old: bool
    enters_old: bool
    commits: bool
    stays: bool
    lends: bool = False
    is_at_top: bool = False
    only_closes: bool = False
    differing: frozenset[str] | None = None
    original: str = ""
    opens: bool = True
    sources: tuple[str, ...] = ()
    is_given: bool = False

    @property
    def is_itself(self) -> bool:
        """Whether the same one is called still, and what it gives is entered."""
        return self.new == self.old


class Taken(NamedTuple):
    """What the code has of another module by an import, and had by a function of that before.

    A test that replaces it there reached the function at each call, and reaches no import.

    Attributes:
        name: its name in that module.
        home: the module's file.
        reader: the function that read it there, and was called on the line.
        line: the line of the code.
    """

    name: str
    home: Path
    reader: str
    line: int


@dataclass(frozen=True, slots=True)
class Fix:
    """A way to make a violation go.

    Attributes:
        edits: what changes in the file; none of them overlap.
        doubts: why the code may behave differently afterwards; empty for a safe fix.
        unneeded: names that the old code mentions and the new code does not; their imports go where
            nothing else uses them.
        notes: what goes besides, and changes nothing that the code does.
        swap: the function that is called in another's place, where there is one.
        taken: what it takes by itself of the module of what it called before; None for nothing.
        instead: what is done where nobody accepts the doubts; None for nothing.
        keeping: finds the fix that leaves all commits and rollbacks to the code, for tests that
            look at them; None where this one does.
    """

    edits: tuple[Edit, ...]
    doubts: tuple[Doubt, ...] = ()
    unneeded: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    swap: Swap | None = None
    taken: Taken | None = None
    instead: Fix | None = None
    keeping: Callable[[], Fix] | None = field(default=None, compare=False)


class Refusal(Exception):  # noqa: N818 - nothing is wrong: the code is left as it is
    """Says why a violation is left alone."""


def applied(text: str, edits: Iterable[Edit]) -> str:
    """Make edits in a text.

    Args:
        text: the text.
        edits: the edits, none of which overlap.

    Returns:
        The new text, of which all that lies outside of the edits is as it was.
    """
    pieces, done = [], 0
    for edit in sorted(edits):
        pieces += [text[done : edit.start], edit.text]
        done = edit.end
    return "".join([*pieces, text[done:]])


def moved_line(line: int, edits: Iterable[Edit], text: str) -> int:
    """Give the number that a line has after edits.

    Args:
        line: its number before them, counted from 1.
        edits: the edits, none of which overlap.
        text: the text before them.

    Returns:
        The number; for a line that is replaced, that of the line in its place.
    """
    offset = _line_start(line, text)
    shift = 0
    for edit in sorted(edits):
        if offset < edit.start or offset == edit.start < edit.end:
            break
        if offset < edit.end:
            within = _line_ends(text[edit.start : offset])
            return line + shift + min(0, max(_line_ends(edit.text) - 1, 0) - within)
        shift += _line_ends(edit.text) - _line_ends(text[edit.start : edit.end])
    return line + shift


def _line_start(line: int, text: str) -> int:
    ends = (found.end() for found in _LINE_END.finditer(text))
    return 0 if line == 1 else next(islice(ends, line - 2, None), len(text))


def _line_ends(text: str) -> int:
    return len(_LINE_END.findall(text))


def inverse(edits: Iterable[Edit], text: str) -> tuple[Edit, ...]:
    """Give the edits that undo others.

    Args:
        edits: the edits, none of which overlap.
        text: the text before them.
    """
    undoing, shift = [], 0
    for edit in sorted(edits):
        start = edit.start + shift
        undoing.append(Edit(start, start + len(edit.text), text[edit.start : edit.end]))
        shift += len(edit.text) - (edit.end - edit.start)
    return tuple(undoing)
