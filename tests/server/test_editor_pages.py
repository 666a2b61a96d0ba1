"""The pages about editors: what they show for a settings file is one, and starts this server."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

EDITORS = Path(__file__).parents[2] / "docs" / "editors"
PAGES = sorted(EDITORS.glob("*.md"))


def blocks(page: str, language: str) -> list[str]:
    text = (EDITORS / page).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_vscode_starts_the_server_for_python() -> None:
    client, on_save, flake8 = (json.loads(block) for block in blocks("vscode.md", "json"))
    assert client["glspc.server.command"].endswith("/dbsession")
    assert client["glspc.server.commandArguments"] == ["server"]
    assert client["glspc.server.languageId"] == ["python"]
    assert on_save["[python]"]["editor.codeActionsOnSave"].keys() == {"source.fixAll.dbsession"}
    assert flake8 == {"flake8.importStrategy": "fromEnvironment"}


def test_helix_starts_the_server_for_python() -> None:
    (settings,) = (tomllib.loads(block) for block in blocks("helix.md", "toml"))
    assert settings["language-server"]["dbsession"] == {"command": "dbsession", "args": ["server"]}
    (language,) = settings["language"]
    assert language == {"name": "python", "language-servers": ["dbsession"]}


def test_pycharm_starts_the_server_for_python() -> None:
    (template,) = (json.loads(block) for block in blocks("pycharm.md", "json"))
    assert template["programArgs"]["default"].endswith("/bin/dbsession server")
    (mapping,) = template["fileTypeMappings"]
    assert (mapping["fileType"]["patterns"], mapping["languageId"]) == (["*.py"], "python")


def test_neovim_starts_the_server_for_python() -> None:
    configuration, *_, older = blocks("neovim.md", "lua")
    for block in (configuration, older):
        assert 'cmd = { "dbsession", "server" }' in block
        assert block.count("{") == block.count("}")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links: list[Any] = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).is_file()] == []
