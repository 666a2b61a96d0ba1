"""The repair of one file: fixes are found, made and proved, until there is none left to make."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

from flake8_dbsession.analysis.nodes import is_name, nodes_in
from flake8_dbsession.failures import RULE_FAILED
from flake8_dbsession.fixes.doubts.neighbours import is_module
from flake8_dbsession.fixes.doubts.notices import Uses
from flake8_dbsession.fixes.doubts.patched import PatchedNames, doubt_of, shown_from
from flake8_dbsession.fixes.doubts.reach import Functions
from flake8_dbsession.fixes.registry import fixers
from flake8_dbsession.linter import Linter, PreparedFile
from flake8_dbsession.patterns import regex
from flake8_dbsession.policy.errors import PolicyError
from flake8_dbsession.policy.model import COVERED, Policy
from flake8_dbsession.rewriting.blanks import spare_blanks
from flake8_dbsession.rewriting.continued import aligned
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import (
    Doubt,
    Edit,
    Fix,
    Kind,
    Move,
    Refusal,
    Swap,
    applied,
    inverse,
    moved_line,
)
from flake8_dbsession.rewriting.imports import superfluous, unused_locals, whole_lines
from flake8_dbsession.rewriting.proof import (
    UncoveringError,
    UnprovedError,
    prove_compiles,
    prove_gone,
    prove_names_bound,
    prove_rest_kept,
)
from flake8_dbsession.rewriting.said import outdated_comment
from flake8_dbsession.rewriting.text import Text
from flake8_dbsession.rules.base import Violation
from flake8_dbsession.rules.registry import rules

_ROUNDS = 20  # a fix inside of another waits for the next round; real code nests three deep
# A violation that the user has silenced, by its code and the text of its line: its place changes.
_Hidden: TypeAlias = tuple[str, str]
_IsWanted: TypeAlias = Callable[["_Findings", Violation], bool]
_LINE = regex(r"(?<=\bline )\d+")
NO_FIX = "it has no fix of its own; `dbsession explain {code}` shows what to do"


@dataclass(frozen=True, slots=True)
class Wishes:
    """Which fixes the user wants.

    Attributes:
        codes: the codes to fix, or their beginnings.
        unsafe: whether fixes are made that may change what the code does.
        accepted: the kinds of doubt that do not keep a fix from being made, besides those that the
            policy accepts.
        writes: whether the repaired text takes the old one's place, so that positions are in it.
        files: the files that may be changed, by their absolute paths.
        reported: the violations that the user is shown, by code, line and column, both counted from
            1; None for all. What is silenced by a comment or a setting is not among them.
    """

    codes: tuple[str, ...] = ("DBS",)
    unsafe: bool = False
    accepted: frozenset[str] = frozenset()
    writes: bool = True
    files: frozenset[Path] = frozenset()
    reported: frozenset[tuple[str, int, int]] | None = None

    def may_change(self, path: Path) -> bool:
        """Tell whether another file may be changed for a fix."""
        return path in self.files


@dataclass(frozen=True, slots=True)
class Fixed:
    """A violation that was fixed.

    Attributes:
        code: its code.
        line: its line, in the text as it lies on disk after the run.
        notes: what goes besides.
    """

    code: str
    line: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Left:
    """A violation that was left, and why.

    Attributes:
        code: its code.
        line: its line, in the text as it lies on disk after the run.
        column: its column, counted from 1 in characters.
        reason: why it was left.
        doubts: the doubts that it was left for; none where there is no fix.
    """

    code: str
    line: int
    column: int
    reason: str
    doubts: tuple[Doubt, ...] = ()

    @property
    def is_unsafe(self) -> bool:
        """Whether ``--unsafe`` would fix it."""
        return bool(self.doubts)


@dataclass(frozen=True, slots=True)
class Repair:
    """What came of the repair of a file.

    Attributes:
        text: the text after it.
        fixed: what was fixed.
        left: what was left.
        known: what more was left, which a baseline knows.
        moves: the texts in which tests have to name something else.
    """

    text: Text
    fixed: tuple[Fixed, ...] = ()
    left: tuple[Left, ...] = ()
    known: tuple[Left, ...] = ()
    moves: tuple[Move, ...] = ()


@dataclass(frozen=True, slots=True)
class _Proposal:
    """A violation with its fix, or with the reason why it has none.

    Attributes:
        violation: the violation.
        fix: the fix that is to be made.
        reason: why there is none.
        doubts: the doubts that it was left for.
        moves: the texts in which tests have to name something else.
        withheld: the fix that would be made but for the doubts.
    """

    violation: Violation
    fix: Fix | None
    reason: str = ""
    doubts: tuple[Doubt, ...] = ()
    moves: tuple[Move, ...] = ()
    withheld: Fix | None = None


def repair(
    filename: str, text: Text, linter: Linter, wishes: Wishes, patched: PatchedNames | None = None
) -> Repair:
    """Repair one file's text.

    Args:
        filename: the file's path, absolute or relative to the working directory.
        text: its text.
        linter: finds the violations.
        wishes: which fixes are wanted.
        patched: what the tests of its project patch, to be found only once; None to find it anew.

    Returns:
        The repaired text, which is proved: see ``proof``.

    Raises:
        SyntaxError: the file does not parse.
        PolicyError: its policy cannot be used.
        UnprovedError: a rule or a fixer broke, or a fix does not do what it says.
    """
    if wishes.reported is not None and not any(code in fixers() for code, _, _ in wishes.reported):
        return Repair(text, left=tuple(_without_fix(wishes)))
    fixed: list[tuple[_Findings, _Proposal]] = []
    now = _Findings(filename, text, linter, patched or PatchedNames())
    hidden = now.hidden(wishes)
    for _ in range(_ROUNDS):
        proposals, attempt = _tried(
            now, wishes, lambda state, each: state.without_place(each) not in hidden
        )
        if not attempt.made:
            left = (now.left(proposal, attempt.dropped) for proposal in proposals)
            return _on_disk(Repair(now.text, left=tuple(left)), fixed, now, wishes)
        fixed += [(now, proposal) for proposal in attempt.made]
        moves = (move for proposal in attempt.made for move in proposal.moves)
        attempt.result.moves = (*now.moves, *moves)
        now = attempt.result
    raise UnprovedError(f"the fixes did not come to an end in {_ROUNDS} rounds")


def repair_one(
    filename: str,
    text: Text,
    linter: Linter,
    wishes: Wishes,
    place: tuple[str, int, int],
    patched: PatchedNames,
) -> Repair:
    """Repair one violation of a file's text, and leave the others.

    Args:
        filename: as ``repair`` takes it.
        text: as ``repair`` takes it.
        linter: as ``repair`` takes it.
        wishes: as ``repair`` takes them; what they say of reported violations does not matter.
        place: the violation's code, line and column, both counted from 1.
        patched: as ``repair`` takes it.

    Returns:
        As ``repair`` does, of this violation alone.

    Raises:
        SyntaxError, PolicyError, UnprovedError: as ``repair`` raises them.
    """
    return _alone(_Findings(filename, text, linter, patched), wishes, place)


def repair_each(
    filename: str,
    text: Text,
    linter: Linter,
    wishes: Wishes,
    places: Iterable[tuple[str, int, int]],
    patched: PatchedNames,
) -> Iterator[Repair]:
    """Repair each of some violations alone, as ``repair_one`` does, and look at the file once.

    Args:
        filename: as ``repair_one`` takes it.
        text: as ``repair_one`` takes it.
        linter: as ``repair_one`` takes it.
        wishes: as ``repair_one`` takes them.
        places: of the violations, each as ``repair_one`` takes it.
        patched: as ``repair_one`` takes it.

    Raises:
        SyntaxError, PolicyError, UnprovedError: as ``repair`` raises them.
    """
    now = _Findings(filename, text, linter, patched)
    for place in places:
        yield _alone(now, wishes, place)


def _alone(now: _Findings, wishes: Wishes, place: tuple[str, int, int]) -> Repair:
    proposals, attempt = _tried(now, wishes, lambda state, each: state.place(each) == place)
    left = tuple(now.left(p, attempt.dropped) for p in proposals if p not in attempt.made)
    fixed = [(now, proposal) for proposal in attempt.made]
    return _on_disk(Repair(attempt.result.text, left=left), fixed, attempt.result, wishes)


def _tried(
    now: _Findings, wishes: Wishes, is_wanted: _IsWanted
) -> tuple[list[_Proposal], _Attempt]:
    """Make what can be made at once of the fixes of some violations."""
    proposals = now.proposals(wishes, is_wanted)
    attempt = _attempted(now, proposals)
    if attempt.leaves_behind(proposals):
        proposals = now.proposals(wishes, is_wanted, moves=False)
        attempt = _attempted(now, proposals)
    return proposals, attempt


def _on_disk(
    done: Repair, fixed: list[tuple[_Findings, _Proposal]], last: _Findings, wishes: Wishes
) -> Repair:
    """Say where all is in the text that lies on disk when the run is over."""
    fixes = []
    for state, proposal in fixed:
        line = state.in_first(proposal.violation.line)
        line = last.in_this(line) if wishes.writes else line
        notes = proposal.fix.notes if proposal.fix else ()
        fixes.append(Fixed(proposal.violation.code, line, notes))
    left = done.left
    if not wishes.writes:
        left = tuple(_moved(each, last.in_first) for each in left)
    moves = dict.fromkeys(move for _, proposal in fixed for move in proposal.moves)
    return replace(done, fixed=tuple(fixes), left=left, moves=tuple(moves))


def _moved(left: Left, number: Callable[[int], int]) -> Left:
    """Number the lines of what is left anew, those in its reason too."""
    reason = _LINE.sub(lambda found: str(number(int(found[0]))), left.reason)
    return replace(left, line=number(left.line), reason=reason)


def accepted_by(policy: Policy) -> frozenset[str]:
    """Give the kinds of doubt that a house accepts."""
    found: frozenset[str] = getattr(policy, "accept", frozenset())
    return found


def _without_fix(wishes: Wishes) -> Iterator[Left]:
    """Give what is left of a file in which nothing that is reported has a fix."""
    found = sorted((line, column, code) for code, line, column in wishes.reported or ())
    for line, column, code in found:
        if code.startswith(wishes.codes):
            yield Left(code, line, column, NO_FIX.format(code=code))


class _Findings:
    """A state of the file, and what is found in it."""

    def __init__(
        self,
        filename: str,
        text: Text,
        linter: Linter,
        patched: PatchedNames,
        made: tuple[_Findings, tuple[Edit, ...]] | None = None,
    ) -> None:
        self.filename = filename
        self.moves: tuple[Move, ...] = ()  # what tests have to name by the fixes before
        self._made = made
        self._places: dict[str, dict[int, int]] = {}
        self.text = text
        self.linter = linter
        self.patched = patched
        source = text.source
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            tree = ast.parse(source)
        prepared = linter.prepare(filename, source, tree)
        if isinstance(prepared, PolicyError):
            raise prepared
        self._prepared: PreparedFile | None = prepared

    def in_first(self, line: int) -> int:
        """Give the number that a line of this text had before all fixes."""
        if self._made is None:
            return line
        old, edits = self._made
        content = old.text.content
        return old.in_first(moved_line(line, inverse(edits, content), self.text.content))

    def in_this(self, line: int) -> int:
        """Give the number that a line of the text before all fixes has in this one."""
        if self._made is None:
            return line
        old, edits = self._made
        return moved_line(old.in_this(line), edits, old.text.content)

    @cached_property
    def document(self) -> Document:
        assert self._prepared is not None
        context = self._prepared.context
        return Document(self.text.content, context, self._reader, self._is_named)

    @cached_property
    def _found(self) -> list[tuple[Violation, Any]]:
        found = list(self._prepared.violations()) if self._prepared else []
        broken = next((v.message for v, _ in found if v.code == RULE_FAILED), None)
        if broken is not None:
            raise UnprovedError(broken)
        return sorted(found, key=lambda pair: (pair[0].line, pair[0].column, pair[0].code))

    @cached_property
    def violations(self) -> list[Violation]:
        return [v for v, _ in self._found if not rules()[v.code].judges_comments]

    def hidden(self, wishes: Wishes) -> set[_Hidden]:
        if wishes.reported is None:
            return set()
        return {
            self.without_place(violation)
            for violation, _ in self._found
            if self.place(violation) not in wishes.reported
        }

    def is_taken(self, name: str) -> bool:
        """Tell whether another file takes a name from this one."""
        return self._reader(name) is not None

    def is_replaced(self, name: str) -> bool:
        """Tell whether tests replace a name of this file that its own code does not read."""
        lines = self._places_of(name).values()
        are_late = all(self._functions.is_late(name, line) for line in lines)
        return are_late and self.patched.is_patched(name, self.document.context, self.moves)

    def _is_named(self, name: str) -> bool:
        """Tell whether any file of the project has a name in it."""
        root = self.document.context.file.inference.project.root
        return name in self.text.content or bool(self.patched.neighbours(root).naming(name))

    def _reader(self, name: str) -> Path | None:
        """Find another file that takes a name from this one."""
        file = self.document.context.file
        neighbours = self.patched.neighbours(file.inference.project.root)
        return neighbours.reader(name, file.path, file.inference.project)

    def proposals(
        self, wishes: Wishes, is_wanted: _IsWanted, *, moves: bool = True
    ) -> list[_Proposal]:
        """Find the fixes that are to be made, and why others are not.

        Args:
            wishes: which fixes are wanted.
            is_wanted: tells whether the user wants one of these violations fixed.
            moves: whether what tests patch may be moved.
        """
        found = [
            self._proposal(violation, fact, wishes)
            for violation, fact in self._found
            if violation.code.startswith(wishes.codes) and is_wanted(self, violation)
        ]
        if wishes.unsafe:
            return found
        while True:
            swaps = self._swaps(found)
            noticed = [self._noticed(proposal, swaps, wishes, moves=moves) for proposal in found]
            # What tests have to name depends on all places that are fixed: one less, and anew.
            if self._swaps(noticed) == swaps:
                return [*self._with_patches(noticed, wishes, moves=moves)]
            pairs = list(zip(found, noticed, strict=True))
            if any(map(_is_varied, found, noticed)):
                # With the ends kept at one place, all may be closed in the same way.
                pairs = [(old, new if _is_varied(old, new) else old) for old, new in pairs]
            else:
                # Those after the first may wait for nothing but these.
                first = min(self._order(old) for old, new in pairs if _is_held(old, new))
                pairs = [(old, new if self._order(old) == first else old) for old, new in pairs]
            found = [old if new.fix is old.fix else new for old, new in pairs]

    def _order(self, proposal: _Proposal) -> tuple[bool, bool]:
        """Give the order in which fixes are held by tests that others depend on, too.

        First those that change what others get under a patch: of the module's own name before those
        that import it for themselves, and of what is opened by hand before what is entered.
        """
        swap = proposal.fix.swap if proposal.fix else None
        if swap is None:
            return False, False
        return self._functions.is_late(swap.old, swap.line), swap.enters

    def _with_patches(
        self, proposals: Sequence[_Proposal], wishes: Wishes, *, moves: bool
    ) -> Iterator[_Proposal]:
        """Add to the doubts that can be accepted what would be left of them: the tests' patches."""
        accepted = [
            replace(proposal, fix=proposal.withheld) if proposal.withheld else proposal
            for proposal in proposals
        ]
        swaps = self._swaps(accepted)
        for proposal, wanted in zip(proposals, accepted, strict=True):
            if proposal.withheld:
                left = self._noticed(wanted, swaps, wishes, moves=moves)
                if left.fix is None:
                    reason = f"{proposal.reason}; {left.reason}"
                    doubts = (*proposal.doubts, *left.doubts)
                    proposal = replace(proposal, reason=reason, doubts=doubts)
            yield proposal

    def _swaps(self, proposals: Iterable[_Proposal]) -> dict[str, dict[int, Swap]]:
        """Give what is called instead of names after some fixes, by the offsets of the calls."""
        swaps: dict[str, dict[int, Swap]] = {}
        for proposal in proposals:
            if proposal.fix and proposal.fix.swap:
                swap = proposal.fix.swap
                swaps.setdefault(swap.old, {})[swap.place] = swap
        return swaps

    def _uses(self, name: str, swaps: Mapping[int, Swap], *, moves: bool) -> Uses:
        places = self._places_of(name)
        kept = tuple(line for place, line in places.items() if place not in swaps)
        return Uses(tuple(swaps.values()), kept, self._functions, moves)

    def _places_of(self, name: str) -> dict[int, int]:
        """Give the offsets of the places where the file reads a name, and their lines."""
        if name not in self._places:
            names = (n for n in nodes_in(self.document.tree) if is_name(n, name))
            self._places[name] = {
                self.document.span(node)[0]: node.lineno
                for node in names
                if isinstance(node.ctx, ast.Load)
            }
        return self._places[name]

    @cached_property
    def _functions(self) -> Functions:
        return Functions(self.document.tree)

    def _noticed(
        self,
        proposal: _Proposal,
        swaps: Mapping[str, Mapping[int, Swap]],
        wishes: Wishes,
        *,
        moves: bool,
    ) -> _Proposal:
        """Hold a fix against what the tests patch."""
        if proposal.fix is None:
            return proposal
        is_accepted = Kind.PATCHED.value in self._accepted(wishes)
        read = None if is_accepted else self._source_read(proposal.fix)
        if read is not None:
            return _Proposal(proposal.violation, None, read.reason, (read,))
        unread = None if is_accepted else self._unread(proposal.fix, moves=moves)
        if unread is not None:
            return _Proposal(proposal.violation, None, unread.reason, (unread,))
        found: list[Move] = []
        names = set(proposal.fix.unneeded)
        if proposal.fix.swap is not None:
            names |= {proposal.fix.swap.old, *proposal.fix.swap.sources}
        for name in sorted(names):
            uses = self._uses(name, swaps.get(name, {}), moves=moves)
            verdict = self.patched.verdict(name, proposal.fix.swap, uses, self.document.context)
            doubt = verdict.doubt
            if doubt is not None and not is_accepted and (fix := self._keeping(proposal, wishes)):
                return _Proposal(proposal.violation, fix)
            if doubt is None:
                doubt = self._not_given(name, verdict.moves, wishes)
            if doubt is None:
                doubt = next(filter(None, map(self._otherwise, verdict.moves)), None)
            if doubt is None:
                found += (move for move in verdict.moves if not self._is_moved(move))
            elif not is_accepted:
                return _Proposal(proposal.violation, None, doubt.reason, (doubt,))
        return replace(proposal, moves=tuple(found))

    def _source_read(self, fix: Fix) -> Doubt | None:
        """Doubt a fix that a test would see in the text of the file."""
        before = self.text.content
        after = applied(before, fix.edits)
        return self.patched.source_read(before, after, self.document.context)

    def _unread(self, fix: Fix, *, moves: bool) -> Doubt | None:
        """Doubt a fix that takes by itself what a test replaces where that is defined."""
        if fix.taken is None:
            return None
        uses = self._uses(fix.taken.name, {}, moves=moves)
        return self.patched.unread(fix.taken, uses, self.document.context)

    def _keeping(self, proposal: _Proposal, wishes: Wishes) -> Fix | None:
        """Give the fix that leaves the session's ends to the code, where there is a safe one."""
        if proposal.fix is None or proposal.fix.keeping is None:
            return None
        try:
            fix = proposal.fix.keeping()
        except Refusal:
            return None
        keeps = fix.swap is not None and fix.swap.only_closes
        return fix if keeps and not self._doubts(fix, wishes) else None

    def _otherwise(self, move: Move) -> Doubt | None:
        """Doubt a fix for which a test would have to name another thing than for an earlier one."""
        same = (
            m for m in self.moves if (m.path, m.line, m.old) == (move.path, move.line, move.old)
        )
        if all((m.new, m.closes) == (move.new, move.closes) for m in same):
            return None
        return doubt_of(
            move.path, "patches what another fix calls otherwise", self.document.context
        )

    def _is_moved(self, move: Move) -> bool:
        """Tell whether an earlier fix has a test name something else already."""
        known = (m for m in self.moves if not m.stays or move.stays)
        return any((m.path, m.line, m.old) == (move.path, move.line, move.old) for m in known)

    def _is_of_here(self, move: Move) -> bool:
        """Tell whether what a test patches is a name of this module."""
        module = move.old.rpartition(".")[0]
        return is_module(self.document.context.file.path, module) if module else not move.stays

    def _not_given(self, name: str, moves: Iterable[Move], wishes: Wishes) -> Doubt | None:
        """Doubt a fix for which tests would have to patch otherwise that were not given."""
        waiting = [move for move in moves if not wishes.may_change(move.path)]
        missing = dict.fromkeys(move.path for move in waiting)
        if not missing:
            return None
        root = self.document.context.file.inference.project.root
        first, *others = (f"`{shown_from(root, path)}`" for path in missing)
        tests = f"{first} and {len(others)} more" if others else first
        them, verb = ("those files", "patch") if others else ("that file", "patches")
        here = " in this module" if all(map(self._is_of_here, waiting)) else ""
        reason = (
            f"{tests} {verb} `{name}`{here}; `dbsession fix` changes that along where it "
            f"is given {them} too"
        )
        return Doubt(Kind.PATCHED, reason, str(next(iter(missing))))

    def without_place(self, violation: Violation) -> _Hidden:
        """Give a violation as it is known wherever other fixes move it."""
        return violation.code, self.document.lines[violation.line - 1].strip()

    def place(self, violation: Violation) -> tuple[str, int, int]:
        """Give a violation's code, line and column, both counted from 1."""
        return violation.code, violation.line, self._column(violation)

    def _column(self, violation: Violation) -> int:
        start = self.document.offset(violation.line, 0)
        return 1 + self.document.offset(violation.line, violation.column) - start

    def _proposal(self, violation: Violation, fact: Any, wishes: Wishes) -> _Proposal:
        fixer = fixers().get(violation.code)
        if fixer is None:
            return _Proposal(violation, None, NO_FIX.format(code=violation.code))
        try:
            fix = fixer.fix_reported(violation, fact, self.document)
        except Refusal as refusal:
            return _Proposal(violation, None, str(refusal))
        except Exception as error:
            raise UnprovedError(
                f"the fix of {violation.code} broke on line {violation.line} with "
                f"{type(error).__name__}: {error}; please report it with the file's code"
            ) from error
        doubts = self._doubts(fix, wishes)
        if doubts and fix.instead is not None and not self._doubts(fix.instead, wishes):
            return _Proposal(violation, fix.instead)
        if doubts:
            reason = "; ".join(doubt.reason for doubt in doubts)
            can_be_accepted = all(doubt.kind is not Kind.OTHER for doubt in doubts)
            withheld = fix if can_be_accepted else None
            return _Proposal(violation, None, reason, doubts, withheld=withheld)
        return _Proposal(violation, fix)

    def _doubts(self, fix: Fix, wishes: Wishes) -> tuple[Doubt, ...]:
        """Give the doubts about a fix that nobody accepts."""
        accepted = self._accepted(wishes)
        found = () if wishes.unsafe else (*fix.doubts, *self._outdated(fix))
        return tuple(doubt for doubt in found if doubt.kind.value not in accepted)

    def _outdated(self, fix: Fix) -> Iterator[Doubt]:
        """Doubt a comment that names what is not called any more."""
        swap, taken = fix.swap, fix.taken
        gone = (taken.reader, taken.line) if taken is not None else None
        if swap is not None and swap.opens and not swap.is_itself:
            gone = (swap.old, swap.line)
        doubt = outdated_comment(*gone, self.document) if gone is not None else None
        if doubt is not None:
            yield doubt

    def _accepted(self, wishes: Wishes) -> set[str]:
        accepted = {*wishes.accepted, *accepted_by(self.document.context.policy)}
        return accepted.union(*(COVERED.get(kind, ()) for kind in accepted))

    def left(self, proposal: _Proposal, dropped: Mapping[Violation, str]) -> Left:
        return Left(
            code=proposal.violation.code,
            line=proposal.violation.line,
            column=self._column(proposal.violation),
            reason=proposal.reason or dropped[proposal.violation],
            doubts=proposal.doubts,
        )


