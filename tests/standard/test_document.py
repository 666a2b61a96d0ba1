"""The written standard holds to itself: its patterns are clean, its anti-patterns are reported."""

from __future__ import annotations

import ast
import json
import re
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flake8_dbsession.policy.finding import find
from flake8_dbsession.policy.loading import PRESETS, load, preset_names
from flake8_dbsession.policy.model import Layer, Policy
from flake8_dbsession.rules.registry import rules
from flake8_dbsession.standard.antipatterns import anti_patterns, enabled
from flake8_dbsession.standard.document import document
from flake8_dbsession.standard.page import short
from flake8_dbsession.standard.patterns import pattern
from flake8_dbsession.standard.ways import StandardWays
from tests.cases import lint, write_project

EXAMPLES = Path(__file__).parents[2] / "examples"
APPLICATIONS = sorted(path.parent.name for path in EXAMPLES.glob("*/README.md"))
HOUSES = [*preset_names(), *APPLICATIONS]
ASYNC_HOUSE = """
from contextlib import asynccontextmanager
from sqlalchemy.ext.asyncio import async_sessionmaker
maker = async_sessionmaker()
@asynccontextmanager
async def session_scope():
    async with maker() as db:
        yield db
async def provide():
    async with maker() as db:
        yield db
"""
ASYNC_POLICY = """
[[layers]]
name = "routes"
paths = ["api/"]
use = "house:provide"
style = "dependency"

[[layers]]
name = "services"
paths = ["*"]
use = "house:session_scope"
"""


@pytest.fixture(scope="module", params=HOUSES)
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Policy:
    """The policy of a preset, or of a copy of an example."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param in APPLICATIONS:
        shutil.copytree(EXAMPLES / request.param, folder, dirs_exist_ok=True)
        write_project(folder, {})
    else:
        # As a policy of the user's own, whose names are taken on trust.
        text = (PRESETS / f"{request.param}.toml").read_text(encoding="utf-8")
        write_project(folder, {"dbsession.toml": f'preset = "{request.param}"\n{text}'})
    return load(find(folder / "app.py"))


def path_in(layer: Layer, policy: Policy) -> str:
    """Give the path of a new file that falls into a layer."""
    folders = ("", "api/", "any/admin/services/", "any/admin/routes/")
    names = [path.replace("**/", "any/").replace("*", "example") for path in layer.paths]
    for name in (*names, *folders):
        path = f"{name}/written.py" if name and not name.endswith(".py") else name or "written.py"
        if policy.layer_of(policy.root / path) == layer:
            return path
    raise AssertionError(layer)


def codes(policy: Policy, layer: Layer, text: str) -> list[str]:
    """Lint a text as a new file of a layer, with the off rules that the policy enables.

    The project has a factory somewhere, which a session class bypasses.
    """
    path = path_in(layer, policy)
    write_project(policy.root, {path: text, "sessions.py": "Local = sessionmaker()\n"})
    try:
        return [code for _, _, code, _ in lint(policy.root, path)]
    finally:
        (policy.root / path).unlink()


def working_layers(policy: Policy) -> list[Layer]:
    return [layer for layer in policy.layers if layer.name != "tests"]


def test_patterns_are_clean_in_their_layer(house: Policy) -> None:
    ways = StandardWays(house)
    found = [(layer, ways.of_layer(layer)) for layer in working_layers(house)]
    written = {layer.name: pattern(layer, way) for layer, way in found if way is not None}
    assert written
    for layer in working_layers(house):
        if layer.name in written:
            assert codes(house, layer, written[layer.name]) == [], layer.name


def test_anti_patterns_are_reported_and_their_ways_out_are_clean(house: Policy) -> None:
    for each in anti_patterns(house, StandardWays(house)):
        layers = working_layers(house)
        reported = [layer for layer in layers if each.code in codes(house, layer, each.wrong)]
        assert reported, each
        clean = [layer for layer in layers if not codes(house, layer, each.right)]
        assert clean, (each, [codes(house, layer, each.right) for layer in layers])


def test_every_code_block_is_python(house: Policy) -> None:
    blocks = re.findall(r"```python\n(.*?)```", document(house), re.DOTALL)
    assert len(blocks) > 2
    for block in blocks:
        ast.parse(block)


def test_all_ways_of_a_layer_are_named(tmp_path: Path) -> None:
    text = """
        connections = ["core.db:reading", "core.db:writing"]

        [[layers]]
        name = "services"
        paths = ["*"]
        use = ["core.db:session", "core.db:transaction"]
    """
    write_project(tmp_path, {"dbsession.toml": text, "core/db.py": ""})
    policy = load(tmp_path / "dbsession.toml")
    for name in ("session", "transaction", "reading", "writing"):
        assert f"with {name}() as " in short(policy)
        assert f"with {name}() as " in document(policy)


def test_is_the_same_each_time(house: Policy) -> None:
    assert document(house) == document(house)


def test_names_what_the_policy_names(house: Policy) -> None:
    text = document(house)
    for layer in working_layers(house):
        words = (*layer.paths, layer.use.expression if layer.use else "", layer.bind or "")
        assert all(word in text for word in (*words, layer.fallback or "", layer.decorator or ""))
    for name, instead in (*house.retired, *house.legacy):
        assert f"| `{name}` | `{instead}` |" in text
    for pragma, value in house.pragmas:
        assert f"PRAGMA {pragma} = {value}" in text
    assert all(f"| {rule.code} |" in text for rule in enabled(house))


def test_names_nothing_that_is_off(house: Policy) -> None:
    listed = set(re.findall(r"^\| (DBS\d{3}) \|", document(house), re.MULTILINE))
    off = {rule.code for rule in rules().values() if rule.off}
    assert listed.isdisjoint(off - house.enable)
    assert ("DBS104" in listed) == bool(house.legacy)
    assert ("DBS503" in listed) == bool(house.engine)
    assert ("DBS606" in listed) == bool(house.pragmas)


def test_holds_no_name_of_the_pages(house: Policy) -> None:
    """The rules' own examples import from ``core.database``, which no house here has."""
    assert "from core." not in document(house)


