"""Whether the raw data of a policy is one: its keys, their types and what they say.

What a policy may hold stands here as data; one small checker holds the data of a file to it.
"""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from flake8_dbsession.globs import is_pattern
from flake8_dbsession.policy.errors import Place, nearest
from flake8_dbsession.policy.files import Table
from flake8_dbsession.policy.model import URL_KINDS, Style

STYLES = tuple(style.value for style in Style)


class Kind(NamedTuple):
    """A kind of value: what errors call it, and whether a value is of it."""

    name: str
    holds: Callable[[Any], bool]


class Key(NamedTuple):
    """What a key may hold: a kind of value, and a kind of which each string in it has to be."""

    value: Kind
    each: Kind | None = None


class Entries(NamedTuple):
    """What a table with names of the user's own may hold."""

    name: Kind
    value: Kind


def _is_dotted(text: str) -> bool:
    return all(part.isidentifier() and not keyword.iskeyword(part) for part in text.split("."))


def _is_sanctioned(text: str) -> bool:
    return text.count(":") <= 1 and all(_is_dotted(part) for part in text.split(":"))


def _statements(text: str) -> list[ast.stmt]:
    """Return the statements of a text, none when it is not Python."""
    try:
        return ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def _is_expression(text: str) -> bool:
    statements = _statements(text)
    return len(statements) == 1 and isinstance(statements[0], ast.Expr)


def _is_line(text: str) -> bool:
    return "\n" not in text.strip() and len(_statements(text)) == 1


def _is_code(text: str) -> bool:
    return re.fullmatch(r"DBS[0-9]{3}", text) is not None


