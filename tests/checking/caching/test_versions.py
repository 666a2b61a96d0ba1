"""What tells one version of the checking code from another."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import flake8_dbsession
from flake8_dbsession.checking.caching import versions

PACKAGE = Path(flake8_dbsession.__file__).parent


def test_every_file_of_the_package_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: set[str] = set()
    walk = os.walk

    def watched(folder: str) -> object:
        seen.add(folder)
        return walk(folder)

    monkeypatch.setattr(os, "walk", watched)
    versions.state_of_code()
    assert seen == {str(PACKAGE)}
