"""Each rule's page: its sections, its example that must fire, its better form that must not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from flake8_dbsession.checking.caching.run_keys import flake8_arguments
from flake8_dbsession.checking.running.run import Run
from flake8_dbsession.fixes.registry import fixers
from flake8_dbsession.rewriting.edits import Kind
from flake8_dbsession.rules.base import Rule
from flake8_dbsession.rules.pages import fix, page, text
from flake8_dbsession.rules.registry import rules
from tests.cases import expected_codes, lint, write_project
from tests.fixes.repairs import repaired

RULES = list(rules().values())
_FENCE = re.compile(r"```python\n(.*?)```", re.DOTALL)


def sections(rule: Rule[Any]) -> dict[str, str]:
    page = text(rule)
    titles = re.findall(r"^## (.+)$", page, re.MULTILINE)
    bodies = re.split(r"^## .+$", page, flags=re.MULTILINE)[1:]
    return dict(zip(titles, bodies, strict=True))


def example(rule: Rule[Any], section: str) -> str:
    return "\n\n".join(_FENCE.findall(sections(rule)[section]))


def policy_of(rule: Rule[Any]) -> dict[str, str]:
    """The policy that a page's options show is the one that its examples are checked under."""
    tables = re.findall(r"```toml\n(.*?)```", text(rule), re.DOTALL)
    return {"dbsession.toml": tables[0]} if tables else {}


def checked(rule: Rule[Any], folder: Path) -> list[tuple[int, int, str, str]]:
    """Check the example with the rule; what comments hide is known only to the command."""
    found = lint(folder, "app/service.py", selected=frozenset({rule.code}))
    if rule.judges_comments:
        file = folder / "app/service.py"
        run = Run(flake8_arguments(extend_select=rule.code))
        found += [(f.line, f.column, f.code, f.message) for f in run.findings([str(file)])]
    return found


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_page_has_its_sections(rule: Rule[Any]) -> None:
    assert re.fullmatch(r"DBS\d{3}", rule.code)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", rule.name)
    required = ["What it does", "Why is this bad?", "Example", "Use instead", "References"]
    assert [title for title in sections(rule) if title in required] == required
    assert ("Fix safety" in sections(rule)) is (rule.code in fixers())


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_the_page_names_the_kinds_of_doubt(rule: Rule[Any]) -> None:
    named = re.findall(r"^Kinds of doubt: (.*)\.$", text(rule), re.MULTILINE)
    fixer = fixers().get(rule.code)
    kinds = [kind.value for kind in Kind if fixer and kind in fixer.kinds]
    assert named == [", ".join(f"`{kind}`" for kind in kinds)] * bool(kinds)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_the_head_says_what_the_rule_is(rule: Rule[Any]) -> None:
    head = page(rule).splitlines()[2]
    assert ("off by default" in head) is rule.off
    assert ("fix: none" in head) is (rule.code not in fixers())
    assert head.endswith(f"since {rule.since}*")


@pytest.mark.parametrize(
    "rule", [rule for rule in RULES if fix(rule) == "unsafe"], ids=lambda rule: rule.code
)
def test_an_unsafe_fix_is_made_only_on_demand(rule: Rule[Any], tmp_path: Path) -> None:
    policy = {
        "dbsession.toml": f'owners = ["owner.py"]\n{policy_of(rule).get("dbsession.toml", "")}'
    }
    files = {"owner.py": example(rule, "Example"), **policy}
    assert not repaired(tmp_path / "safe", files, "owner.py", rule.code).fixed
    assert repaired(tmp_path / "unsafe", files, "owner.py", rule.code, unsafe=True).fixed


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_example_fires_on_its_lines(rule: Rule[Any], tmp_path: Path) -> None:
    code = example(rule, "Example")
    write_project(tmp_path, {"app/service.py": code, **policy_of(rule)})
    found = checked(rule, tmp_path)
    fired = [(line, code) for line, _, code, _ in found if code == rule.code]
    expected = [pair for pair in expected_codes(code) if pair[1] == rule.code]
    assert expected, "the example marks no line"
    assert fired == expected


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_better_form_is_silent(rule: Rule[Any], tmp_path: Path) -> None:
    write_project(tmp_path, {"app/service.py": example(rule, "Use instead"), **policy_of(rule)})
    found = checked(rule, tmp_path)
    assert [code for _, _, code, _ in found] == []
