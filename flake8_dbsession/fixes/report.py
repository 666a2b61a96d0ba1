"""What a run did, in words: the diff, each file's fixes, each violation left, the summary."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from difflib import unified_diff

from flake8_dbsession.escaping import line_of, visible
from flake8_dbsession.fixes.plan import plan
from flake8_dbsession.fixes.run import Outcome
from flake8_dbsession.rewriting.document import lines_of
from flake8_dbsession.wording import counted


def diff(outcome: Outcome) -> str:
    """Give the unified diff of a file; empty where it stays as it is."""
    if outcome.repair is None or outcome.before is None:
        return ""
    old, new = lines_of(outcome.before.content), lines_of(outcome.repair.text.content)
    path = visible(os.path.normpath(outcome.path))
    lines = unified_diff(old, new, f"a/{path}", f"b/{path}")
    return "".join(
        line if line.endswith(("\n", "\r")) else f"{line}\n\\ No newline at end of file\n"
        for line in lines
    )


def lines(outcome: Outcome, *, writes: bool, verbose: bool) -> Iterator[str]:
    """Tell what came of one file.

    Args:
        outcome: what came of it.
        writes: whether it was written.
        verbose: whether each violation left is told.

    Yields:
        A line for each fix, each violation left with the reason, and a failure.
    """
    if outcome.repair is None:
        yield f"{outcome.path}: not fixed: {outcome.failure}"
        return
    verb = "fixed" if writes else "would be fixed"
    if not outcome.repair.fixed and outcome.repair.text != outcome.before:
        yield f"{outcome.path}: {verb} to patch what the fixed code calls"
    for fixed in outcome.repair.fixed:
        notes = "".join(f"; {note}" for note in fixed.notes)
        yield f"{outcome.path}:{fixed.line}: {fixed.code} {verb}{notes}"
    known = set(outcome.repair.known)
    in_order = sorted((*outcome.repair.left, *known), key=lambda each: (each.line, each.column))
    for left in in_order if verbose else ():
        doubts = [doubt.kind.value for doubt in left.doubts] + ["known"] * (left in known)
        kinds = ", ".join(dict.fromkeys(doubts))
        how = f"left ({kinds})" if kinds else "left"
        yield f"{outcome.path}:{left.line}:{left.column}: {left.code} {how}: {left.reason}"


def summary(outcomes: Sequence[Outcome], *, writes: bool) -> Iterator[str]:
    """Count fixes and what is left, by code and in all.

    Args:
        outcomes: what came of the files.
        writes: whether they were written.

    Yields:
        The lines of a table, the plan of what is left, and a last line with the totals.
    """
    fixed = Counter(f.code for o in outcomes if o.repair for f in o.repair.fixed)
    unsafe = Counter(f.code for o in outcomes if o.repair for f in o.repair.left if f.is_unsafe)
    left = Counter(f.code for o in outcomes if o.repair for f in o.repair.left if not f.is_unsafe)
    failed = sum(o.repair is None for o in outcomes)
    codes = sorted({*fixed, *unsafe, *left})
    if codes:
        yield f"{'code':8}{'fixed':>8}{'unsafe':>8}{'left':>8}"
        for code in codes:
            yield f"{code:8}{fixed[code]:8}{unsafe[code]:8}{left[code]:8}"
    done = [outcome.repair for outcome in outcomes if outcome.repair]
    causes = [*plan(left for each in done for left in (*each.left, *each.known))]
    if causes:
        what = "What is left, known or not" if any(each.known for each in done) else "What is left"
        yield from ["", f"{what}, by cause (`--verbose` tells where):", *causes, ""]
    changed = sum(bool(o.repair and o.repair.fixed) for o in outcomes)
    verb = "fixed" if writes else "to be fixed"
    yield (
        f"{fixed.total()} {verb} in {counted(changed, 'file')}, "
        f"{unsafe.total() + left.total()} left ({unsafe.total()} with an unsafe fix), "
        f"{counted(failed, 'file')} not fixed{_known(outcomes)}"
    )


def _known(outcomes: Iterable[Outcome]) -> str:
    known = sum(len(outcome.repair.known) for outcome in outcomes if outcome.repair)
    return f"; the baseline knows {known} more" if known else ""


def written(lines: Iterable[str]) -> str:
    """Put lines together."""
    return "".join(f"{line_of(line)}\n" for line in lines)
