"""Where a piece of code stands: its statement, and the blocks around that."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.effects.optional import may_give_none
from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition
from flake8_dbsession.analysis.names.scopes import FUNCTIONS
from flake8_dbsession.analysis.nodes import blocks, start_of
from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Refusal


class PlacedStatement(NamedTuple):
    """A statement in its block.

    Attributes:
        statement: the statement.
        block: the statements that it stands among.
        owner: what the block belongs to: a compound statement, a handler, a case, the module.
    """

    statement: ast.stmt
    block: list[ast.stmt]
    owner: ast.AST

    @property
    def after(self) -> list[ast.stmt]:
        """The statements of the block that come after this one."""
        return self.block[self.block.index(self.statement) + 1 :]


def places(node: ast.stmt | ast.expr, module: ast.Module) -> list[PlacedStatement]:
    """Find the statements that a node lies in.

    Args:
        node: a statement or expression.
        module: the file's syntax tree.

    Returns:
        The places of the statements, the outermost first and the node's own last.
    """
    found: list[PlacedStatement] = []
    blocks: list[tuple[ast.AST, list[ast.stmt]]] = [(module, module.body)]
    while blocks:
        owner, block = blocks.pop()
        for statement in block:
            if _spans(statement, node):
                found.append(PlacedStatement(statement, block, owner))
                blocks = list(_blocks(statement))
                break
    return found


def place_of(node: ast.stmt | ast.expr, module: ast.Module) -> PlacedStatement:
    """Give the place of the statement that a node belongs to."""
    return places(node, module)[-1]


def called_alone(statement: ast.stmt) -> ast.Call | None:
    """Give the call that a statement consists of, awaited or not."""
    match statement:
        case (
            ast.Expr(value=ast.Call() as call) | ast.Expr(value=ast.Await(value=ast.Call() as call))
        ):
            return call
    return None


def place_of_call(call: ast.Call, module: ast.Module) -> list[PlacedStatement]:
    """Find the statements that a call lies in, the last of which has to be the call itself.

    Raises:
        Refusal: it is a part of another expression.
    """
    found = places(call, module)
    if called_alone(found[-1].statement) is not call:
        raise Refusal("it is a part of another expression")
    return found


def _blocks(statement: ast.stmt) -> Iterator[tuple[ast.AST, list[ast.stmt]]]:
    parts = [statement, *getattr(statement, "handlers", ()), *getattr(statement, "cases", ())]
    for part in parts:
        yield from ((part, block) for block in blocks(part))


def _spans(outer: ast.stmt, node: ast.stmt | ast.expr) -> bool:
    end = (outer.end_lineno or 0, outer.end_col_offset or 0)
    inner_end = (node.end_lineno or 0, node.end_col_offset or 0)
    first = min([outer, *getattr(outer, "decorator_list", ())], key=start_of)
    return start_of(first) <= start_of(node) and inner_end <= end


def refuse_optional(acquisition: Acquisition, document: Document) -> None:
    """Refuse to put a block around what may be None.

    Raises:
        Refusal: what is called may give None.
    """
    inference = document.context.file.inference
    if may_give_none(acquisition.node, acquisition.scope, inference):
        raise Refusal(f"`{acquisition.text}` may give None")


def refuse_without_await(node: ast.stmt | ast.expr, document: Document) -> None:
    """Leave asynchronous work alone where it stands in no ``async def``.

    Raises:
        Refusal: nothing can be awaited there.
    """
    owners = (place.owner for place in reversed(places(node, document.tree)))
    functions = (each for each in owners if isinstance(each, FUNCTIONS))
    if not isinstance(next(functions, None), ast.AsyncFunctionDef):
        raise Refusal("only an `async def` can wait for it")
