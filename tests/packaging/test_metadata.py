"""What an installation says of itself and brings along, and the changelog it is released by."""

from __future__ import annotations

import re
from importlib.metadata import distribution
from pathlib import Path

import pytest

from flake8_dbsession import __version__

ROOT = Path(__file__).parents[2]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
REPOSITORY = "https://github.com/flake8-dbsession/flake8-dbsession"
SMALL = {"click", "flake8", "libcst", "markdown-it-py", "platformdirs", "rich", "tomli"}
"""All that `pip install flake8-dbsession` may ask for; more is for an extra."""

_SECTION = re.compile(r"^## \[(.+?)\](?: - (\d{4}-\d\d-\d\d))?$", re.MULTILINE)


def test_the_version_stands_in_one_place() -> None:
    assert distribution("flake8-dbsession").version == __version__
    assert __version__ not in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_it_brings_nothing_along_but_what_everybody_needs() -> None:
    asked = distribution("flake8-dbsession").requires or []
    always = [each for each in asked if "extra ==" not in each]
    assert {re.split(r"[^\w-]", each)[0] for each in always} == SMALL


def test_each_dependency_says_what_it_is_for() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (listed,) = re.findall(r"^dependencies = \[\n(.*?)^\]$", text, re.MULTILINE | re.DOTALL)
    assert [line for line in listed.splitlines() if "#" not in line] == []


class TestChangelog:
    def test_what_is_not_released_comes_first(self) -> None:
        assert _SECTION.findall(CHANGELOG)[0] == ("Unreleased", "")

    def test_each_other_section_is_a_version_with_its_date(self) -> None:
        headings = re.findall(r"^## (.*)$", CHANGELOG, re.MULTILINE)
        sections = _SECTION.findall(CHANGELOG)
        assert len(headings) == len(sections)
        assert all(re.fullmatch(r"\d+\.\d+\.\d+", name) and date for name, date in sections[1:])
        versions = [tuple(map(int, name.split("."))) for name, _ in sections[1:]]
        assert versions == sorted(versions, reverse=True)
        assert [version for version in versions if version > _numbers(__version__)] == []

    def test_each_section_has_its_link(self) -> None:
        links = dict(re.findall(r"^\[(.+?)\]: (\S+)$", CHANGELOG, re.MULTILINE))
        names = [name for name, _ in _SECTION.findall(CHANGELOG)]
        assert sorted(links) == sorted(names)
        assert all(link.startswith(f"{REPOSITORY}/") for link in links.values())


@pytest.mark.parametrize("name", ["README.md", "docs/pre-commit.md"])
def test_the_hooks_are_shown_at_this_version(name: str) -> None:
    page = ROOT / name
    shown = re.findall(r"rev: v(\d\S*)", page.read_text(encoding="utf-8")) if page.exists() else []
    assert set(shown) <= {__version__}


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
