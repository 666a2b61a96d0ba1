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
from flake8_dbsession.policy.errors import PolicyPlace, nearest
from flake8_dbsession.policy.files import Table
from flake8_dbsession.policy.model import ACCEPTABLE, GIVEN, URL_KINDS, Level, Style

STYLES = tuple(style.value for style in Style)
LEVELS = tuple(level.value for level in Level)
_RULE_NAME = r"[a-z][a-z0-9]*(-[a-z0-9]+)+"


class Kind(NamedTuple):
    """A kind of value: what errors call it, and whether a value is of it."""

    name: str
    holds: Callable[[Any], bool]


class Key(NamedTuple):
    """What a key may hold: a kind of value, and a kind of which each string in it has to be."""

    value: Kind
    each: Kind | None = None
    help: str = ""


class Entries(NamedTuple):
    """What a table with names of the user's own may hold."""

    name: Kind
    value: Kind
    each: Kind | None = None


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
    return re.fullmatch(rf"DBS[0-9]{{3}}|{_RULE_NAME}", text) is not None


def _is_selector(text: str) -> bool:
    return re.fullmatch(rf"DBS[0-9]{{0,3}}|{_RULE_NAME}", text) is not None


def _is_extended(text: str) -> bool:
    package, colon, path = text.rpartition(":")
    return path.endswith(".toml") and (not colon or package.isidentifier())


