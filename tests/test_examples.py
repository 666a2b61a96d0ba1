"""The example applications: each marked line is reported, by flake8 itself, and nothing else is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cases import expected_codes

EXAMPLES = Path(__file__).parent.parent / "examples"
APPLICATIONS = sorted(path.parent.name for path in EXAMPLES.glob("*/README.md"))


def test_there_is_an_application_for_each_house() -> None:
    assert len(APPLICATIONS) == 5


@pytest.mark.parametrize("name", APPLICATIONS)
def test_flake8_reports_what_is_marked(name: str) -> None:
    folder = EXAMPLES / name
    run = subprocess.run(
        [sys.executable, "-m", "flake8", "--isolated", "--select", "DBS", "-j1", "."],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stderr == ""
    found = []
    for line in run.stdout.splitlines():
        path, number, _, message = line.split(":", 3)
        found.append((str(Path(path)), int(number), message.split()[0]))
    marked = [
        (str(path.relative_to(folder)), number, code)
        for path in folder.rglob("*.py")
        for number, code in expected_codes(path.read_text(encoding="utf-8"))
    ]
    assert sorted(found) == sorted(marked)


def test_an_injected_factory_never_reaches_its_route() -> None:
    code = (
        "from fastapi.testclient import TestClient; from shop.app import create_app; "
        "print(TestClient(create_app()).get('/old/products/newest').status_code)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=EXAMPLES / "fastapi_service",
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == "422"
