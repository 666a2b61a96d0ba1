"""The repair of a file: bytes kept, results proved, second runs idle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flake8_dbsession.analysis.facts.framework.injections import Injection
from flake8_dbsession.fixes import registry
from flake8_dbsession.fixes.base import Fixer
from flake8_dbsession.fixes.doubts.patched import PatchedNames
from flake8_dbsession.fixes.repair import Wishes, repair, repair_one
from flake8_dbsession.linter import Linter, Settings
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Edit, Fix
from flake8_dbsession.rewriting.proof import UnprovedError
from flake8_dbsession.rewriting.text import Text, UnreadableError, decode

ROUTE = "def f(db=Depends(get_db())): return db"
LINES = ["from fastapi import Depends", "from x import get_db", ROUTE]


def mend(content: str, **wishes: object) -> str:
    text = Text(content, "utf-8")
    wanted = Wishes(**wishes)  # type: ignore[arg-type]
    return repair("/p/api/routes.py", text, Linter(Settings()), wanted).text.content


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    ends=st.lists(st.sampled_from(["\n", "\r\n", "\r"]), min_size=9, max_size=9),
    extra=st.lists(st.sampled_from(["# é", "", "  # \x0c", "x = 'ß\\\ny'", "\x0c"]), max_size=6),
    is_ended=st.booleans(),
)
def test_all_other_bytes_stay(ends: list[str], extra: list[str], is_ended: bool) -> None:
    lines = LINES[:2] + extra + LINES[2:]
    content = "".join(line + end for line, end in zip(lines, ends, strict=False))
    content = content if is_ended else content.rstrip("\r\n")
    fixed = mend(content)
    assert fixed == content.replace("get_db()", "get_db")
    assert mend(fixed) == fixed


@pytest.mark.parametrize(
    "data",
    [
        "é = 1\r\n".encode(),
        "\ufeffé = 1".encode(),
        "# coding: latin-1\né = 1\n".encode("latin-1"),
        b"\xef\xbb\xbf# coding: utf-8\nx = 1\n",
        b"",
    ],
)
def test_a_text_gives_its_bytes_again(data: bytes) -> None:
    assert decode(data).encode() == data


@pytest.mark.parametrize("data", [b"\xff", b"# coding: no-such\n", b"# coding: utf-7\n+AGE-\n"])
def test_what_cannot_be_read_and_written_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadableError):
        decode(data)


def test_what_is_silenced_or_not_selected_stays() -> None:
    content = "\n".join(LINES) + "  # noqa: DBS402\n"
    assert mend(content, reported=frozenset()) == content
    assert mend(content, reported=frozenset({("DBS402", 3, 18)})) != content
    assert mend(content, codes=("DBS1", "DBS403")) == content
    assert mend(content, codes=("DBS4",)) != content


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Callable[[Fixer[Any]], None]:
    """Makes a fixer the only one."""

    def register(fixer: Fixer[Any]) -> None:
        monkeypatch.setitem(vars(registry._FIXERS), "all", {fixer.code: fixer})

    registry.fixers()
    return register


class _Broken(Fixer[object]):
    code = "DBS402"

    def __init__(self, text: str | None) -> None:
        self._text = text

    def fix(self, fact: object, document: Document) -> Fix:
        if self._text is None:
            raise KeyError("oh")
        return Fix((Edit(0, len(document.text), self._text),))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("def", "would not compile"),
        (None, "the fix of DBS402 broke on line 3 with KeyError: 'oh'"),
    ],
)
def test_a_fix_that_breaks_fails_the_file(
    text: str | None, complaint: str, only: Callable[[Fixer[Any]], None]
) -> None:
    only(_Broken(text))
    with pytest.raises(UnprovedError, match=complaint.replace(".", r"\.")):
        mend("\n".join(LINES) + "\n")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("\n".join([*LINES, "x = 1\n"]), "the fixed code would report DBS402"),
        (
            "from x import SessionLocal\ndb = SessionLocal()\n",
            "the fixed code would report DBS101 and DBS201",
        ),
    ],
)
def test_a_fix_that_does_not_hold_what_it_says_is_left(
    text: str, reason: str, only: Callable[[Fixer[Any]], None]
) -> None:
    only(_Broken(text))
    content = "\n".join(LINES) + "\n"
    repaired = repair("/p/api/routes.py", Text(content, "utf-8"), Linter(Settings()), Wishes())
    assert repaired.text.content == content
    assert [left.reason for left in repaired.left] == [reason]


class _Uncovering(Fixer[Injection]):
    """Names the dependency; on marked lines, beside something else that is reported."""

    code = "DBS402"

    def fix(self, fact: Injection, document: Document) -> Fix:
        marks = {"one": "next(get_db())", "two": "SessionLocal()"}
        line = document.lines[fact.node.lineno - 1]
        edits = [document.replace(fact.handed, "get_db")]
        for mark, code in marks.items():
            if mark in line:
                start = document.offset(fact.node.lineno + 1, 0)
                edits.append(Edit(start, start, f"    db = {code}\n    return db.query(1)\n"))
        return Fix(tuple(edits))


def test_only_what_brings_new_violations_is_left(only: Callable[[Fixer[Any]], None]) -> None:
    only(_Uncovering())
    names = ["a", "one", "b", "c", "two", "d"]
    route = "def {}(db=Depends(get_db())):\n    return db\n"
    content = "from fastapi import Depends\nfrom x import SessionLocal, get_db\n"
    content += "".join(map(route.format, names))
    repaired = repair("/p/api/routes.py", Text(content, "utf-8"), Linter(Settings()), Wishes())
    lines = repaired.text.content.splitlines()
    assert [line for line in lines if "get_db())" in line] == [
        "def one(db=Depends(get_db())):",
        "def two(db=Depends(get_db())):",
    ]
    assert [left.line for left in repaired.left if left.code == "DBS402"] == [5, 11]
    assert len(repaired.fixed) == 4


def test_an_edit_that_forgets_a_line_is_found_out() -> None:
    from flake8_dbsession.rewriting.proof import prove_rest_kept

    edit = Edit(2, 3, "x")
    prove_rest_kept("a\nb\nc\n", "a\nx\nc\n", [edit])
    with pytest.raises(UnprovedError):
        prove_rest_kept("a\nb\nc\n", "a\nx\n", [edit])


def test_one_of_two_equal_violations_is_fixed_alone() -> None:
    lines = ["from fastapi import Depends", "from x import get_db"]
    lines += ["@app.get('/')", ROUTE, "@app.post('/')", ROUTE]
    text = Text("\n".join(lines), "utf-8")
    linter, place = Linter(Settings()), ("DBS402", 6, 18)
    done = repair_one("/p/api/routes.py", text, linter, Wishes(), place, PatchedNames())
    assert done.text.content.split("\n") == [*lines[:5], ROUTE.replace("get_db()", "get_db")]
    assert [fixed.line for fixed in done.fixed] == [6]
    assert done.left == ()