def _compatible(proposals: Iterable[_Proposal]) -> list[_Proposal]:
    """Choose fixes that can be made at once; two may share an edit, such as that of an import."""
    chosen: list[_Proposal] = []
    taken: set[Edit] = set()
    for proposal in proposals:
        edits = set(proposal.fix.edits) - taken if proposal.fix else set()
        if proposal.fix and not any(_collide(new, old) for new in edits for old in taken):
            chosen.append(proposal)
            taken |= edits
    return chosen


def _collide(one: Edit, other: Edit) -> bool:
    if one.start == other.start:
        return True
    return one.start < other.end and other.start < one.end


def _attempted(now: _Findings, proposals: Iterable[_Proposal]) -> _Attempt:
    """Make what can be made of some fixes at once; one that is dropped stands in no other's way."""
    attempt = _Attempt(now)
    waiting = list(proposals)
    while chosen := _compatible(waiting):
        attempt.make(_grouped(chosen))
        if attempt.made:
            break
        waiting = [p for p in waiting if p.violation not in attempt.dropped]
    return attempt


def _grouped(chosen: Iterable[_Proposal]) -> list[list[_Proposal]]:
    """Put those together that the same edits fix."""
    groups: dict[tuple[Edit, ...], list[_Proposal]] = {}
    for proposal in chosen:
        assert proposal.fix is not None
        groups.setdefault(proposal.fix.edits, []).append(proposal)
    return [*groups.values()]


