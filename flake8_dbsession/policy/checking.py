"""Whether the raw data of a policy is one: its keys, their types and what they say.

What a policy may hold stands here as data; one small checker holds the data of a file to it.
"""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from flake8_dbsession.globs import is_pattern
from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.policy.errors import PolicyError, PolicyPlace, nearest
from flake8_dbsession.policy.files import Table, texts_of
from flake8_dbsession.policy.model import ACCEPTABLE, GIVEN, URL_KINDS, Level, Style

_RULE_NAME = r"[a-z][a-z0-9]*(-[a-z0-9]+)+"
_CODE = rf"DBS[0-9]{{3}}|{_RULE_NAME}"
_SELECTOR = rf"DBS[0-9]{{0,3}}|{_RULE_NAME}"


class Kind(NamedTuple):
    """A kind of value.

    Attributes:
        name: what errors call it.
        holds: whether a value is of it.
        schema: what a JSON schema says of it.
    """

    name: str
    holds: Callable[[Any], bool]
    schema: Mapping[str, Any] = {}


class Choice(NamedTuple):
    """One of a few words, which are called ``what``."""

    what: str
    among: tuple[str, ...]


class Entries(NamedTuple):
    """What a table with names of the user's own may hold: names, and values as of a ``Key``."""

    name: Kind
    value: Kind
    each: Kind | Choice | None = None


class Key(NamedTuple):
    """What a key may hold.

    Attributes:
        value: the kind of its value.
        each: what each string in it has to be.
        help: what it is for.
        keys: the keys of the table that it is, or of each of its tables.
        entries: what that table holds, where its names are the user's own.
    """

    value: Kind
    each: Kind | Choice | None = None
    help: str = ""
    keys: Mapping[str, Any] = {}
    entries: Entries | None = None


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


def _matching(name: str, pattern: str) -> Kind:
    """Make the kind of the strings that match a pattern."""
    holds = re.compile(pattern).fullmatch
    return Kind(name, lambda text: holds(text) is not None, {"pattern": f"^({pattern})$"})


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
FLAG = Kind("true or false", lambda value: isinstance(value, bool), {"type": "boolean"})
TABLE = Kind("a table", lambda value: isinstance(value, dict))
TABLES = Kind("a list of tables", _list_of(dict))
SCALAR = Kind(
    "a string, a number, true or false",
    lambda value: isinstance(value, (str, int, float)),
    {"type": ["string", "number", "boolean"]},
)
SETTING = Kind(
    "a string, an integer, true or false",
    lambda value: isinstance(value, (str, int)),
    {"type": ["string", "integer", "boolean"]},
)

DOTTED = Kind("a dotted name such as `core.database.SessionLocal`", _is_dotted)
SANCTIONED = Kind("`module:name` or a dotted name such as `self.db.get_session`", _is_sanctioned)
EXPRESSION = Kind("a Python expression", _is_expression)
LINE = Kind("one line of Python", _is_line)
GLOB = Kind("a gitignore pattern", is_pattern)
CODE = _matching("a code such as `DBS101`, or a rule's name", _CODE)
SELECTOR = _matching("a code such as `DBS101`, its beginning, or a rule's name", _SELECTOR)
EXTENDED = Kind("a `.toml` file, or `package:file.toml` of an installed package", _is_extended)
NAME = Kind("a name", str.isidentifier)
WORD = Kind("a string with something in it", _is_filled, {"type": "string", "minLength": 1})
STYLE = Choice("style", tuple(style.value for style in Style))
LEVEL = Choice("level", tuple(level.value for level in Level))

