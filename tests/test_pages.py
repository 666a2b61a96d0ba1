"""What the written pages show is what the tool takes."""

from __future__ import annotations

import re
from pathlib import Path

from flake8_dbsession.checking.suppression.ruff import advice
from flake8_dbsession.policy.loading import load
from flake8_dbsession.rules.pages import known_codes

DOCS = Path(__file__).parents[1] / "docs"


def test_the_page_about_ruff_shows_tables_that_both_tools_take(tmp_path: Path) -> None:
    tables = re.findall(r"```toml\n(.*?)```", (DOCS / "ruff.md").read_text(), re.DOTALL)
    assert len(tables) == 2
    file = tmp_path / "pyproject.toml"
    file.write_text("\n".join(tables))
    policy = load(file, known=known_codes())
    assert policy.selection.extend_select == ("DBS003",)
    assert policy.excludes(tmp_path / "migrations/env.py")
    assert policy.ignored_in(tmp_path / "scripts/a.py") == ("DBS1", "DBS201")
    assert policy.baseline == tmp_path / ".dbsession-baseline.json"
    assert policy.accept == {"commit"}
    (tmp_path / ".git").mkdir()
    assert advice([str(tmp_path)]) == []
