"""How a policy is put together: a preset, then the file with what it extends, then the options."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Any

from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.policy.errors import PolicyPlace
from flake8_dbsession.policy.files import (
    Table,
    content_of,
    parse,
    place_of,
    shown,
    table_of,
    texts_of,
)
from flake8_dbsession.policy.finding import forget_found, repository_root
from flake8_dbsession.policy.model import (
    Layer,
    Level,
    Policy,
    SaidWay,
    Sanctioned,
    Selection,
    Style,
)

DEFAULT_PRESET = "standard"
PRESETS = Path(__file__).parent / "presets"

_USUAL = "style below"  # that of the layer that a user's changes
_DEEPEST = 10  # files that extend one another


class Source(NamedTuple):
    """One of the tables that a policy is put together from.

    Attributes:
        label: what it is, such as ``preset standard`` or ``dbsession.toml``.
        place: where it stands.
        data: the table.
        content: the file's bytes; empty for a preset and for options.
        is_own: whether the user wrote it; False for a preset.
    """

    label: str
    place: PolicyPlace
    data: Table
    content: bytes = b""
    is_own: bool = True


def load(
    file: Path | None,
    *,
    preset: str | None = None,
    factories: Iterable[str] = (),
    owners: Iterable[str] = (),
    root: Path | None = None,
    known: Mapping[str, str] | None = None,
) -> Policy:
    """Put a policy together: a preset, then a file with what it extends, then the options.

    The file's layers come before the preset's. One that has the name of a preset's layer takes from
    it each field that it does not set; one that takes the preset's ``paths`` keeps the preset's
    place too, so that a catch-all stays last. ``factories``, ``enable`` and ``ways`` add to the
    preset's; ``retired``, ``legacy``, ``per-file-ignores``, ``levels``, ``engine`` and the pragmas
    replace its entries one by one (``engine`` by kind of URL); all other keys replace the preset's.
    A file that is extended lies between the preset and the file; its patterns are relative to the
    folder of the file that extends it.

    Args:
        file: the file to read; None for a preset alone.
        preset: the preset's name, instead of the file's.
        factories: names of factories, as well as the file's.
        owners: patterns of the owners, instead of the file's; none leaves those as they are.
        root: the folder that patterns are relative to when there is no file; the working directory
            when it is left out.
        known: every code there is, by itself and by its rule's name; None: only the form of codes
            is checked, and rules' names stay as they are.

    Raises:
        PolicyError: the file cannot be read, or it or the options say something that no policy can.
    """
    source = None if file is None else Path(os.path.abspath(file))
    folder = Path(os.path.abspath(root or ".")) if source is None else source.parent
    codes = None if known is None else tuple(sorted(known.items()))
    return _load(source, folder, preset, tuple(factories), tuple(owners), codes)


def load_text(text: str, file: Path) -> Policy:
    """Read a policy from a text that stands in no file yet.

    Args:
        text: TOML, as a ``dbsession.toml`` has it.
        file: the file that it is meant for.

    Raises:
        PolicyError: as ``load`` raises it.
    """
    return _merge(file, file.parent, text_sources(text, file), {})


def text_sources(text: str, file: Path) -> list[Source]:
    """Give the tables of a policy that stands in no file yet, the preset's first.

    Args:
        text: TOML, as a ``dbsession.toml`` has it.
        file: the file that it is meant for.

    Raises:
        PolicyError: as ``load`` raises it.
    """
    content = text.encode()
    place, data = place_of(file, content), table_of(file, content)
    return _over_preset([Source(shown(file), place, data, content)], None)


def sources_of(
    file: Path | None,
    *,
    preset: str | None = None,
    factories: Iterable[str] = (),
    owners: Iterable[str] = (),
) -> tuple[Source, ...]:
    """Give the tables that a policy is put together from, the preset first.

    Args:
        file: as ``load`` takes it.
        preset: as ``load`` takes it.
        factories: as ``load`` takes it.
        owners: as ``load`` takes it.

    Raises:
        PolicyError: as ``load`` raises it.
    """
    source = None if file is None else Path(os.path.abspath(file))
    return tuple(_sources(source, preset, tuple(factories), tuple(owners), None))


def forget_policies() -> None:
    """Have policies be looked for and read anew, for a file may have changed."""
    forget_found()
    _load.cache_clear()


@cache
def preset_names() -> tuple[str, ...]:
    """Return the names of the presets there are, in alphabetical order."""
    return tuple(sorted(file.stem for file in PRESETS.glob("*.toml")))


def preset_purpose(name: str) -> str:
    """Give the first sentence of a preset's own comment: what house it is for.

    Args:
        name: the preset.
    """
    lines = (PRESETS / f"{name}.toml").read_text(encoding="utf-8").splitlines()
    head = takewhile(lambda line: line.startswith("# "), lines)
    return " ".join(line.removeprefix("# ") for line in head).rstrip(".:")


@cache
def _load(
    source: Path | None,
    root: Path,
    preset: str | None,
    factories: tuple[str, ...],
    owners: tuple[str, ...],
    codes: tuple[tuple[str, str], ...] | None,
) -> Policy:
    known = None if codes is None else dict(codes)
    return _merge(source, root, _sources(source, preset, factories, owners, known), known or {})


def _sources(
    file: Path | None,
    preset: str | None,
    factories: tuple[str, ...],
    owners: tuple[str, ...],
    known: Mapping[str, str] | None,
) -> list[Source]:
    options = _options(preset, factories, owners)
    own = [] if file is None else list(_files(file, known))
    own.append(Source("options", PolicyPlace("options", prefix="dbsession-"), options))
    return _over_preset(own, known)


def _over_preset(own: list[Source], known: Mapping[str, str] | None) -> list[Source]:
    """Check the user's tables, and put the preset under them."""
    for source in own:
        _check(source, known)
    name = _last("preset", own) or DEFAULT_PRESET
    data = _preset(name)
    inherited = {layer["name"] for layer in data["layers"]}
    for source in own:
        if layers := source.data.get("layers"):
            from flake8_dbsession.policy.checking import check_layer_paths

            check_layer_paths(source.place, layers, inherited)
            inherited |= {layer["name"] for layer in layers}
    return [Source(f"preset {name}", PolicyPlace(f"preset {name}"), data, is_own=False), *own]