def _is_filled(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _list_of(kind: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(isinstance(item, kind) for item in value)


TEXT = Kind("a string", lambda value: isinstance(value, str))
TEXTS = Kind("a list of strings", _list_of(str))
FLAG = Kind("true or false", lambda value: isinstance(value, bool))
TABLE = Kind("a table", lambda value: isinstance(value, dict))
TABLES = Kind("a list of tables", _list_of(dict))
SCALAR = Kind(
    "a string, a number, true or false", lambda value: isinstance(value, (str, int, float))
)
SETTING = Kind("a string, an integer, true or false", lambda value: isinstance(value, (str, int)))

DOTTED = Kind("a dotted name such as `core.database.SessionLocal`", _is_dotted)
SANCTIONED = Kind("`module:name` or a dotted name such as `self.db.get_session`", _is_sanctioned)
EXPRESSION = Kind("a Python expression", _is_expression)
LINE = Kind("one line of Python", _is_line)
GLOB = Kind("a gitignore pattern", is_pattern)
CODE = Kind("a code such as `DBS101`", _is_code)
NAME = Kind("a name", str.isidentifier)
WORD = Kind("a string with something in it", _is_filled)

POLICY = {
    "preset": Key(TEXT),
    "owners": Key(TEXTS, each=GLOB),
    "factories": Key(TEXTS, each=DOTTED),
    "connections": Key(TEXT, each=SANCTIONED),
    "enable": Key(TEXTS, each=CODE),
    "docstrings": Key(FLAG),
    "retired": Key(TABLE),
    "legacy": Key(TABLE),
    "layers": Key(TABLES),
    "engine": Key(TABLE),
    "sqlite": Key(TABLE),
}
LAYER = {
    "name": Key(TEXT, each=WORD),
    "paths": Key(TEXTS, each=GLOB),
    "use": Key(TEXT, each=SANCTIONED),
    "style": Key(TEXT),
    "fallback": Key(TEXT, each=EXPRESSION),
    "bind": Key(TEXT, each=LINE),
    "decorator": Key(TEXT, each=DOTTED),
    "allow": Key(TEXTS, each=CODE),
}
ENGINE = {kind: Key(TABLE) for kind in URL_KINDS}
SQLITE = {"pragmas": Key(TABLE)}

TYPE_NAMES: Mapping[type, str] = {
    str: "a string",
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    list: "a list",
    dict: "a table",
}

RETIRED = Entries(DOTTED, WORD)
LEGACY = Entries(WORD, WORD)
ENGINE_OPTIONS = Entries(NAME, SCALAR)
PRAGMAS = Entries(NAME, SETTING)


def check_policy(
    place: Place, data: Table, presets: Collection[str], known_codes: frozenset[str] | None
) -> None:
    """Check the data of one file, or of the options.

    Args:
        place: where the data stands.
        data: the policy's table.
        presets: the names of the presets there are.
        known_codes: every code there is; None: only the form of codes is checked.

    Raises:
        PolicyError: at the first thing that is wrong.
    """
    _check_keys(place, data, POLICY)
    _check_choice(place, data, "preset", presets)
    _check_codes(place, data, "enable", known_codes)
    _check_entries(place.table("retired"), data.get("retired", {}), RETIRED)
    _check_entries(place.table("legacy"), data.get("legacy", {}), LEGACY)
    _check_layers(place, data.get("layers", []), known_codes)
    _check_engine(place.table("engine"), data.get("engine", {}))
    _check_sqlite(place.table("sqlite"), data.get("sqlite", {}))


def check_layer_paths(place: Place, layers: list[Table], inherited: Collection[str]) -> None:
    """Check that each layer has paths, of its own or from the preset.

    Args:
        place: where the policy stands.
        layers: its layers, which ``check_policy`` found right.
        inherited: the names of the layers that the preset has paths for.

    Raises:
        PolicyError: a layer has none.
    """
    for number, layer in enumerate(layers, start=1):
        if not layer.get("paths", layer["name"] in inherited):
            at = place.layer(number, layer["name"])
            raise at.error(f"{at.key('paths')} is missing or empty")


def _check_layers(place: Place, layers: list[Table], known_codes: frozenset[str] | None) -> None:
    names: set[str] = set()
    for number, data in enumerate(layers, start=1):
        at = place.layer(number, data.get("name"))
        _check_keys(at, data, LAYER)
        if "name" not in data:
            raise at.error(f"{at.key('name')} is missing")
        if data["name"] in names:
            raise at.error("there is another layer of this name")
        _check_choice(at, data, "style", STYLES)
        _check_codes(at, data, "allow", known_codes)
        names.add(data["name"])


def _check_engine(place: Place, engine: Table) -> None:
    _check_keys(place, engine, ENGINE)
    for kind, options in engine.items():
        _check_entries(place.table(f"engine.{kind}"), options, ENGINE_OPTIONS)


def _check_sqlite(place: Place, sqlite: Table) -> None:
    _check_keys(place, sqlite, SQLITE)
    _check_entries(place.table("sqlite.pragmas"), sqlite.get("pragmas", {}), PRAGMAS)


def _check_keys(place: Place, table: Table, keys: Mapping[str, Key]) -> None:
    for name, value in table.items():
        key = keys.get(name)
        if key is None:
            raise place.error(f"unknown key {place.key(name)}{nearest(name, keys)}")
        _check_value(place, name, value, key.value)
        if key.each is not None:
            for text in [value] if isinstance(value, str) else value:
                _check_text(place, name, text, key.each)


def _check_entries(place: Place, table: Table, entries: Entries) -> None:
    for name, value in table.items():
        if isinstance(value, dict):
            raise place.error(
                f"{place.key(name)} must be {entries.value.name}, not a table;"
                " a name with dots goes in quotes"
            )
        if not entries.name.holds(name):
            raise place.error(f"the key {place.key(name)} is not {entries.name.name}")
        _check_value(place, name, value, entries.value)


def _check_value(place: Place, name: str, value: object, kind: Kind) -> None:
    if not kind.holds(value):
        raise place.error(f"{place.key(name)} must be {kind.name}, not {_describe(value)}")


def _check_text(place: Place, name: str, text: str, kind: Kind) -> None:
    if not kind.holds(text):
        raise place.error(f"{place.key(name)} has `{text}`, which is not {kind.name}")


def _check_choice(place: Place, table: Table, name: str, choices: Collection[str]) -> None:
    if name in table and table[name] not in choices:
        raise place.error(
            f"{place.key(name)} has the unknown {name} `{table[name]}`"
            f"{nearest(table[name], choices)}"
        )


def _check_codes(place: Place, table: Table, name: str, known_codes: frozenset[str] | None) -> None:
    for code in table.get(name, []):
        if known_codes is not None and code not in known_codes:
            raise place.error(
                f"{place.key(name)} has the unknown code `{code}`{nearest(code, known_codes)}"
            )


def _describe(value: object) -> str:
    """Return what a value is, in the words of TOML."""
    if isinstance(value, list) and value:
        return f"a list with {' and '.join(sorted({_type_name(item) for item in value}))}"
    if value in ([], ""):
        return f"an empty {_type_name(value).removeprefix('a ')}"
    return _type_name(value)


def _type_name(value: object) -> str:
    return TYPE_NAMES.get(type(value), "a date or time")
