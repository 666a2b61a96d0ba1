"""Tests that replace what a loop names, one after the other."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fixes.doubts.test_handed import HEAD, WORK, left_for
from tests.fixes.house import HOUSE


def left(loop: str, folder: Path) -> list[str]:
    """Give why the fix is left where a test replaces what a loop names."""
    head = HEAD.replace("from app.work import Store, count, first", "from app import work")
    test = f"""{head}
    def test_it(monkeypatch, service=work):
        {loop}
        assert "SessionLocal"
        work.count()
    """
    return left_for(folder, {**HOUSE, "app/work.py": WORK, "tests/test_work.py": test})


@pytest.mark.parametrize(
    "loop",
    [
        "for name in ('User', 'Post'): monkeypatch.setattr(work, name, Mock())",
        "for name in ['User']: monkeypatch.setattr(service, name, Mock())",
        "for name, each in {'User': 1}.items(): setattr(work, name, each)",
        "for name, each in [('User', 1), ('Post', 2)]: patch.object(service, name, each).start()",
        "run(patch.object(work, name) for name in ('User', 'Post'))",
        "for name in ('User',): run(lambda other: patch.object(work, name, f(name=other)))",
    ],
)
def test_the_names_of_a_loop_over_texts_are_known(loop: str, tmp_path: Path) -> None:
    assert not left(loop, tmp_path)


@pytest.mark.parametrize(
    "loop",
    [
        "for name in ('User', OTHER): monkeypatch.setattr(work, name, Mock())",
        "for name in names(): monkeypatch.setattr(service, name, Mock())",
        "for name, each in {**DOUBLES}.items(): patch.object(work, name, each).start()",
        "for name, each in [('User', 1), OTHER]: patch.object(service, name, each).start()",
        "for each, name in [('User', NAME)]: patch.object(service, name, each).start()",
        "for name in ('User',): run(lambda name: patch.object(work, name))",
        "for name in ('User',): name = f(name); patch.object(work, name).start()",
        "run(patch.object(work, name) for name in ('User',) for name in names())",
    ],
)
def test_a_name_that_may_be_another_is_not_known(loop: str, tmp_path: Path) -> None:
    (reason,) = left(loop, tmp_path)
    assert reason == "`tests/test_work.py` may patch `SessionLocal` in this module"


def test_the_name_itself_is_seen_in_a_loop(tmp_path: Path) -> None:
    (reason,) = left("for name in ('User', 'SessionLocal'): patch.object(work, name)", tmp_path)
    assert reason == "`tests/test_work.py` patches `SessionLocal` in this module"
