"""Holds what the analysis says of a program against what its runs show."""

from __future__ import annotations

from dataclasses import dataclass

from tests.oracle.runtime import Program
from tests.oracle.verdict import judge

_BY_CHANCE = 100
_MOST_BY_CHANCE = 30_000


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is said and what is shown of one program; openings go by their numbers.

    Attributes:
        claimed: the openings that leak as the analysis says; None where it gives up.
        shown: those that leak in some run, each with the answers given in that run; those left out
            that are not judged.
        is_by_callees: whether the verdict hangs on what the functions do that are called.
    """

    claimed: frozenset[int] | None
    shown: dict[int, tuple[int, ...]]
    is_by_callees: bool = False

    @property
    def agrees(self) -> bool:
        """Whether both name the same openings."""
        return self.claimed == self.shown.keys()

    @property
    def leaks(self) -> bool:
        """Whether anything leaks."""
        return bool(self.shown)


def compare(source: str, max_deviations: int = 3, max_runs: int = 200) -> Comparison:
    """Analyse a program, and run it.

    Args:
        source: the program.
        max_deviations: how many faults and unusual branches one run has at most.
        max_runs: how often it is run at most; more often where a leak that the analysis claims has
            not shown by then.

    Returns:
        Both answers.
    """
    found = judge(source)
    program = Program(source)
    shown = program.leaks(max_deviations, max_runs)
    shown = program.leaks_found_by_chance(program.sites - shown.keys(), _BY_CHANCE) | shown
    if found is None:
        return Comparison(None, shown)
    # What no run gets to, in a helper that only dead code calls, shows nothing.
    lived = {n: lifetime for n, lifetime in found.lifetimes.items() if n in program.reached}
    claimed = frozenset(number for number, lifetime in lived.items() if lifetime.leaks)
    if not claimed <= shown.keys():
        # Before it is called a false alarm, it is looked for where few runs get to.
        shown = program.leaks_found_by_chance(claimed - shown.keys(), _MOST_BY_CHANCE) | shown
    judged = {number: answers for number, answers in shown.items() if number in lived}
    return Comparison(claimed, judged, found.is_by_callees)
