"""JSON: what a script reads."""

from __future__ import annotations

import json

from flake8_dbsession import __version__
from flake8_dbsession.output.json import write
from tests.output.samples import BROKEN, FINDINGS, RAW, written


def test_a_finding_says_all_that_is_known_of_it() -> None:
    (found,) = json.loads(written(write, [RAW]))
    assert found == {
        "code": "DBS101",
        "name": "raw-session-factory",
        "message": "`SessionLocal()` opens a session by hand; use `with get_db() as db:`",
        "level": "warning",
        "path": "./app/my users.py",
        "cell": None,
        "start": {"line": 7, "column": 10},
        "end": {"line": 7, "column": 24},
        "definition": "Users.save",
        "url": "https://github.com/flake8-dbsession/flake8-dbsession"
        f"/blob/v{__version__}/docs/rules/DBS101.md",
    }


def test_a_code_without_a_page_has_no_address() -> None:
    (found,) = json.loads(written(write, [BROKEN]))
    assert (found["name"], found["url"], found["definition"]) == ("syntax-error", None, None)


def test_the_order_is_the_run_s() -> None:
    codes = [found["code"] for found in json.loads(written(write, FINDINGS))]
    assert codes == ["DBS101", "DBS303", "E999", "E902"]


def test_nothing_found_is_an_empty_array() -> None:
    assert json.loads(written(write, [])) == []