def _is_filled(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _list_of(kind: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(isinstance(item, kind) for item in value)


TEXT = Kind("a string", lambda value: isinstance(value, str))
TEXTS = Kind("a list of strings", _list_of(str))
TEXT_OR_TEXTS = Kind(
    "a string or a list of strings",
    lambda value: isinstance(value, str) or (_list_of(str)(value) and bool(value)),
)
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
CODE = Kind("a code such as `DBS101`, or a rule's name", _is_code)
SELECTOR = Kind("a code such as `DBS101`, its beginning, or a rule's name", _is_selector)
EXTENDED = Kind("a `.toml` file, or `package:file.toml` of an installed package", _is_extended)
NAME = Kind("a name", str.isidentifier)
WORD = Kind("a string with something in it", _is_filled)

POLICY = {
    "preset": Key(TEXT, help="the policy underneath"),
    "extend": Key(TEXT, each=EXTENDED, help="a policy file that this one goes on from"),
    "owners": Key(TEXTS, each=GLOB, help="the modules that may open sessions by hand"),
    "factories": Key(TEXTS, each=DOTTED, help="further session factories"),
    "connections": Key(TEXT_OR_TEXTS, each=SANCTIONED, help="what gives a connection (DBS107)"),
    "enable": Key(TEXTS, each=CODE, help="off rules to turn on"),
    "docstrings": Key(FLAG, help="whether examples in docstrings are checked (DBS110)"),
    "retired": Key(TABLE, help="retired names, each with its replacement (DBS106)"),
    "legacy": Key(TABLE, help="patterns of legacy accessors, each with its replacement (DBS104)"),
    "layers": Key(TABLES, help="parts of the project by path; the first that matches counts"),
    "ways": Key(TABLES, help="what cannot be read: ways that another package defines"),
    "engine": Key(TABLE, help="the options that an engine must have, by kind of URL (DBS503)"),
    "sqlite": Key(TABLE, help="what each sqlite3 connection must have (DBS606)"),
    "select": Key(TEXTS, each=SELECTOR, help="the codes to report"),
    "ignore": Key(TEXTS, each=SELECTOR, help="the codes to leave out"),
    "extend-select": Key(TEXTS, each=SELECTOR, help="more codes to report, such as off ones"),
    "exclude": Key(TEXTS, each=GLOB, help="files that are not checked"),
    "per-file-ignores": Key(TABLE, help="codes to leave out, by pattern of files"),
    "baseline": Key(TEXT, each=WORD, help="the known violations, which are not reported"),
    "accept": Key(TEXTS, help="the kinds of doubt that fixes may take"),
    "levels": Key(TABLE, help="error, warning or note: how much a code weighs in reports"),
}
LAYER = {
    "name": Key(TEXT, each=WORD, help="what the house calls it"),
    "paths": Key(TEXTS, each=GLOB, help="gitignore patterns, relative to the policy's folder"),
    "use": Key(TEXT_OR_TEXTS, each=SANCTIONED, help="what gives a session here"),
    "style": Key(TEXT, help="how it is used; left out: found from what `use` is"),
    "fallback": Key(TEXT, each=EXPRESSION, help="an accessor for where `use` is missing"),
    "bind": Key(TEXT, each=LINE, help="a line that stands before `use`"),
    "decorator": Key(TEXT, each=DOTTED, help="what a function that opens carries (DBS108)"),
    "allow": Key(TEXTS, each=CODE, help="codes that are silent here"),
}
WAY = {
    "name": Key(TEXT, each=SANCTIONED, help="the way, as a layer's `use` names it"),
    "style": Key(TEXT, help="how it is used"),
    "gives": Key(TEXT, help="what it gives"),
    "async": Key(FLAG, help="whether that is asynchronous"),
    "commits": Key(FLAG, help="whether its end commits"),
    "rolls-back": Key(FLAG, help="whether an error rolls back"),
    "closes": Key(FLAG, help="whether its end closes"),
}
ENGINE = {kind: Key(TABLE) for kind in URL_KINDS}
SQLITE = {"pragmas": Key(TABLE, help="the pragmas, with their values")}

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
LEVELS_BY_CODE = Entries(SELECTOR, TEXT)
FILE_IGNORES = Entries(GLOB, TEXT_OR_TEXTS, each=SELECTOR)


def check_policy(
    place: PolicyPlace, data: Table, presets: Collection[str], known: Mapping[str, str] | None
) -> None:
    """Check the data of one file, or of the options.

    Args:
        place: where the data stands.
        data: the policy's table.
        presets: the names of the presets there are.
        known: every code there is, by itself and by its rule's name; None: only the form of codes
            is checked.

    Raises:
        PolicyError: at the first thing that is wrong.
    """
    _check_keys(place, data, POLICY)
    _check_choice(place, data, "preset", presets)
    for key in ("enable", "select", "ignore", "extend-select"):
        _check_codes(place, key, data.get(key, []), known)
    _check_entries(place.table("retired"), data.get("retired", {}), RETIRED)
    _check_entries(place.table("legacy"), data.get("legacy", {}), LEGACY)
    ignores = place.table("per-file-ignores")
    _check_entries(ignores, data.get("per-file-ignores", {}), FILE_IGNORES)
    for pattern, codes in data.get("per-file-ignores", {}).items():
        _check_codes(ignores, pattern, texts_of(codes), known)
    _check_doubts(place, data.get("accept", []))
    _check_levels(place.table("levels"), data.get("levels", {}), known)
    _check_layers(place, data.get("layers", []), known)
    _check_ways(place, data.get("ways", []))
    _check_engine(place.table("engine"), data.get("engine", {}))
    _check_sqlite(place.table("sqlite"), data.get("sqlite", {}))


def texts_of(value: str | list[str]) -> list[str]:
    """Return the strings of a value that is one, or a list of them."""
    return [value] if isinstance(value, str) else value


def check_layer_paths(place: PolicyPlace, layers: list[Table], inherited: Collection[str]) -> None:
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
            at = place.entry("layers", number, layer["name"])
            raise at.error(f"{at.key('paths')} is missing or empty", "paths" if layer else "")


def _check_doubts(place: PolicyPlace, kinds: list[str]) -> None:
    for kind in kinds:
        if kind not in ACCEPTABLE:
            problem = f"{place.key('accept')} has the unknown kind of doubt `{kind}`"
            raise place.error(f"{problem}{nearest(kind, ACCEPTABLE)}", "accept", kind)


def _check_levels(place: PolicyPlace, levels: Table, known: Mapping[str, str] | None) -> None:
    _check_entries(place, levels, LEVELS_BY_CODE)
    for code, level in levels.items():
        _check_codes(place, code, [code], known)
        if level not in LEVELS:
            problem = f"{place.key(code)} has the unknown level `{level}`{nearest(level, LEVELS)}"
            raise place.error(problem, code, level)


def _check_layers(place: PolicyPlace, layers: list[Table], known: Mapping[str, str] | None) -> None:
    names: set[str] = set()
    for number, data in enumerate(layers, start=1):
        at = place.entry("layers", number, data.get("name"))
        _check_keys(at, data, LAYER)
        if "name" not in data:
            raise at.error(f"{at.key('name')} is missing")
        if data["name"] in names:
            raise at.error("there is another layer of this name", "name")
        _check_choice(at, data, "style", STYLES)
        _check_codes(at, "allow", data.get("allow", []), known)
        names.add(data["name"])


def _check_ways(place: PolicyPlace, ways: list[Table]) -> None:
    for number, data in enumerate(ways, start=1):
        at = place.entry("ways", number, data.get("name"))
        _check_keys(at, data, WAY)
        if "name" not in data:
            raise at.error(f"{at.key('name')} is missing")
        _check_choice(at, data, "style", STYLES)
        _check_choice(at, data, "gives", GIVEN)


def _check_engine(place: PolicyPlace, engine: Table) -> None:
    _check_keys(place, engine, ENGINE)
    for kind, options in engine.items():
        _check_entries(place.table(f"engine.{kind}"), options, ENGINE_OPTIONS)


def _check_sqlite(place: PolicyPlace, sqlite: Table) -> None:
    _check_keys(place, sqlite, SQLITE)
    _check_entries(place.table("sqlite.pragmas"), sqlite.get("pragmas", {}), PRAGMAS)


def _check_keys(place: PolicyPlace, table: Table, keys: Mapping[str, Key]) -> None:
    for name, value in table.items():
        key = keys.get(name)
        if key is None:
            raise place.error(f"unknown key {place.key(name)}{nearest(name, keys)}", name)
        _check_value(place, name, value, key.value)
        _check_texts(place, name, value, key.each)


def _check_entries(place: PolicyPlace, table: Table, entries: Entries) -> None:
    for name, value in table.items():
        if isinstance(value, dict):
            raise place.error(
                f"{place.key(name)} must be {entries.value.name}, not a table;"
                " a name with dots goes in quotes",
                name,
            )
        if not entries.name.holds(name):
            raise place.error(f"the key {place.key(name)} is not {entries.name.name}", name)
        _check_value(place, name, value, entries.value)
        _check_texts(place, name, value, entries.each)


def _check_value(place: PolicyPlace, name: str, value: object, kind: Kind) -> None:
    if not kind.holds(value):
        raise place.error(f"{place.key(name)} must be {kind.name}, not {_describe(value)}", name)


def _check_texts(place: PolicyPlace, name: str, value: Any, kind: Kind | None) -> None:
    for text in texts_of(value) if kind is not None else []:
        if kind is not None and not kind.holds(text):
            problem = f"{place.key(name)} has `{text}`, which is not {kind.name}"
            raise place.error(problem, name, text)


def _check_choice(place: PolicyPlace, table: Table, name: str, choices: Collection[str]) -> None:
    if name in table and table[name] not in choices:
        raise place.error(
            f"{place.key(name)} has the unknown {name} `{table[name]}`"
            f"{nearest(table[name], choices)}",
            name,
        )


def _check_codes(
    place: PolicyPlace, name: str, codes: list[str], known: Mapping[str, str] | None
) -> None:
    for code in codes if known is not None else []:
        is_beginning = any(each.startswith(code) for each in known or () if code.startswith("DBS"))
        if code not in (known or ()) and not is_beginning:
            raise place.error(
                f"{place.key(name)} has the unknown code `{code}`{nearest(code, known or ())}",
                name,
                code,
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
