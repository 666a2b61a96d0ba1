"""Lines that are aligned to a bracket move with it."""

from __future__ import annotations

import pytest

from flake8_dbsession.rewriting.continued import aligned, brackets, realigned
from flake8_dbsession.rewriting.edits import Edit, applied

BEFORE = '''
def test_it(made):
    made.object(work, "Session", made(1,
                                      2), """
                            text""",
                made([
                    3,
                    made(4,
                         5),
                ]))
    made(7, "Session",
         8)
'''
AFTER = '''
def test_it(made):
    made("Session", closing(made(1,
                                 2)), """
                            text""",
         made([
             3,
             made(4,
                  5),
         ]))
    made(7, "Session",
         8)
'''


def test_what_is_aligned_moves_with_its_bracket() -> None:
    changes = (".object", 7, ""), ("work, ", 6, ""), ("made(1", 0, "closing("), ("), ", 0, ")")
    starts = [(BEFORE.index(old), length, new) for old, length, new in changes]
    edits = [Edit(start, start + length, new) for start, length, new in starts]
    assert applied(BEFORE, aligned(BEFORE, edits)) == AFTER


def test_lines_below_a_new_one_are_aligned_to_what_stands_there_then() -> None:
    before = "if 1:\n    made(1, made(2,\n                 3))\n"
    start = before.index(" made(2")
    after = "if 1:\n    made(1,\n         made(2,\n              3))\n"
    edits = aligned(before, [Edit(start, start + 1, "\n         ")])
    assert applied(before, edits) == after


def test_lines_of_new_code_are_aligned_as_they_were() -> None:
    old = '''
    c = connect(path,
                max(1,
                    2), """
         text""", dict(
                    a=1,
                ), wait=1)
    c.execute(sql,
              (1,))
'''
    new = old.replace("c = connect(", "with closing(connect(").replace("wait=1)", "wait=1)) as c:")
    new = new.replace("    c.execute(sql,\n", "        c.execute(sql,\n")
    assert (
        realigned(f"if 1:{old}", f"if 1:{new}")
        == '''if 1:
    with closing(connect(path,
                         max(1,
                             2), """
         text""", dict(
                    a=1,
                ), wait=1)) as c:
        c.execute(sql,
                  (1,))
'''
    )


def test_lines_that_were_aligned_to_nothing_stay() -> None:
    old = "if 1:\n\tc = connect(path,\n\t\t1)\n\td = (1,\n  2)\n\td = (1,\n   2)\n"
    new = old.replace("c = connect(", "with connect(").replace("1)\n\td", "1) as c:\n\t\td", 1)
    new = new.replace("\n\td", "\n\t\td")
    assert realigned(old, new) == new


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends_stay_as_they_are(end: str) -> None:
    old = "c = connect(path,\n            1)\n".replace("\n", end)
    new = old.replace("c = connect(", "with connect(").replace("1)", "1) as c: pass")
    after = "with connect(path,\n             1) as c: pass\n".replace("\n", end)
    assert realigned(old, new) == after


@pytest.mark.parametrize("text", ["a = (1,\r  2)\r", "a = (1,\n  2\n"])
def test_what_the_library_cannot_read_stays(text: str) -> None:
    assert brackets(text) == {}
    assert realigned(text, f"b{text}") == f"b{text}"
