"""What is left after a repair, by cause."""

from __future__ import annotations

from flake8_dbsession.fixes.plan import plan
from flake8_dbsession.fixes.repair import Left
from flake8_dbsession.rewriting.edits import Doubt, Kind


def left(reason: str, *kinds: Kind) -> Left:
    return Left("DBS101", 1, 1, reason, tuple(Doubt(kind, reason) for kind in kinds))


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


def test_one_option_is_named_for_what_a_block_and_a_helper_leave() -> None:
    both = [left("a", Kind.HELPER, Kind.COMMIT), left("b", Kind.COMMIT, Kind.HELPER)]
    (line,) = plan(both)
    assert line.startswith("       2  would leave the commit to the provider and wait for ")
    assert line.endswith("(`--accept commit`)")
    (line,) = plan([left("a", Kind.HELPER)])
    assert line.endswith("(`--accept helper`)")
