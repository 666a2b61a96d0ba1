"""What is advised in the examples, with their policies and without, can be written as it stands."""

from __future__ import annotations

import ast
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition
from flake8_dbsession.checking.files.discovery import discover
from flake8_dbsession.house.advice import Advice, is_block, place_of
from flake8_dbsession.linter import Linter, PreparedFile, Settings
from flake8_dbsession.policy.model import Style
from tests.cases import write_project

EXAMPLES = Path(__file__).parents[2] / "examples"
APPLICATIONS = sorted(path.parent.name for path in EXAMPLES.glob("*/README.md"))


def copied(name: str, folder: Path, *, with_policy: bool) -> None:
    shutil.copytree(EXAMPLES / name, folder, dirs_exist_ok=True)
    write_project(folder, {})
    for policy in ("dbsession.toml", "pyproject.toml") if not with_policy else ():
        (folder / policy).unlink(missing_ok=True)


def advised(folder: Path) -> Iterator[tuple[PreparedFile, Acquisition, Advice]]:
    linter = Linter(Settings())
    for file in discover([str(folder)], []):
        text = Path(file).read_text(encoding="utf-8")
        prepared = linter.prepare(file, text, ast.parse(text))
        if isinstance(prepared, PreparedFile):
            for acquisition in prepared.context.file.facts(Acquisition):
                yield prepared, acquisition, prepared.context.advice(acquisition)
                way = prepared.context.house.connection(
                    place_of(acquisition, prepared.context.file.inference)
                )
                if way is not None:
                    yield prepared, acquisition, Advice(way, way.written("conn"))


def defines(folder: Path, module: str, name: str) -> bool:
    """Tell, by the text alone, whether a module of the copied application has a name."""
    path = folder.joinpath(*module.split("."))
    files = [path.with_suffix(".py"), path / "__init__.py"]
    texts = [file.read_text(encoding="utf-8") for file in files if file.is_file()]
    pattern = rf"^(?:async )?(?:def|class) {name}\b|^{name}\b.*=|import .*\b{name}\b"
    return any(re.search(pattern, text, re.MULTILINE) for text in texts)


def assert_usable(
    folder: Path, prepared: PreparedFile, acquisition: Acquisition, advice: Advice
) -> None:
    """What is advised can be reached, needs no argument, and is a manager where it is a block."""
    way = advice.way
    if advice.way is None and not is_block(advice.code) and not advice.given:
        assert prepared.context.is_legacy(acquisition)  # the policy's own words
        return
    if advice.given:
        assert acquisition.scope.lookup(advice.given)
        return
    ast.parse(f"{advice.code}\n    pass" if advice.code.endswith(":") else advice.code)
    if way is None:
        assert ast.unparse(acquisition.node) in advice.code
        return
    root = way.expression.partition(".")[0]
    where = (prepared.context.file.path, acquisition.node.lineno, way.expression)
    if way.reach.module:
        assert defines(folder, way.reach.module, root), where
    elif way.reach.bind:
        assert way.reach.bind.startswith(f"{root} = "), where
    elif way.reach.is_beside:
        home = acquisition.known.home
        assert home is not None
        name_there = way.expression.rpartition(".")[2] if "." in way.expression else root
        assert home.module.bindings(name_there) or home.module.bindings(root), where
    elif root == "self":
        assert acquisition.scope.enclosing_class() is not None, where
    else:
        assert acquisition.scope.lookup(root), where
    if way.function is not None:
        arguments = way.function.node.args
        needed = len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults)
        assert needed <= (way.function.owner is not None), where
        decorators = ast.unparse(way.function.node).partition("def ")[0]
        is_manager = "contextmanager" in decorators
        assert is_manager or way.style is not Style.CONTEXT, where


@pytest.mark.parametrize("with_policy", [True, False], ids=["policy", "no policy"])
@pytest.mark.parametrize("name", APPLICATIONS)
def test_every_advice_can_be_written(name: str, with_policy: bool, tmp_path: Path) -> None:
    copied(name, tmp_path, with_policy=with_policy)
    found = list(advised(tmp_path))
    is_of_sessions = name not in ("psycopg_pool", "sqlite_manager")
    if is_of_sessions or (with_policy and name == "psycopg_pool"):
        assert any(advice.way is not None for _, _, advice in found)
    for prepared, acquisition, advice in found:
        assert_usable(tmp_path, prepared, acquisition, advice)
