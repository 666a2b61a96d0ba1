"""How a policy is put together: a preset, then the file, then the options."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from flake8_dbsession.policy.checking import check_layer_paths, check_policy
from flake8_dbsession.policy.errors import Place
from flake8_dbsession.policy.files import Table, content_of, parse, place_of, table_of
from flake8_dbsession.policy.model import Layer, Policy, Sanctioned, Style

DEFAULT_PRESET = "standard"
PRESETS = Path(__file__).parent / "presets"


def load(
    file: Path | None,
    *,
    preset: str | None = None,
    factories: Iterable[str] = (),
    owners: Iterable[str] = (),
    root: Path | None = None,
    known_codes: frozenset[str] | None = None,
) -> Policy:
    """Put a policy together: a preset, then a file, then the options.

    The file's layers come before the preset's. One that has the name of a preset's layer takes from
    it each field that it does not set; one that takes the preset's ``paths`` keeps the preset's
    place too, so that a catch-all stays last. ``factories`` and ``enable`` add to the preset's;
    ``retired``, ``legacy``, ``engine`` and the pragmas replace its entries one by one (``engine``
    by kind of URL); all other keys replace the preset's.

    Args:
        file: the file to read; None for a preset alone.
        preset: the preset's name, instead of the file's.
        factories: names of factories, as well as the file's.
        owners: patterns of the owners, instead of the file's; none leaves those as they are.
        root: the folder that patterns are relative to when there is no file; the working directory
            when it is left out.
        known_codes: every code there is; None: only the form of codes is checked.

    Raises:
        PolicyError: the file cannot be read, or it or the options say something that no policy can.
    """
    source = None if file is None else Path(os.path.abspath(file))
    folder = Path(os.path.abspath(root or ".")) if source is None else source.parent
    return _load(source, folder, preset, tuple(factories), tuple(owners), known_codes)


@cache
def preset_names() -> tuple[str, ...]:
    """Return the names of the presets there are, in alphabetical order."""
    return tuple(sorted(file.stem for file in PRESETS.glob("*.toml")))


@cache
def _load(
    source: Path | None,
    root: Path,
    preset: str | None,
    factories: tuple[str, ...],
    owners: tuple[str, ...],
    known_codes: frozenset[str] | None,
) -> Policy:
    options = _options(preset, factories, owners)
    check_policy(Place("options", prefix="dbsession-"), options, preset_names(), known_codes)
    content = b""
    data: Table = {}
    if source is not None:
        content = content_of(source)
        data = table_of(source, content)
        check_policy(place_of(source), data, preset_names(), known_codes)
    named = {**data, **options}.get("preset")
    base = _preset(named or DEFAULT_PRESET)
    if source is not None:
        inherited = {layer["name"] for layer in base["layers"]}
        check_layer_paths(place_of(source), data.get("layers", []), inherited)
    return _merge(source, content, root, named, (base, data, options))


def _merge(
    source: Path | None,
    content: bytes,
    root: Path,
    named: str | None,
    tables: tuple[Table, Table, Table],
) -> Policy:
    """Lay a file's data over its preset's, and the options over both."""
    base, data, options = tables
    given = {**base, **data, **options}
    return Policy(
        root=root,
        source=source,
        preset=named or DEFAULT_PRESET,
        chosen=named is not None,
        owners=tuple(given["owners"]) if "owners" in given else None,
        factories=_unique(*(table.get("factories", ()) for table in tables)),
        connections=given.get("connections"),
        enable=frozenset(base.get("enable", ())) | frozenset(data.get("enable", ())),
        docstrings=given.get("docstrings", True),
        retired=_merged_pairs(data.get("retired", {}), base.get("retired", {})),
        legacy=_merged_pairs(data.get("legacy", {}), base.get("legacy", {})),
        layers=_layers(data.get("layers", []), base["layers"], chosen=named is not None),
        engine=tuple(
            (kind, tuple(required.items()))
            for kind, required in _merged_pairs(data.get("engine", {}), base.get("engine", {}))
        ),
        pragmas=tuple(
            (pragma, _pragma_value(value))
            for pragma, value in _merged_pairs(_pragmas(data), _pragmas(base))
        ),
        content=content,
    )


def _options(
    preset: str | None, factories: tuple[str, ...], owners: tuple[str, ...]
) -> dict[str, Any]:
    """Return the options that were given, in the form of a policy's table."""
    given = {"preset": preset, "factories": list(factories), "owners": list(owners)}
    return {name: value for name, value in given.items() if value}


def _layers(own: list[Table], preset: list[Table], chosen: bool) -> tuple[Layer, ...]:
    """Merge the layers of a file with its preset's; ``chosen`` says that the preset was named."""
    by_name = {layer["name"]: layer for layer in preset}
    first: list[Layer] = []
    overridden: dict[str, Layer] = {}
    for layer in own:
        merged = _layer({**by_name.get(layer["name"], {}), **layer}, declared=True)
        if "paths" in layer:
            first.append(merged)
        else:
            overridden[merged.name] = merged
    placed = {layer.name for layer in first}
    rest = (
        overridden.get(name) or _layer(layer, declared=chosen)
        for name, layer in by_name.items()
        if name not in placed
    )
    return (*first, *rest)


def _layer(data: Table, declared: bool) -> Layer:
    return Layer(
        name=data["name"],
        paths=tuple(data["paths"]),
        use=Sanctioned.parse(data["use"]) if "use" in data else None,
        style=Style(data.get("style", Style.CONTEXT.value)),
        fallback=data.get("fallback"),
        bind=data.get("bind"),
        decorator=data.get("decorator"),
        allow=frozenset(data.get("allow", ())),
        declared=declared,
    )


def _pragmas(data: Table) -> Table:
    pragmas: Table = data.get("sqlite", {}).get("pragmas", {})
    return pragmas


def _pragma_value(value: str | int) -> str:
    """Return a pragma's value as SQL has it."""
    if isinstance(value, bool):
        return "ON" if value else "OFF"
    return str(value)


def _merged_pairs(own: Table, preset: Table) -> tuple[tuple[str, Any], ...]:
    """Return a file's entries, then those of its preset that it does not replace."""
    return (*own.items(), *((name, preset[name]) for name in preset if name not in own))


def _unique(*groups: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for group in groups for name in group))


@cache
def _preset(name: str) -> Table:
    file = PRESETS / f"{name}.toml"
    return parse(file, file.read_bytes())