def _check(source: Source, known: Mapping[str, str] | None) -> None:
    if source.data:  # most houses have no policy of their own, and need nothing that checks one
        from flake8_dbsession.policy.checking import check_policy

        check_policy(source.place, source.data, preset_names(), known)


def _files(file: Path, known: Mapping[str, str] | None) -> Iterator[Source]:
    """Read a file and those that it extends, the furthest first.

    Raises:
        PolicyError: one cannot be read, extends itself, or lies outside of the repository.
    """
    chain: list[Source] = []
    seen: set[Path] = set()
    current: Path | None = file
    while current is not None:
        seen.add(Path(os.path.realpath(current)))
        content = content_of(current)
        place = place_of(current, content)
        data = table_of(current, content)
        chain.append(Source(shown(current), place, data, content))
        _check(chain[-1], known)
        current = _extended(current, place, data.get("extend"))
        if current is not None and (
            len(chain) >= _DEEPEST or Path(os.path.realpath(current)) in seen
        ):
            raise place.error("`extend` leads in a circle", "extend")
    return reversed(chain)


def _extended(file: Path, place: PolicyPlace, text: str | None) -> Path | None:
    """Find the file that a policy extends.

    Raises:
        PolicyError: there is none, or it lies outside of the repository.
    """
    if text is None:
        return None
    package, _, path = text.rpartition(":")
    if package:
        return _shipped(package, path, place, text)
    found = file.parent / path
    if not found.is_file():
        raise place.error(f"`extend` has `{text}`: there is no such file", "extend", text)
    root = os.path.realpath(repository_root(file))
    if not Path(os.path.realpath(found)).is_relative_to(root):
        raise place.error(f"`extend` has `{text}`, which leads out of the repository", "extend")
    return found


def _shipped(package: str, path: str, place: PolicyPlace, text: str) -> Path:
    """Find a file that an installed package ships, without importing the package."""
    from importlib.util import find_spec

    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        spec = None
    folders = list(spec.submodule_search_locations or ()) if spec is not None else []
    if not folders:
        raise place.error(f"`extend` has `{text}`: no package `{package}` is installed", "extend")
    for folder in folders:
        found = Path(folder, path)
        inside = Path(os.path.realpath(found)).is_relative_to(os.path.realpath(folder))
        if inside and found.is_file():
            return found
    raise place.error(f"`extend` has `{text}`: the package ships no such file", "extend")


