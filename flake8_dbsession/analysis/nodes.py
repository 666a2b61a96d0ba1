"""The nodes of a syntax tree: what lies in one, and what of that runs with it."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TypeGuard, TypeVar

Node = TypeVar("Node", bound="ast.AST | None")

LEAVES = frozenset({ast.Constant, ast.Name, ast.Pass, ast.alias})
"""Most nodes of a tree are of these types, which have no nodes inside."""

_OWN = "_own_nodes"
_RUN_LATER = LEAVES.union({ast.AsyncFunctionDef, ast.ClassDef, ast.FunctionDef, ast.Lambda})
_PLAIN_FIELDS = frozenset(
    {"arg", "asname", "attr", "conversion", "ctx", "id", "is_async", "kind", "kwd_attrs", "level"}
    | {"lineno", "module", "op", "ops", "rest", "simple", "str", "tag", "type_comment"}
    | {"type_ignores"}
)
_PLAIN: dict[type[ast.AST], frozenset[str]] = {
    ast.Constant: frozenset({"value"}),
    ast.Global: frozenset({"names"}),
    ast.MatchSingleton: frozenset({"value"}),
    ast.Nonlocal: frozenset({"names"}),
}


def _parts(kind: type[ast.AST]) -> tuple[str, ...]:
    plain = _PLAIN_FIELDS | _PLAIN.get(kind, frozenset())
    # Of all names only that of ``type X = ...`` is a node.
    return tuple(
        field
        for field in kind._fields
        if field not in plain and (field != "name" or kind.__name__ == "TypeAlias")
    )


PARTS: dict[type[ast.AST], tuple[str, ...]] = {
    kind: _parts(kind)
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST)
}
"""The fields of each type of node that can hold nodes, marks of operations left out."""

LAST_FIRST = {kind: parts[::-1] for kind, parts in PARTS.items()}
"""The same in the order in which a stack takes them."""


def children(node: ast.AST) -> list[ast.AST]:
    """Give the nodes right inside a node, those that only mark an operation left out."""
    found: list[ast.AST] = []
    for name in PARTS[type(node)]:
        value = getattr(node, name, None)
        if not value:
            continue
        if type(value) is list:
            found += filter(None, value)
        else:
            found.append(value)
    return found


def constants_in(parts: Sequence[ast.AST | None]) -> tuple[object, ...]:
    """Give the values of constants; nothing where one of the parts is none."""
    values = tuple(part.value for part in parts if isinstance(part, ast.Constant))
    return values if len(values) == len(parts) else ()


def start_of(node: ast.AST) -> tuple[int, int]:
    """Give the line and column where a statement or expression begins."""
    return node.lineno, node.col_offset  # type: ignore[attr-defined]


def first_line(node: ast.stmt) -> int:
    """Give the line on which a statement begins, its decorators included."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(each.lineno for each in decorators)])


def is_name(node: ast.AST | None, name: str | None) -> TypeGuard[ast.Name]:
    """Tell whether a node is some name."""
    return isinstance(node, ast.Name) and node.id == name


def is_super(node: ast.AST) -> bool:
    """Tell whether a node is ``super()``: a method's object, with the methods of its bases."""
    return isinstance(node, ast.Call) and is_name(node.func, "super") and not node.args


def dotted_name(node: ast.AST | None) -> str:
    """Spell a name or chain of attributes such as ``os.path.join``; empty for anything else."""
    segments: list[str] = []
    while isinstance(node, ast.Attribute):
        segments.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([node.id, *reversed(segments)])


def names(node: ast.AST, *sought: str | None) -> bool:
    """Tell whether one of some names stands in a node."""
    return any(isinstance(part, ast.Name) and part.id in sought for part in nodes_in(node))


def keyword_of(call: ast.Call, *sought: str) -> ast.expr | None:
    """Give a call's argument by its keyword, which may be spelled in several ways; else None."""
    return next((each.value for each in call.keywords if each.arg in sought), None)


def blocks(node: ast.AST | None) -> list[list[ast.stmt]]:
    """Give the lists of statements of a node, but for those of its handlers and cases."""
    found = (getattr(node, field, None) for field in ("body", "orelse", "finalbody"))
    return [block for block in found if isinstance(block, list)]


def block_with(statement: ast.AST, node: ast.AST | None) -> list[ast.stmt]:
    """Give that list of a node's in which a statement stands; an empty one where none has it."""
    return next((block for block in blocks(node) if statement in block), [])


def statements_after(statement: ast.AST, node: ast.AST | None) -> list[ast.stmt]:
    """Give the statements that come after one in the same list of a node."""
    block = block_with(statement, node)
    return block[block.index(statement) + 1 :] if block else []  # type: ignore[arg-type]


def unawaited(node: Node) -> Node | ast.expr:
    """Give what is awaited; the node itself where it is no ``await``."""
    return node.value if isinstance(node, ast.Await) else node


def root_of(place: ast.expr) -> ast.expr:
    """Give what a place leads on from: ``conns`` of ``conns[key].pool``."""
    while isinstance(place, (ast.Attribute, ast.Subscript)):
        place = place.value
    return place


def arguments(call: ast.Call) -> list[ast.expr]:
    """Give a call's arguments, those by position first."""
    return [*call.args, *(keyword.value for keyword in call.keywords)]


def shown(call: ast.Call, *, longest: int = 40) -> str:
    """Give a call as it is written, its arguments left out where it is longer.

    Args:
        call: the call.
        longest: how many characters it may have.
    """
    written = ast.unparse(call)
    return written if len(written) <= longest else f"{ast.unparse(call.func)}(...)"


def own_nodes(root: ast.AST) -> list[ast.AST]:
    """Give what runs with a node itself: not the bodies of the functions and classes in it.

    Args:
        root: the node to begin with; where it is a function, its own body is walked.

    Returns:
        The nodes in the order of the text, ``root`` left out: the same list each time.
    """
    known: dict[str, list[ast.AST]] = root.__dict__  # asked by nearly every fact of a function
    if _OWN not in known:
        known[_OWN] = _walked(children(root), _RUN_LATER)
    return known[_OWN]


def run_with(root: ast.AST) -> list[ast.AST]:
    """Give a node and what runs with it, for once: no list of it is kept."""
    return _walked([root], _RUN_LATER)


def nodes_in(root: ast.AST) -> list[ast.AST]:
    """Give a node and all inside it, in the order of the text; marks of operations left out."""
    return _walked([root], LEAVES)


def _walked(nodes: list[ast.AST], ends: frozenset[type[ast.AST]]) -> list[ast.AST]:
    """Give nodes and what is inside them, but for what is inside nodes of some types."""
    found: list[ast.AST] = []
    stack = nodes[::-1]
    while stack:
        node = stack.pop()
        found.append(node)
        kind = type(node)
        if kind in ends:
            continue
        for name in LAST_FIRST[kind]:
            value = getattr(node, name, None)
            if not value:
                continue
            if type(value) is list:
                stack += filter(None, value[::-1])
            else:
                stack.append(value)
    return found
