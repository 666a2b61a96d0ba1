"""Which words of a test's code may run something, and which only name it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence, Set

from flake8_dbsession.analysis.names.scopes import last_segment
from flake8_dbsession.analysis.nodes import nodes_in
from flake8_dbsession.fixes.doubts.during import words_of
from flake8_dbsession.fixes.doubts.replaced import words_beside
from flake8_dbsession.named_tuples import NamedTuple

# What begins an object, or begins it anew, without naming its class.
_BEGINS = frozenset({"__class__", "__init__", "__post_init__"})
_COMPARES = frozenset({"isinstance", "issubclass"})
_SHAPES = frozenset({"spec", "spec_set"})  # say how a mock is to look


class Said(NamedTuple):
    """The words of a test's code, its comments and docstrings left out.

    Attributes:
        running: those that may run what they name; none of what is only replaced by that name.
        making: those that may make an object, where they name a class.
    """

    running: frozenset[str]
    making: frozenset[str]


def said_by(nodes: Sequence[ast.AST], replaced: Set[ast.AST], holders: Set[ast.AST]) -> Said:
    """Tell what some code of a test may run by its words.

    Args:
        nodes: all nodes of the code that runs for the test.
        replaced: those that only name what the test replaces.
        holders: those that stand for what it replaces that in.
    """
    unsaid = {*replaced, *_docstrings(nodes)}
    imported = (words_of(node) for node in nodes if isinstance(node, ast.alias))
    running = words_beside(nodes, unsaid).union(*imported)
    if makes_again(nodes):
        return Said(running, running)
    return Said(running, words_beside(nodes, {*unsaid, *holders, *_unmade(nodes)}))


def makes_again(nodes: Sequence[ast.AST]) -> bool:
    """Tell whether code may begin an object by another one, or begin one anew."""
    read = {n.value for n in nodes if isinstance(n, ast.Attribute) and n.attr not in _BEGINS}
    left_out = {*read, *_docstrings(nodes)}
    return any(
        _asks_type(node) or not _BEGINS.isdisjoint(words_of(node))
        for node in nodes
        if node not in left_out
    )


def _asks_type(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and last_segment(node.func) == "type"


def _docstrings(nodes: Sequence[ast.AST]) -> Iterator[ast.AST]:
    said = (node.value for node in nodes if isinstance(node, ast.Expr))
    return (value for value in said if isinstance(value, ast.Constant))


def _unmade(nodes: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """Give the nodes that name a class where no object of it is made as its calls make one."""
    for call in (node for node in nodes if isinstance(node, ast.Call)):
        match call.func:
            case ast.Attribute(value=owner, attr="__new__"):
                yield owner
                yield from call.args[:1]
            case ast.Name(id=name) if name in _COMPARES:
                yield from (node for given in call.args[1:] for node in nodes_in(given))
        yield from (keyword.value for keyword in call.keywords if keyword.arg in _SHAPES)