def test_asynchronous_ways_are_awaited(tmp_path: Path) -> None:
    write_project(tmp_path, {"house.py": ASYNC_HOUSE, "dbsession.toml": ASYNC_POLICY})
    policy = load(tmp_path / "dbsession.toml")
    text = document(policy)
    assert "async with session_scope() as db:" in text
    assert "item = await db.get(Item, item_id)" in text
    assert "await db.commit()" in text  # this provider does not
    assert "db: AsyncSession = Depends(provide)" in text
    ways = StandardWays(policy)
    for layer in working_layers(policy):
        way = ways.of_layer(layer)
        assert way is not None
        assert codes(policy, layer, pattern(layer, way)) == []


def test_a_standard_without_a_provider_shows_the_block(tmp_path: Path) -> None:
    write_project(tmp_path, {"dbsession.toml": 'preset = "sqlalchemy"'})
    text = document(load(tmp_path / "dbsession.toml"))
    assert "with SessionLocal() as db:" in text
    assert "| DBS102 |" not in text
    assert "#### DBS102" not in text


NAMES = st.sampled_from(["provide", "self.give.session", "db.connection", "a:b", "a.b:c.async_d"])
LAYERS = st.fixed_dictionaries(
    {
        "name": st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip),
        "paths": st.lists(st.sampled_from(["a|b/", "*", "`x`.py"]), min_size=1),
    },
    optional={
        "use": NAMES,
        "style": st.sampled_from(["context", "dependency", "request"]),
        "fallback": st.sampled_from(["self.old.session", "old()", "make(1)"]),
        "bind": st.just("x = current_app.x"),
        "decorator": st.sampled_from(["safe", "core.safe"]),
        "allow": st.lists(st.sampled_from(["DBS101", "DBS102"])),
    },
)
POLICIES = st.fixed_dictionaries(
    {"preset": st.sampled_from(preset_names())},
    optional={
        "layers": st.lists(LAYERS, max_size=3, unique_by=lambda layer: layer["name"]),
        "connections": NAMES,
        "factories": st.just(["core.database.Factory"]),
        "legacy": st.dictionaries(st.sampled_from(["*", "a.b", "*?.x", "é`|"]), st.just("new")),
        "engine": st.just({"any": {"poolclass": "Not A Class", "pool_size": 5}}),
    },
)


@settings(max_examples=60, deadline=None)
@given(POLICIES)
def test_whatever_a_policy_says_the_code_is_python(data: dict[str, Any]) -> None:
    with TemporaryDirectory() as folder:
        write_project(Path(folder), {})
        file = Path(folder, "dbsession.toml")
        file.write_text(toml(data), encoding="utf-8")
        text = document(load(file))
    for block in re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        ast.parse(block)


def toml(data: dict[str, Any]) -> str:
    """Write a policy as TOML; its strings are JSON's."""
    layers = data.get("layers", [])
    lines = [f"{key} = {inline(value)}" for key, value in data.items() if key != "layers"]
    return "\n".join([*lines, f"layers = {inline(layers)}" if layers else ""])


def inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{inline(k)} = {inline(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(inline, value))}]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
