"""The policy's JSON schema, held against the loader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from flake8_dbsession.policy.errors import PolicyError
from flake8_dbsession.policy.files import parse, tool_table
from flake8_dbsession.policy.loading import PRESETS, load
from flake8_dbsession.policy.schema import schema

from .conftest import Write
from .test_loading import EXAMPLE

EXAMPLES = Path(__file__).parents[2] / "examples"
SHIPPED = Path(__file__).parents[2] / "flake8_dbsession" / "policy" / "dbsession.schema.json"
LAYER = "[[layers]]\nname = 'a'\npaths = ['a/']\n"
WRONG = [
    "onwers = []",
    "preset = 'flsk'",
    "owners = 'a.py'",
    "docstrings = 1",
    "enable = ['DBS1']",
    "enable = ['raw session']",
    "select = ['E501']",
    "extend = 1",
    "retired = []",
    "[retired]\na = ''",
    "[legacy]\na = 1",
    "[[layers]]\npaths = ['a/']",
    f"{LAYER}sytle = 'context'",
    f"{LAYER}style = 'x'",
    f"{LAYER}use = []",
    f"{LAYER}allow = 'DBS101'",
    "[[ways]]\ncommits = true",
    "[[ways]]\nname = 'a:b'\ngives = 'x'",
    "[engine]\npostgres = {}",
    "[engine.any]\na = [1]",
    "[sqlite.pragmas]\na = 1.5",
    "[per-file-ignores]\n'a/' = 1",
    "[levels]\nDBS301 = 'warn'",
    "[levels]\nE501 = 'note'",
    "levels = ['note']",
    "accept = ['other']",
]
RIGHT = [
    "",
    EXAMPLE.replace("tool.dbsession.", "").replace("[tool.dbsession]", ""),
    f"{LAYER}use = ['db:reading', 'db:writing']",
    "[[ways]]\nname = 'acme:session'\ncommits = true\n'rolls-back' = false\ngives = 'connection'",
    "select = ['DBS1', 'raw-session-factory']\naccept = ['commit']\nbaseline = 'known.json'",
    "levels = { DBS301 = 'note', DBS1 = 'error', 'swallowed-error-without-rollback' = 'warning' }",
    "exclude = ['vendor/']\n[per-file-ignores]\n'a/' = 'DBS1'\n'b/' = ['DBS101']",
]


def faults(data: Any) -> list[str]:
    return [error.message for error in Draft202012Validator(schema()).iter_errors(data)]


@pytest.mark.parametrize("text", WRONG)
def test_both_refuse(write: Write, text: str) -> None:
    file = write(text)
    with pytest.raises(PolicyError):
        load(file)
    assert faults(parse(file, text.encode()))


@pytest.mark.parametrize("text", RIGHT)
def test_both_take(write: Write, text: str) -> None:
    file = write(text)
    load(file)
    assert faults(parse(file, text.encode())) == []


def test_presets_and_examples_are_taken() -> None:
    for file in PRESETS.glob("*.toml"):
        assert faults(parse(file, file.read_bytes())) == []
    for file in EXAMPLES.glob("*/dbsession.toml"):
        assert faults(parse(file, file.read_bytes())) == []
    for file in EXAMPLES.glob("*/pyproject.toml"):
        assert faults(tool_table(parse(file, file.read_bytes()))) == []


def test_what_is_shipped_is_it() -> None:
    """`python docs/generate.py` writes it."""
    assert json.loads(SHIPPED.read_text(encoding="utf-8")) == schema()
