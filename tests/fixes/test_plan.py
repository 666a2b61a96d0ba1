"""What is left after a repair, by cause."""

from __future__ import annotations

from flake8_dbsession.fixes.plan import plan
from flake8_dbsession.fixes.repair import Left


def left(reason: str) -> Left:
    return Left("DBS101", 1, 1, reason, ())


def test_names_are_left_out_of_no_sentence() -> None:
    reasons = ["line 3 binds `db` anew", "line 9 binds `db` anew", "line 4 binds `conn` anew"]
    (line,) = plan(map(left, [*reasons, "line 8 binds `s` anew"]))
    assert line == "       4  a line binds `db` anew (2 more with other names)"


def test_one_name_stands_for_itself() -> None:
    (line,) = plan(map(left, ["line 3 binds `db` anew", "line 9 binds `db` anew"]))
    assert line == "       2  a line binds `db` anew"


def test_a_sentence_without_names_is_its_own_cause() -> None:
    lines = list(plan(map(left, ["its block does not use it"] * 2)))
    assert lines == ["       2  its block does not use it"]
