"""Example code for each sanctioned way to a session, in the house's own names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from textwrap import indent

from flake8_dbsession.policy.model import Layer, Style
from flake8_dbsession.standard.ways import StandardWay


def pattern(layer: Layer, way: StandardWay, *, decorated: bool = True) -> str:
    """Write out how code of a layer gets its session.

    Args:
        layer: the layer.
        way: its way.
        decorated: whether the function carries the decorator that the layer asks for.

    Returns:
        A file's worth of Python.
    """
    if way.style is Style.DEPENDENCY:
        return _route(way)
    decorator = layer.decorator if decorated else None
    imports = way.imports.split("\n")
    if decorator and "." in decorator:
        imports.append("from {0} import {2}".format(*decorator.rpartition(".")))
    body = _block(way)
    if layer.bind:
        body = f"{layer.bind}\n{body}"
    if layer.fallback:
        body = _with_fallback(layer.fallback, way, body)
    function = _function(way, body)
    if decorator:
        function = f"@{decorator.rpartition('.')[2]}\n{function}"
    foreign = "from flask import current_app" if "current_app" in (layer.bind or "") else ""
    return _file(foreign, imports, _in_class(function) if way.is_of_object else function)


def block(way: StandardWay) -> str:
    """Write out a way's use alone, such as ``with get_db_session() as db:``."""
    if way.is_at_hand:
        return way.name
    if way.style is Style.REQUEST:
        return f"{way.name} = {way.use.expression}()"
    if way.style is Style.DEPENDENCY:
        return f"{way.name} = Depends({way.use.expression})"
    keyword = "async with" if way.is_async else "with"
    return f"{keyword} {way.entered} as {way.name}:"


def _file(foreign: str, own: Iterable[str], body: str) -> str:
    """Put the imports of others' and of the house's names before a body, with the usual gaps."""
    imports = [
        foreign,
        "\n".join(sorted(filter(None, own), key=lambda line: (line.startswith("from"), line))),
    ]
    head = "\n\n".join(part for part in imports if part)
    gap = "\n\n\n" if body.startswith(("def", "async", "class", "@")) else "\n\n"
    return f"{head}{gap}{body}" if head else body


def _block(way: StandardWay) -> str:
    """Write the statements that get a session and work with it."""
    work = _work(way)
    if way.is_at_hand:
        return work
    if way.style is Style.REQUEST:
        return f"{block(way)}\n{work}"
    return f"{block(way)}\n{indent(work, '    ')}"


def _work(way: StandardWay) -> str:
    """Write work that is right whether or not the way commits, as far as that is known."""
    waits = "await " if way.is_async else ""
    if way.is_connection:
        if way.is_async:
            return 'return await conn.fetchval("SELECT count(*) FROM items")'
        query = 'cursor.execute("SELECT count(*) FROM items")'
        return f"cursor = conn.cursor()\n{query}\nreturn cursor.fetchone()[0]"
    item = f"{waits}{way.name}.get(Item, item_id)"
    if way.commits is None:
        return f"item = {item}\nreturn item.name"
    commit = "" if way.commits else f"\n{waits}{way.name}.commit()"
    return f"item = {item}\nitem.name = name{commit}"


def _function(way: StandardWay, body: str) -> str:
    keyword = "async def" if way.is_async else "def"
    receiver = ["self"] if way.is_of_object else []
    if way.is_connection:
        name, parameters = "count_items", receiver
    elif way.commits is None:
        name, parameters = "item_name", [*receiver, "item_id"]
    else:
        name, parameters = "rename_item", [*receiver, "item_id", "name"]
    return f"{keyword} {name}({', '.join(parameters)}):\n{indent(body, '    ')}\n"


def _with_fallback(fallback: str, way: StandardWay, body: str) -> str:
    """Write the fallback for where the sanctioned object is missing."""
    work = indent(_work(way), " " * 8)
    return (
        f"if {way.owner}:\n{indent(body, '    ')}\n"
        f"else:\n    {way.name} = {fallback.removesuffix('()')}()\n"
        f"    try:\n{work}\n    finally:\n        {way.name}.close()"
    )


def _route(way: StandardWay) -> str:
    """Write a handler that the framework hands its session to."""
    session, module = (
        ("AsyncSession", "sqlalchemy.ext.asyncio")
        if way.is_async
        else ("Session", "sqlalchemy.orm")
    )
    foreign = "from fastapi import APIRouter, Depends"
    if way.is_connection:
        path, parameters = "/items/count", [block(way).replace(" = ", "=")]
    else:
        foreign += f"\nfrom {module} import {session}"
        given = block(way).replace(way.name, f"{way.name}: {session}", 1)
        path, parameters = "/items/{item_id}", ["item_id: int", given]
    keyword = "async def" if way.is_async else "def"
    reading = replace(way, commits=None)
    handler = (
        f'router = APIRouter()\n\n\n@router.get("{path}")\n'
        f"{keyword} show_item({', '.join(parameters)}):\n{indent(_work(reading), '    ')}\n"
    )
    return _file(foreign, [way.imports], handler)


def _in_class(function: str) -> str:
    return f"class ItemService:\n{indent(function, '    ')}"
