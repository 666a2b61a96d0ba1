"""Tests that go through the lines of a source: what they find there after a fix."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fixes.doubts.test_handed import HEAD, WORK, left_for
from tests.fixes.house import HOUSE

LOOP = """
    def test_it():
        count()
        source = inspect.getsource(count)
        bad = []
        for number, line in enumerate(source.split("\\n"), start=1):
            code = line.lstrip()
            if code.startswith("#"):
                continue
            if "str(error)" in line or "repr(error)" in line:
                bad.append(number)
        assert not bad, f"on the lines {bad}"
"""
HELD = "`tests/test_work.py` looks into the source of this module"


def left(test: str, folder: Path) -> list[str]:
    """Give why the fix of code that has a comment is left."""
    work = WORK.replace("        try:", "        try:\n            # all of them")
    files = {**HOUSE, "app/work.py": work, "tests/test_work.py": f"{HEAD}{test}"}
    return left_for(folder, files)


def test_lines_that_only_lie_elsewhere_are_found_still(tmp_path: Path) -> None:
    assert not left(LOOP, tmp_path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"str(error)" in line', '"query(" in line'),
        ('code.startswith("#")', 'not ("str(error)" in code or "repr(error)" in code)'),
        ('enumerate(source.split("\\n"), start=1)', "enumerate(source.splitlines())"),
        ("bad.append(number)", "bad.append(f'{number}: {line}')"),
        ("bad.append(number)", "return"),
    ],
)
def test_other_words_for_it_are_understood(old: str, new: str, tmp_path: Path) -> None:
    assert not left(LOOP.replace(old, new), tmp_path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"str(error)" in line', '"finally:" in line'),
        ('"str(error)" in line', '"        return db" in line'),
        ('"str(error)" in line', "len(line) > 80"),
        ('"str(error)" in line', "number > 5"),
        ('"str(error)" in line', '"str(error)" not in line'),
        ('code.startswith("#")', 'line.startswith("        ")'),
        ('code.startswith("#")', "code"),
        ("code = line.lstrip()", "code = line.rstrip()"),
        ("bad.append(number)", "code = line\n                bad.append(number)"),
        ('if "str(error)"', 'bad.append(number)\n            if "str(error)"'),
        ("assert not bad", "assert number == 7 and not bad"),
        ("assert not bad", "assert bad != [5]"),
        ("bad.append(number)", "bad += source.split('\\n')[number:]"),
        ("bad.append(number)", "bad += [0] * source.count('finally:')"),
    ],
)
def test_what_depends_on_where_a_line_lies_is_held(old: str, new: str, tmp_path: Path) -> None:
    assert left(LOOP.replace(old, new), tmp_path) == [HELD]


@pytest.mark.parametrize(("asserts", "is_fixed"), [("True", True), ("found == 1", False)])
def test_a_count_that_nothing_reads_matters_to_nobody(
    asserts: str, is_fixed: bool, tmp_path: Path
) -> None:
    test = f"""
    def test_it():
        found = inspect.getsource(count).count("finally:")
        count()
        assert {asserts}
    """
    assert left(test, tmp_path) == ([] if is_fixed else [HELD])


@pytest.mark.parametrize(
    ("given", "sought", "is_fixed"),
    [("source", "finally:", False), ("source", "query(", True), ("'', source", "finally:", False)],
)
def test_what_a_helper_looks_for_counts(
    given: str, sought: str, is_fixed: bool, tmp_path: Path
) -> None:
    test = f"""
    class TestIt:
        def _has(self, *sources):
            return "{sought}" in sources[-1]

        def test_it(self):
            source = inspect.getsource(count)
            count()
            assert self._has({given})
    """
    assert left(test, tmp_path) == ([] if is_fixed else [HELD])
