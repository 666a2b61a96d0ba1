"""What tells one version of the checking code from another."""

from __future__ import annotations

from pathlib import Path

import pytest

import flake8_dbsession
from flake8_dbsession.checking.caching import versions

PACKAGE = Path(flake8_dbsession.__file__).parent


def test_every_file_of_the_package_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "_PACKAGE", str(tmp_path))
    states = [versions.state_of_code()]
    for name in ("linter.py", "rules/lifetime/hand_close.py", "policy/presets/standard.toml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
        states.append(versions.state_of_code())
    assert len({*states}) == len(states)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "linter.cpython-311.pyc").write_text("")
    assert versions.state_of_code() == states[-1]
