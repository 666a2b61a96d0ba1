"""The example applications under the watch: the lines marked as leaks leak, and no other line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flake8_dbsession.runtime.reporting.report import Report, from_json
from flake8_dbsession.runtime.reporting.static import LEAKS
from tests.cases import expected_codes
from tests.runtime.runs import run_pytest

EXAMPLES = Path(__file__).parents[2] / "examples"

# What is marked and does not come true in the examples' tests, and why.
NEVER = {
    ("fastapi_service", "DBS303"): "nothing raises",
    ("flask_requests", "DBS303"): "nothing raises",
    ("psycopg_pool", "DBS603"): "nothing raises",
    ("sqlite_manager", "DBS603"): "nothing raises",
    ("unified_manager", "DBS303"): "nothing raises",
}


# These mark another line than the one that opens.
ELSEWHERE = {"DBS105", "DBS205", "DBS207", "DBS209", "DBS403", "DBS404", "DBS405", "DBS407"}


def marked(folder: Path) -> dict[tuple[str, int], str]:
    """Give the lines that open what, as their mark says, stays open."""
    return {
        (str(path.relative_to(folder)), line): code
        for path in folder.rglob("*.py")
        for line, code in expected_codes(path.read_text(encoding="utf-8"))
        if code in LEAKS - ELSEWHERE
    }


def watched(name: str, tmp_path: Path) -> Report:
    file = tmp_path / "report.json"
    arguments = ("-o", "dbsession_leaks=warn", f"--dbsession-report={file}", "tests")
    run = run_pytest(EXAMPLES / name, *arguments, PYTHONDONTWRITEBYTECODE="1")
    assert run.returncode == 0, run.stdout
    if re.search(r"^\d+ skipped", run.stdout, re.MULTILINE):
        pytest.skip(run.stdout)
    return from_json(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", sorted(path.parent.name for path in EXAMPLES.glob("*/README.md")))
def test_exactly_what_is_marked_leaks(name: str, tmp_path: Path) -> None:
    report = watched(name, tmp_path)
    assert [verdict for verdict in report.verdicts if not verdict.codes] == []
    lines = marked(EXAMPLES / name)
    places = {place for leak in report.leaks for place in leak.places}
    leaked = {(str(Path(p.file).relative_to(EXAMPLES / name)), p.line) for p in places}
    left = {code for line, code in lines.items() if line not in leaked}
    assert left == {code for example, code in NEVER if example == name}