class _Attempt:
    """Fixes made together, but for the fewest that bring new violations to light.

    Args:
        old: the file before them.

    Attributes:
        result: the file after those that were made.
        made: what they fixed.
        dropped: what was left because of the new violations, with the reason.
    """

    def __init__(self, old: _Findings) -> None:
        self._old = old
        self.result = old
        self.made: list[_Proposal] = []
        self.dropped: dict[Violation, str] = {}

    def leaves_behind(self, proposals: Iterable[_Proposal]) -> bool:
        """Tell whether tests are to name what is not called at each place that was to be fixed."""
        names = {p.fix.swap.old for p in self.made if p.moves and p.fix and p.fix.swap}
        return any(
            p.fix is not None and p.fix.swap is not None and p.fix.swap.old in names
            for p in proposals
            if p not in self.made
        )

    def make(self, groups: Sequence[list[_Proposal]]) -> None:
        """Make fixes beside those that are made already: all of them, or what halves can be."""
        added = [proposal for group in groups for proposal in group]
        if not added:
            return
        try:
            self.result = _made(self._old, [*self.made, *added])
        except UncoveringError as error:
            if len(groups) == 1:  # of those that the same edits should fix, some may be gone
                groups = [[proposal] for proposal in added]
            if len(groups) == 1:
                self.dropped.update((proposal.violation, str(error)) for proposal in added)
                return
            middle = len(groups) // 2
            self.make(groups[:middle])
            self.make(groups[middle:])
        else:
            self.made += added


