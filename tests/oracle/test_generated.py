"""The analysis says of each opening in a generated program that it leaks where some run of it does.

The programs are the same 2,000 every time; ``python -m tests.oracle.batch`` runs others.
"""

from __future__ import annotations

import sys

from tests.oracle.batch import run
from tests.oracle.constructs import EVERY

_PROGRAMS = 2000
_SPARE = 20  # some are drawn twice


def test_analysis_agrees_with_the_runs_of_generated_programs() -> None:
    tally = run(_PROGRAMS + _SPARE, number=0)

    assert tally.disagreements == []
    assert tally.programs >= _PROGRAMS
    assert 0.3 <= tally.share <= 0.7
    missing = EVERY - tally.constructs.keys()
    assert missing == (set() if sys.version_info >= (3, 11) else {"except*"})
