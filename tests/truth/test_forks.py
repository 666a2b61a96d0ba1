"""DBS506: a forked worker finds its parent's connection in the pool."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.pool import QueuePool

from flake8_dbsession.rules import pages
from flake8_dbsession.rules.registry import rules

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks nothing")


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    made = create_engine(f"sqlite:///{tmp_path / 'x.db'}", poolclass=QueuePool)
    with made.connect() as conn:
        conn.execute(text("SELECT 1"))
    return made


def in_a_fork(work: Any) -> int:
    """Give the small number that something gives in a forked process."""
    sys.stdout.flush()
    child = os.fork()
    if not child:
        os._exit(work())
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_the_pool_is_copied_with_its_connections(engine: Engine) -> None:
    pool: Any = engine.pool
    assert pool.checkedin() == 1
    assert in_a_fork(pool.checkedin) == 1


def test_what_the_page_disposes_of_is_the_child_s_alone(engine: Engine) -> None:
    better = pages.example(rules()["DBS506"], "Use instead")
    assert "engine.dispose(close=False)" in better

    def work() -> int:
        engine.dispose(close=False)
        return int(engine.pool.checkedin())  # type: ignore[attr-defined]

    assert in_a_fork(work) == 0
    assert engine.pool.checkedin() == 1  # type: ignore[attr-defined]
    with engine.connect() as conn:
        assert conn.execute(text("SELECT 1")).scalar() == 1
