"""A close whose errors the code passes over, within a handler that would get those of the block."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent

import pytest

from tests.fixes.house import HOUSE
from tests.fixes.repairs import repaired

HEAD = """\
from contextlib import suppress
from core.database import SessionLocal
from core.models import User


def work(name, log, give_up):
"""
OPENED = """\
db = SessionLocal()
try:
    count = db.query(User).count()
finally:
"""
QUIETLY = f"""{OPENED}\
    try:
        db.close()
    except Exception:
        pass
"""
SUPPRESSED = f"""{OPENED}\
    with suppress(Exception):
        db.close()
"""
PLAINLY = f"""{OPENED}\
    db.close()
"""
GUARDED = "try:\n{}except Exception as error:\n    {}\nreturn count\n"
GOES_ON = "count = give_up(error)"
RAISES = "log.error(name)\n    raise ValueError(name) from error"
TOLD = "the handler on line {} would get an error of the close, which none gets"


def left(body: str, folder: Path) -> list[str]:
    files = {**HOUSE, "work.py": HEAD + indent(body, "    ")}
    done = repaired(folder, files, "work.py", "DBS101 DBS301")
    assert bool(done.left) is ("with " not in done.text.content.replace("with suppress", ""))
    return [each.reason for each in done.left if each.code == "DBS101"]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (GUARDED.format(indent(QUIETLY, "    "), GOES_ON), [TOLD.format(16)]),
        (GUARDED.format(indent(SUPPRESSED, "    "), GOES_ON), [TOLD.format(14)]),
        (GUARDED.format(indent(QUIETLY, "    "), RAISES), []),
        (GUARDED.format(indent(PLAINLY, "    "), GOES_ON), []),
        (f"{QUIETLY}return count\n", []),
    ],
    ids=["passed over", "suppressed", "raised again", "not passed over", "no handler"],
)
def test_who_gets_an_error_of_the_close(body: str, told: list[str], tmp_path: Path) -> None:
    assert left(body, tmp_path) == told