LAYER = {
    "name": Key(TEXT, each=WORD, help="what the house calls it"),
    "paths": Key(TEXTS, each=GLOB, help="gitignore patterns, relative to the policy's folder"),
    "use": Key(TEXT_OR_TEXTS, each=SANCTIONED, help="what gives a session here"),
    "style": Key(TEXT, each=STYLE, help="how it is used; left out: found from what `use` is"),
    "fallback": Key(TEXT, each=EXPRESSION, help="an accessor for where `use` is missing"),
    "bind": Key(TEXT, each=LINE, help="a line that stands before `use`"),
    "decorator": Key(TEXT, each=DOTTED, help="what a function that opens carries (DBS108)"),
    "allow": Key(TEXTS, each=CODE, help="codes that are silent here"),
}
WAY = {
    "name": Key(TEXT, each=SANCTIONED, help="the way, as a layer's `use` names it"),
    "style": Key(TEXT, each=STYLE, help="how it is used"),
    "gives": Key(TEXT, each=Choice("gives", GIVEN), help="what it gives"),
    "async": Key(FLAG, help="whether that is asynchronous"),
    "commits": Key(FLAG, help="whether its end commits"),
    "rolls-back": Key(FLAG, help="whether an error rolls back"),
    "closes": Key(FLAG, help="whether its end closes"),
}
ENGINE = {kind: Key(TABLE, entries=Entries(NAME, SCALAR)) for kind in URL_KINDS}
SQLITE = {
    "pragmas": Key(TABLE, help="the pragmas, with their values", entries=Entries(NAME, SETTING))
}
POLICY = {
    "preset": Key(TEXT, help="the policy underneath"),
    "extend": Key(TEXT, each=EXTENDED, help="a policy file that this one goes on from"),
    "owners": Key(TEXTS, each=GLOB, help="the modules that may open sessions by hand"),
    "factories": Key(TEXTS, each=DOTTED, help="further session factories"),
    "connections": Key(TEXT_OR_TEXTS, each=SANCTIONED, help="what gives a connection (DBS107)"),
    "enable": Key(TEXTS, each=CODE, help="off rules to turn on"),
    "docstrings": Key(FLAG, help="whether examples in docstrings are checked (DBS110)"),
    "retired": Key(
        TABLE,
        help="retired names, each with its replacement (DBS106)",
        entries=Entries(DOTTED, WORD),
    ),
    "legacy": Key(
        TABLE,
        help="patterns of legacy accessors, each with its replacement (DBS104)",
        entries=Entries(WORD, WORD),
    ),
    "layers": Key(
        TABLES, help="parts of the project by path; the first that matches counts", keys=LAYER
    ),
    "ways": Key(TABLES, help="what cannot be read: ways that another package defines", keys=WAY),
    "engine": Key(
        TABLE, help="the options that an engine must have, by kind of URL (DBS503)", keys=ENGINE
    ),
    "sqlite": Key(TABLE, help="what each sqlite3 connection must have (DBS606)", keys=SQLITE),
    "select": Key(TEXTS, each=SELECTOR, help="the codes to report"),
    "ignore": Key(TEXTS, each=SELECTOR, help="the codes to leave out"),
    "extend-select": Key(TEXTS, each=SELECTOR, help="more codes to report, such as off ones"),
    "exclude": Key(TEXTS, each=GLOB, help="files that are not checked"),
    "per-file-ignores": Key(
        TABLE,
        help="codes to leave out, by pattern of files",
        entries=Entries(GLOB, TEXT_OR_TEXTS, SELECTOR),
    ),
    "baseline": Key(TEXT, each=WORD, help="the known violations, which are not reported"),
    "accept": Key(
        TEXTS,
        each=Choice("kind of doubt", ACCEPTABLE),
        help="the kinds of doubt that fixes may take",
    ),
    "levels": Key(
        TABLE,
        help="error, warning or note: how much a code weighs in reports",
        entries=Entries(SELECTOR, TEXT, LEVEL),
    ),
}

TYPE_NAMES: Mapping[type, str] = {
    str: "a string",
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    list: "a list",
    dict: "a table",
}


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
    _check_keys(place, data, POLICY, known)
    _check_texts(place, "preset", data.get("preset", []), Choice("preset", tuple(presets)), known)
    names: set[str] = set()
    for number, layer in enumerate(data.get("layers", []), start=1):
        if layer["name"] in names:
            at = place.entry("layers", number, layer["name"])
            raise at.error("there is another layer of this name", "name")
        names.add(layer["name"])


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


def _check_keys(
    place: PolicyPlace,
    table: Table,
    keys: Mapping[str, Key],
    known: Mapping[str, str] | None,
) -> None:
    for name, value in table.items():
        key = keys.get(name)
        if key is None:
            raise place.error(f"unknown key {place.key(name)}{nearest(name, keys)}", name)
        _check_value(place, name, value, key.value)
        _check_texts(place, name, value, key.each, known)
        if key.value is TABLES:
            for number, each in enumerate(value, start=1):
                _check_keys(place.entry(name, number, each.get("name")), each, key.keys, known)
        elif key.entries is not None:
            _check_entries(place.table(name), value, key.entries, known)
        elif key.value is TABLE:
            _check_keys(place.table(name), value, key.keys, known)
    if "name" in keys and "name" not in table:
        raise place.error(f"{place.key('name')} is missing")


def _check_entries(
    place: PolicyPlace, table: Table, entries: Entries, known: Mapping[str, str] | None
) -> None:
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
        _check_code(place, name, name, entries.name, known)
        _check_texts(place, name, value, entries.each, known)


def _check_value(place: PolicyPlace, name: str, value: object, kind: Kind) -> None:
    if not kind.holds(value):
        raise place.error(f"{place.key(name)} must be {kind.name}, not {_describe(value)}", name)


def _check_texts(
    place: PolicyPlace,
    name: str,
    value: Any,
    kind: Kind | Choice | None,
    known: Mapping[str, str] | None,
) -> None:
    for text in texts_of(value) if kind is not None else []:
        if isinstance(kind, Choice):
            if text not in kind.among:
                raise _unknown(place, name, text, kind.what, kind.among)
        elif kind is not None:
            if not kind.holds(text):
                problem = f"{place.key(name)} has `{text}`, which is not {kind.name}"
                raise place.error(problem, name, text)
            _check_code(place, name, text, kind, known)


def _check_code(
    place: PolicyPlace, name: str, text: str, kind: Kind, known: Mapping[str, str] | None
) -> None:
    """Check that a code, or its beginning, is one of those that there are."""
    if kind not in (CODE, SELECTOR) or known is None or text in known:
        return
    if not (text.startswith("DBS") and any(code.startswith(text) for code in known)):
        raise _unknown(place, name, text, "code", known)


def _unknown(
    place: PolicyPlace, name: str, text: str, what: str, among: Iterable[str]
) -> PolicyError:
    problem = f"{place.key(name)} has the unknown {what} `{text}`{nearest(text, among)}"
    return place.error(problem, name, text)


def _describe(value: object) -> str:
    """Return what a value is, in the words of TOML."""
    if isinstance(value, list) and value:
        return f"a list with {' and '.join(sorted({_type_name(item) for item in value}))}"
    if value in ([], ""):
        return f"an empty {_type_name(value).removeprefix('a ')}"
    return _type_name(value)


def _type_name(value: object) -> str:
    return TYPE_NAMES.get(type(value), "a date or time")
