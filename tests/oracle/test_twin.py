"""The oracle's own instruments and the runtime twin say the same of a run: how much is left open.

The twin costs too much for each of an oracle's runs, so a part of them is run before both.
"""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from flake8_dbsession.runtime.watcher import Watch
from tests.oracle.grammar import programs
from tests.oracle.runtime import House, Program

_PROGRAMS = 100
_RUNS = 12  # of a program


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::RuntimeWarning")
def test_twin_counts_what_the_oracle_counts(tmp_path: Path) -> None:
    house, watch = House(tmp_path / "oracle.db"), Watch()
    counts: list[tuple[int, int]] = []

    @seed(0)
    @settings(
        max_examples=_PROGRAMS,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(programs())
    def compare(source: str) -> None:
        program = Program(source, house)
        runs = {(), *program.leaks(max_deviations=1, max_runs=_RUNS).values()}
        for answers in runs:
            gc.collect()
            watch.ledger.reset()
            left_open = program.left_open(answers)
            counts.append((len(left_open), len(watch.report().leaks)))
            assert counts[-1][0] == counts[-1][1], f"{answers}\n{source}"

    gc.collect()
    gc.freeze()  # each run collects: what is there already need not be walked again
    watch.install()
    try:
        compare()
    finally:
        watch.remove()
        gc.unfreeze()
        house.engine.dispose()
    assert sum(1 for shown, _ in counts if shown) > _PROGRAMS / 4