def _is_held(old: _Proposal, new: _Proposal) -> bool:
    """Tell whether a fix is not made because of what tests patch."""
    return old.fix is not None and new.fix is None


def _is_varied(old: _Proposal, new: _Proposal) -> bool:
    """Tell whether a fix is made in another form because of what tests patch."""
    return old.fix is not None and new.fix is not None and old.fix is not new.fix


def _made(old: _Findings, chosen: list[_Proposal]) -> _Findings:
    """Make fixes, and prove them."""
    fixes = [proposal.fix for proposal in chosen if proposal.fix]
    edits = {edit for fix in fixes for edit in fix.edits}
    new = _edited(old, aligned(old.text.content, edits))
    names = frozenset[str]().union(*(fix.unneeded for fix in fixes))
    unused = unused_locals(names, new.document) if names else []
    if unused:
        names = names.union(*map(new.document.names_in, unused))
        new = _edited(new, [whole_lines(statement, new.document) for statement in unused])
    if names:
        unneeded = superfluous(names, new.document, lambda n: old.is_replaced(n) or new.is_taken(n))
        new = _edited(new, unneeded) if unneeded else new
    spare = spare_blanks(old.text.content, new.text.content)
    new = _edited(new, spare) if spare else new
    # A comment may hide nothing once the code that it speaks of is fixed, and goes next.
    fixed = [p.violation for p in chosen if not rules()[p.violation.code].judges_comments]
    prove_names_bound(old.text.source, new.text.source, old.filename)
    prove_gone(old.violations, new.violations, fixed)
    return new


def _edited(old: _Findings, edits: Collection[Edit]) -> _Findings:
    text = replace(old.text, content=applied(old.text.content, edits))
    text.encode()
    prove_compiles(text.source, old.filename)
    prove_rest_kept(old.text.content, text.content, edits)
    made = (old, tuple(edits))
    return _Findings(old.filename, text, old.linter, old.patched, made)
