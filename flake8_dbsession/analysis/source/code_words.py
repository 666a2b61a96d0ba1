"""Whether the code of a file holds words of interest, and not only what is written beside it."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Iterator
from functools import cache

from flake8_dbsession.analysis.source.mentions import GATES, NEEDLES
from flake8_dbsession.patterns import regex

# What a docstring has in it that shows code.
_EXAMPLE_MARKS = (">>>", "```", "~~~", "::", "xample", "sage:")

_WORD = regex(r"\w+")


def code_holds_words(tree: ast.Module, words: Collection[str] = ()) -> bool:
    """Tell whether a file's code may have anything to do with a database session.

    Args:
        tree: its syntax tree.
        words: further words that make it interesting, such as a policy's names.

    Returns:
        False where the words stand in comments alone, and in docstrings that show no code.
    """
    finds = _finder(frozenset(words))
    return any(map(finds, _texts(tree)))


def may_show_code(docstring: str) -> bool:
    """Tell whether a docstring has a mark of those by which examples begin."""
    return any(mark in docstring for mark in _EXAMPLE_MARKS)


def strings_of(tree: ast.Module) -> Iterator[str]:
    """Give the strings that the code works with, no docstring among them."""
    nodes: list[ast.AST] = [tree]
    for node in nodes:  # which grows meanwhile
        match node:
            case ast.Expr(value=ast.Constant()):
                pass
            case ast.Constant(value=str() as text):
                yield text
            case _:
                nodes += ast.iter_child_nodes(node)


def _texts(tree: ast.Module) -> Iterator[str]:
    """Give the names and strings of a tree, those of its outermost statements first."""
    nodes: list[ast.AST] = [tree]
    for node in nodes:  # which grows meanwhile
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            shown = node.value.value
            if isinstance(shown, str) and may_show_code(shown):
                yield shown
            continue
        for value in vars(node).values():
            for each in value if type(value) is list else (value,):
                if type(each) is str:
                    yield each
                elif type(each) is bytes:
                    yield each.decode("latin-1")
                elif isinstance(each, ast.AST):
                    nodes.append(each)


@cache
def _finder(words: frozenset[str]) -> Callable[[str], object]:
    # The word alone: a name in a tree has no parenthesis behind it and no point before it.
    plain = {(_WORD.findall(word) or [""])[0] for word in (*GATES, *NEEDLES, *words)}
    return re.compile("|".join(sorted(plain))).search
