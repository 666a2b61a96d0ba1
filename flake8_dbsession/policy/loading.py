"""Where a policy is found, and how it is put together: a preset, then the file, then the options.

``dbsession.toml`` holds a policy at its top level, ``pyproject.toml`` in ``[tool.dbsession]``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from flake8_dbsession.policy.checking import Table, check_layer_paths, check_policy
from flake8_dbsession.policy.errors import Place, PolicyError
from flake8_dbsession.policy.model import Layer, Policy, Sanctioned, Style

__all__ = ["DEFAULT_PRESET", "PolicyError", "find", "load", "preset_names", "repository_root"]

DEFAULT_PRESET = "standard"
OWN_FILE = "dbsession.toml"
PROJECT_FILE = "pyproject.toml"
PRESETS = Path(__file__).parent / "presets"


def find(path: Path) -> Path | None:
    """Find the policy that holds for a file.

    Args:
        path: the linted file, absolute or relative to the working directory.

    Returns:
        The nearest ``dbsession.toml``, or ``pyproject.toml`` with ``[tool.dbsession]``, at or above
        the file and inside its repository; None when there is none. A file that cannot be read or
        parsed is returned as well, for ``load`` to say what is wrong with it.

    Raises:
        PolicyError: two files of one folder hold a policy, or a ``dbsession.toml`` is a link that
            leads out of the repository.
    """
    return _find_from(os.path.dirname(os.path.abspath(path)))


def repository_root(path: Path) -> Path:
    """Return the folder up to which a policy is looked for.

    Args:
        path: a file, absolute or relative to the working directory.

    Returns:
        The nearest folder above the file that holds ``.git``; without one, the user's home where
        the file lies below it, else the root of the file system.
    """
    return _repository_root(os.path.dirname(os.path.abspath(path)))


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
def _find_from(folder: str) -> Path | None:
    for each in _folders_up(folder):
        found = _policy_in(each)
        if found is not None:
            return found
    return None


@cache
def _repository_root(folder: str) -> Path:
    return list(_folders_up(folder))[-1]


def _folders_up(folder: str) -> Iterator[Path]:
    """Yield a folder and those above it, up to the repository's root."""
    home = os.path.expanduser("~")
    for each in (Path(folder), *Path(folder).parents):
        yield each
        if str(each) == home or os.path.lexists(each / ".git"):
            return


@cache
def _policy_in(folder: Path) -> Path | None:
    own, project = folder / OWN_FILE, folder / PROJECT_FILE
    has_own = os.path.lexists(own)
    has_project = not _leads_out(project) and _mentions_policy(project)
    if has_own and has_project:
        table = f"{_shown(project)} holds a policy too, in [tool.dbsession]"
        raise Place(_shown(own)).error(f"{table}; keep one of the two")
    if has_own and _leads_out(own):
        raise Place(_shown(own)).error("is a link that leads out of the repository")
    if has_own:
        return own
    return project if has_project else None


def _leads_out(file: Path) -> bool:
    """Tell whether a file is a link to somewhere outside its repository, which is never read."""
    if not os.path.islink(file):
        return False
    root = os.path.realpath(repository_root(file))
    return not Path(os.path.realpath(file)).is_relative_to(root)


def _mentions_policy(project: Path) -> bool:
    """Tell whether a ``pyproject.toml`` holds a policy, or may hold one that cannot be read."""
    if not os.path.isfile(project):
        return False
    try:
        content = project.read_bytes()
    except OSError:
        return True
    # Most projects' files never name this tool, and need not be parsed to be passed over.
    if b"dbsession" not in content:
        return False
    try:
        data = _parse(project, content)
        return _tool_table(data) is not None or _misnamed(data) is not None
    except PolicyError:
        return True


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
        content = _content(source)
        data = _table(source, content)
        check_policy(_policy_place(source), data, preset_names(), known_codes)
    named = {**data, **options}.get("preset")
    base = _preset(named or DEFAULT_PRESET)
    if source is not None:
        inherited = {layer["name"] for layer in base["layers"]}
        check_layer_paths(_policy_place(source), data.get("layers", []), inherited)
    policy = _merge(source, root, named, (base, data, options))
    return replace(policy, content=content)


def _merge(
    source: Path | None, root: Path, named: str | None, tables: tuple[Table, Table, Table]
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
    return _parse(file, file.read_bytes())


def _table(file: Path, content: bytes) -> Table:
    """Return the policy's table of a file with some content."""
    data = _parse(file, content)
    if file.name != PROJECT_FILE:
        if _tool_table(data) is not None:
            advice = "in this file the keys stand without `tool.dbsession` before them"
            raise Place(_shown(file)).error(f"there is a table `tool.dbsession`; {advice}")
        return data
    table = _tool_table(data)
    if table is None:
        advice = f"; rename [tool.{_misnamed(data)}]" if _misnamed(data) else ""
        raise Place(_shown(file)).error(f"there is no [tool.dbsession]{advice}")
    if not isinstance(table, Mapping):
        raise Place(_shown(file)).error("`tool.dbsession` must be a table")
    return table


def _content(file: Path) -> bytes:
    place = Place(_shown(file))
    try:
        if file.is_dir():
            raise place.error("is a folder, not a file")
        if file.exists() and not file.is_file():
            raise place.error("is not a regular file")
        return file.read_bytes()
    except FileNotFoundError:
        raise place.error("there is no such file") from None
    except OSError as error:
        raise place.error(f"cannot be read: {error.strerror}") from error


def _parse(file: Path, content: bytes) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    place = Place(_shown(file))
    try:
        # An editor may leave a byte order mark, which TOML has no place for.
        return tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise place.error(f"is not UTF-8 (at byte {error.start + 1})") from error
    except ValueError as error:
        raise place.error(f"is not TOML: {error}") from error
    except RecursionError as error:
        raise place.error("is not usable TOML: it is nested too deeply") from error


def _tool_table(data: Table) -> object | None:
    tool = data.get("tool")
    return tool.get("dbsession") if isinstance(tool, Mapping) else None


def _misnamed(data: Table) -> str | None:
    """Return the name of a table that was meant to be ``tool.dbsession``, after the package."""
    tool = data.get("tool")
    names = ("flake8-dbsession", "flake8_dbsession")
    return next((name for name in names if isinstance(tool, Mapping) and name in tool), None)


def _policy_place(file: Path) -> Place:
    """Return the place of the policy's table in a file."""
    if file.name == PROJECT_FILE:
        return Place(_shown(file), root="tool.dbsession", heading="[tool.dbsession]")
    return Place(_shown(file))


def _shown(file: Path) -> str:
    """Return a file as errors name it: relative to the working directory where it is below it."""
    folder = Path.cwd()
    return str(file.relative_to(folder) if file.is_relative_to(folder) else file)
