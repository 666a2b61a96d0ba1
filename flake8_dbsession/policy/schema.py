"""The JSON schema of a policy, so that editors complete and check it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flake8_dbsession.policy.checking import (
    ENGINE,
    FLAG,
    LAYER,
    LEVELS,
    POLICY,
    SQLITE,
    STYLES,
    TABLE,
    TABLES,
    TEXT,
    TEXT_OR_TEXTS,
    TEXTS,
    WAY,
    Key,
    Kind,
)
from flake8_dbsession.policy.loading import preset_names
from flake8_dbsession.policy.model import ACCEPTABLE, GIVEN

_TEXT = {"type": "string"}
_CODE = r"^(DBS[0-9]{3}|[a-z][a-z0-9]*(-[a-z0-9]+)+)$"
_SELECTOR = r"^(DBS[0-9]{0,3}|[a-z][a-z0-9]*(-[a-z0-9]+)+)$"
_PATTERNS = {"enable": _CODE, "allow": _CODE}
_SELECTORS = frozenset({"select", "ignore", "extend-select"})


def schema() -> dict[str, Any]:
    """Give the schema of a ``dbsession.toml``, which is that of ``[tool.dbsession]``.

    Returns:
        A JSON schema of the draft 2020-12. What the loader asks beyond it, such as that a glob can
        match anything, no schema can say.
    """
    layer = _object(LAYER, required=("name",))
    layer["properties"]["style"] = {"enum": list(STYLES), **_described(LAYER["style"])}
    way = _object(WAY, required=("name",))
    way["properties"]["style"] = {"enum": list(STYLES), **_described(WAY["style"])}
    way["properties"]["gives"] = {"enum": list(GIVEN), **_described(WAY["gives"])}
    policy = _object(POLICY)
    options = {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}}
    settings = {"type": ["string", "integer", "boolean"]}
    named = {"type": "object", "additionalProperties": {"type": "string", "minLength": 1}}
    selectors = {"anyOf": [_selector(), {"type": "array", "items": _selector()}]}
    policy["properties"] |= {
        "preset": {"enum": list(preset_names()), **_described(POLICY["preset"])},
        "accept": {
            "type": "array",
            "items": {"enum": list(ACCEPTABLE)},
            **_described(POLICY["accept"]),
        },
        "layers": {"type": "array", "items": layer, **_described(POLICY["layers"])},
        "ways": {"type": "array", "items": way, **_described(POLICY["ways"])},
        "retired": {**named, **_described(POLICY["retired"])},
        "legacy": {**named, **_described(POLICY["legacy"])},
        "per-file-ignores": {
            "type": "object",
            "additionalProperties": selectors,
            **_described(POLICY["per-file-ignores"]),
        },
        "levels": {
            "type": "object",
            "propertyNames": {"pattern": _SELECTOR},
            "additionalProperties": {"enum": list(LEVELS)},
            **_described(POLICY["levels"]),
        },
        "engine": {
            "type": "object",
            "properties": dict.fromkeys(ENGINE, options),
            "additionalProperties": False,
            **_described(POLICY["engine"]),
        },
        "sqlite": {
            "type": "object",
            "properties": {
                "pragmas": {
                    "type": "object",
                    "additionalProperties": settings,
                    **_described(SQLITE["pragmas"]),
                }
            },
            "additionalProperties": False,
            **_described(POLICY["sqlite"]),
        },
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A database-session standard of flake8-dbsession",
        **policy,
    }


def _object(keys: Mapping[str, Key], required: tuple[str, ...] = ()) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": "object",
        "properties": {name: _of_key(name, key) for name, key in keys.items()},
        "additionalProperties": False,
    }
    return {**found, "required": list(required)} if required else found


def _of_key(name: str, key: Key) -> dict[str, Any]:
    return {**_of_kind(key.value, _item(name)), **_described(key)}


def _item(name: str) -> dict[str, Any]:
    if name in _SELECTORS:
        return _selector()
    return {**_TEXT, "pattern": _PATTERNS[name]} if name in _PATTERNS else _TEXT


def _selector() -> dict[str, Any]:
    return {**_TEXT, "pattern": _SELECTOR}


def _of_kind(kind: Kind, item: dict[str, Any]) -> dict[str, Any]:
    texts = {"type": "array", "items": item}
    forms: dict[Kind, dict[str, Any]] = {
        TEXT: item,
        TEXTS: texts,
        TEXT_OR_TEXTS: {"anyOf": [item, {**texts, "minItems": 1}]},
        FLAG: {"type": "boolean"},
        TABLE: {"type": "object"},
        TABLES: {"type": "array", "items": {"type": "object"}},
    }
    return forms[kind]


def _described(key: Key) -> dict[str, str]:
    return {"description": key.help} if key.help else {}