def _merge(
    source: Path | None, root: Path, sources: list[Source], known: Mapping[str, str]
) -> Policy:
    """Lay the tables over one another, the last one on top."""
    own = [each for each in sources if each.is_own]
    tables = [each.data for each in sources]
    given: dict[str, Any] = {}
    for table in tables:
        given.update(table)
    enable = [code for table in tables for code in table.get("enable", ())]
    extended = _last("extend-select", sources) or []
    return Policy(
        root=root,
        source=source,
        preset=_last("preset", own) or DEFAULT_PRESET,
        chosen=_last("preset", own) is not None,
        owners=tuple(given["owners"]) if "owners" in given else None,
        factories=_unique(*(table.get("factories", ()) for table in tables)),
        connections=tuple(map(Sanctioned.parse, texts_of(given.get("connections", [])))),
        connections_declared=_last("connections", own) is not None,
        enable=frozenset(_codes(enable, known)),
        docstrings=given.get("docstrings", True),
        retired=_merged_pairs(tables, "retired"),
        legacy=_merged_pairs(tables, "legacy"),
        own_replacements=frozenset(
            new for _, new in _merged_pairs((s.data for s in own), "legacy")
        ),
        layers=_layers(sources, known),
        ways=tuple(_said(way) for table in tables for way in table.get("ways", ())),
        engine=tuple(
            (kind, tuple(required.items())) for kind, required in _merged_pairs(tables, "engine")
        ),
        pragmas=tuple(
            (pragma, _pragma_value(value))
            for pragma, value in _merged_pairs([t.get("sqlite", {}) for t in tables], "pragmas")
        ),
        selection=Selection(
            select=_codes(given["select"], known) if "select" in given else None,
            ignore=_codes(given.get("ignore", ()), known),
            extend_select=_codes(extended, known),
            per_file=tuple(
                (pattern, _codes(texts_of(codes), known))
                for pattern, codes in _merged_pairs(tables, "per-file-ignores")
            ),
        ),
        exclude=tuple(given.get("exclude", ())),
        baseline=root / given["baseline"] if "baseline" in given else None,
        accept=frozenset(given.get("accept", ())),
        levels=tuple(
            (known.get(code, code), Level(level)) for code, level in _merged_pairs(tables, "levels")
        ),
        files=tuple(each.place.file for each in own if each.place.file is not None),
        content=b"\0".join(each.content for each in own if each.content),
    )


def _last(key: str, sources: Iterable[Source]) -> Any:
    """Give a key's value in the last table that has it."""
    found = [source.data[key] for source in sources if key in source.data]
    return found[-1] if found else None


def _codes(texts: Iterable[str], known: Mapping[str, str]) -> tuple[str, ...]:
    """Give the codes of rules that may be named."""
    return tuple(known.get(text, text) for text in texts)


def _options(
    preset: str | None, factories: tuple[str, ...], owners: tuple[str, ...]
) -> dict[str, Any]:
    """Return the options that were given, in the form of a policy's table."""
    given = {"preset": preset, "factories": list(factories), "owners": list(owners)}
    return {name: value for name, value in given.items() if value}


def _layers(sources: list[Source], known: Mapping[str, str]) -> tuple[Layer, ...]:
    """Merge the layers of the tables: those of a later one come first, and change one another."""
    merged: dict[str, tuple[Table, bool]] = {}
    for source in sources:
        first: dict[str, tuple[Table, bool]] = {}
        for layer in source.data.get("layers", ()):
            name = layer["name"]
            below, was_declared = merged.get(name, ({}, False))
            if source.is_own and "use" in layer:  # which tells its style anew
                below = {_USUAL if key == "style" else key: below[key] for key in below}
            is_declared = was_declared or (source.is_own and ("use" in layer or "use" not in below))
            entry = {**below, **layer}, is_declared
            if "paths" in layer or name not in merged:
                first[name] = entry
            else:
                merged[name] = entry
        merged = first | {name: entry for name, entry in merged.items() if name not in first}
    return tuple(_layer(data, declared, known) for data, declared in merged.values())


def _layer(data: Table, declared: bool, known: Mapping[str, str]) -> Layer:
    return Layer(
        name=data["name"],
        paths=tuple(data["paths"]),
        uses=tuple(map(Sanctioned.parse, texts_of(data.get("use", [])))),
        style=Style(data["style"]) if "style" in data else None,
        usual=Style(data[_USUAL]) if _USUAL in data else Style.CONTEXT,
        fallback=data.get("fallback"),
        bind=data.get("bind"),
        decorator=data.get("decorator"),
        allow=frozenset(_codes(data.get("allow", ()), known)),
        declared=declared,
    )


def _said(data: Table) -> SaidWay:
    return SaidWay(
        use=Sanctioned.parse(data["name"]),
        style=Style(data.get("style", Style.CONTEXT.value)),
        is_connection=data.get("gives") == "connection",
        is_async=data.get("async", False),
        commits=data.get("commits", False),
        rolls_back=data.get("rolls-back", False),
        closes=data.get("closes", True),
    )


def _pragma_value(value: str | int) -> str:
    """Return a pragma's value as SQL has it."""
    if isinstance(value, bool):
        return "ON" if value else "OFF"
    return str(value)


def _merged_pairs(tables: Iterable[Table], key: str) -> tuple[tuple[str, Any], ...]:
    """Return the entries of a table, those of the last file first; each name once."""
    merged: dict[str, Any] = {}
    for table in tables:
        own = table.get(key, {})
        merged = {**own, **{name: value for name, value in merged.items() if name not in own}}
    return tuple(merged.items())


def _unique(*groups: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for group in groups for name in group))


@cache
def _preset(name: str) -> Table:
    file = PRESETS / f"{name}.toml"
    return parse(file, file.read_bytes())
