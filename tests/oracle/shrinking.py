"""Makes a program smaller that the analysis and the runs disagree about."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

_BODIES = ("body", "orelse", "finalbody", "handlers", "cases", "items")


def shrunk(source: str, is_wanted: Callable[[str], bool]) -> str:
    """Leave out statements, or put the inside of one in its place, while something stays true.

    Args:
        source: the program.
        is_wanted: what stays true.

    Returns:
        A smaller program, of which nothing more can be left out.
    """
    smaller: str | None = source
    while smaller is not None:
        source = smaller
        smaller = next((each for each in _smaller(source) if is_wanted(each)), None)
    return source


def _smaller(source: str) -> Iterator[str]:
    lists = [
        (number, field)
        for number, node in enumerate(ast.walk(ast.parse(source)))
        for field in _BODIES
        if number and isinstance(getattr(node, field, None), list)
    ]
    for number, field in lists:
        for index in range(len(_part(ast.parse(source), number, field))):
            for replaces in (_nothing, _inside):
                tree = ast.parse(source)
                part = _part(tree, number, field)
                part[index : index + 1] = replaces(part[index])
                try:
                    text = ast.unparse(tree)
                    compile(text, "shrunk", "exec")
                except (SyntaxError, ValueError):
                    continue
                if len(text) < len(source) and _ends(text):
                    yield text


def _ends(text: str) -> bool:
    """Tell whether no loop has lost what ends it."""
    return text.count("while True:") <= text.count("if tired():")


def _part(tree: ast.AST, number: int, field: str) -> list[ast.AST]:
    node = list(ast.walk(tree))[number]
    part: list[ast.AST] = getattr(node, field)
    return part


def _nothing(_node: ast.AST) -> list[ast.AST]:
    return []


def _inside(node: ast.AST) -> list[ast.AST]:
    return [*getattr(node, "body", []), *getattr(node, "orelse", [])]
