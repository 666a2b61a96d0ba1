"""A check reports line for line what flake8 reports of the same files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.command.test_check import check
from tests.flake8_runs import flake8_here

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(path.name for path in (ROOT / "examples").iterdir() if path.is_dir())


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples(example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "examples")
    files = sorted(str(p.relative_to(Path.cwd())) for p in Path(example).absolute().rglob("*.py"))
    assert_equal(files, tmp_path)


def assert_equal(files: list[str], folder: Path) -> None:
    expected = flake8_here("--select", "DBS,E9", *files, output=folder / f"lines{os.getpid()}")
    assert check(*files).stdout.splitlines() == expected
