"""The JSON schema of a policy, so that editors complete and check it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flake8_dbsession.policy.checking import (
    POLICY,
    TABLES,
    TEXT,
    TEXT_OR_TEXTS,
    TEXTS,
    Choice,
    Entries,
    Key,
    Kind,
)
from flake8_dbsession.policy.loading import preset_names

_TEXT = {"type": "string"}


def schema() -> dict[str, Any]:
    """Give the schema of a ``dbsession.toml``, which is that of ``[tool.dbsession]``.

    Returns:
        A JSON schema of the draft 2020-12. What the loader asks beyond it, such as that a glob can
        match anything, no schema can say.
    """
    preset = POLICY["preset"]._replace(each=Choice("preset", preset_names()))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A database-session standard of flake8-dbsession",
        **_object({**POLICY, "preset": preset}),
    }


def _object(keys: Mapping[str, Key]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: _of_key(key) for name, key in keys.items()},
        "additionalProperties": False,
        **({"required": ["name"]} if "name" in keys else {}),
    }


def _of_key(key: Key) -> dict[str, Any]:
    help_text = {"description": key.help} if key.help else {}
    return {**_of_value(key), **help_text}


def _of_value(key: Key) -> dict[str, Any]:
    if key.value is TABLES:
        return {"type": "array", "items": _object(key.keys)}
    if key.entries is not None:
        return _of_entries(key.entries)
    return _object(key.keys) if key.keys else _of_kind(key.value, key.each)


def _of_entries(entries: Entries) -> dict[str, Any]:
    names = {"propertyNames": dict(entries.name.schema)} if entries.name.schema else {}
    value = _of_kind(entries.value, entries.each)
    return {"type": "object", **names, "additionalProperties": value}


def _of_kind(kind: Kind, each: Kind | Choice | None) -> dict[str, Any]:
    item = {"enum": list(each.among)} if isinstance(each, Choice) else _of_text(each)
    texts = {"type": "array", "items": item}
    if kind is TEXT:
        return item
    if kind is TEXTS:
        return texts
    if kind is TEXT_OR_TEXTS:
        return {"anyOf": [item, {**texts, "minItems": 1}]}
    return dict(kind.schema)


def _of_text(kind: Kind | None) -> dict[str, Any]:
    return {**_TEXT, **(kind.schema if kind is not None else {})}
