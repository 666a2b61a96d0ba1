"""The analysis says that a generated program leaks exactly where some run of it leaks.

``ORACLE_PROGRAMS`` sets how many programs are generated. Without it they are the same 2,000 every
time; with it they are new ones.
"""

from __future__ import annotations

import ast
import os
import sys
import warnings
from collections import Counter

from hypothesis import HealthCheck, given, settings

from tests.oracle.grammar import programs
from tests.oracle.runtime import Program
from tests.oracle.verdict import judge

_ASKED = os.environ.get("ORACLE_PROGRAMS")
_CONSTRUCTS = [
    "Assert", "AsyncFor", "AsyncFunctionDef", "AsyncWith", "Await", "BoolOp", "Break", "Continue",
    "DictComp", "For", "If", "IfExp", "Lambda", "ListComp", "Match", "NamedExpr", "Raise", "Return",
    "Try", "While", "With", "Yield",
]  # fmt: skip
if sys.version_info >= (3, 11):
    _CONSTRUCTS.append("TryStar")


class _Tally:
    """What was generated, and how much of it leaks."""

    def __init__(self) -> None:
        self.programs = 0
        self.leaking = 0
        self.constructs: Counter[str] = Counter()

    def add(self, source: str, leaks: bool) -> None:
        self.programs += 1
        self.leaking += leaks
        self.constructs.update({type(node).__name__ for node in ast.walk(ast.parse(source))})

    def __str__(self) -> str:
        counted = ", ".join(f"{self.constructs[name]} {name}" for name in _CONSTRUCTS)
        return f"{self.programs} programs, {self.leaking / self.programs:.0%} leak; with {counted}"


def test_analysis_agrees_with_the_runs_of_generated_programs() -> None:
    tally = _Tally()

    @settings(
        max_examples=int(_ASKED or 2000),
        deadline=None,
        database=None,
        derandomize=_ASKED is None,
        suppress_health_check=list(HealthCheck),
    )
    @given(programs())
    def agrees(source: str) -> None:
        found = judge(source)
        assert found is not None, f"gave up on\n{source}"
        leaks = [leak for lifetime in found for leak in lifetime.leaks]
        program = Program(source)
        answers = program.leaking_answers(max_deviations=3, max_runs=300)
        if leaks and answers is None:
            # Before it is called a false alarm, it is looked for where few runs get to.
            answers = program.leaking_answers(max_deviations=6, max_runs=50_000)
        assert bool(leaks) == (answers is not None), f"{leaks} against {answers} in\n{source}"
        tally.add(source, bool(leaks))

    with warnings.catch_warnings():
        # A connection that leaks is what the programs are about.
        warnings.simplefilter("ignore", ResourceWarning)
        warnings.simplefilter("ignore", SyntaxWarning)
        agrees()
    print(tally)
    assert 0.3 <= tally.leaking / tally.programs <= 0.7
    assert set(_CONSTRUCTS) <= tally.constructs.keys()
