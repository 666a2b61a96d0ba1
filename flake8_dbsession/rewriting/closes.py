"""The statements that end a session by hand, found and taken away."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

import libcst as cst

from flake8_dbsession.analysis.flow.calls import raises_by_name
from flake8_dbsession.analysis.names.scopes import FUNCTIONS, LOOPS
from flake8_dbsession.rewriting.edits import Refusal
from flake8_dbsession.rewriting.region import Statement, parted
from flake8_dbsession.rewriting.said import speaks_of_end

NAMES_HERE = frozenset({"dir", "locals", "vars"})
"""These give the names that a function has bound so far."""

_LEAVES = (ast.Return, ast.Raise, ast.Break, ast.Continue)


def mentions(node: ast.AST, name: str) -> bool:
    """Tell whether a name is read or bound anywhere in a node."""
    return any(isinstance(part, ast.Name) and part.id == name for part in ast.walk(node))


def is_call_on(statement: ast.stmt, name: str, method: str) -> bool:
    """Tell whether a statement is ``name.method()``, awaited or not."""
    match statement:
        case (
            ast.Expr(value=ast.Await(value=ast.Call() as call)) | ast.Expr(value=ast.Call() as call)
        ):
            match call.func:
                case ast.Attribute(value=ast.Name(id=found), attr=attribute):
                    return (found, attribute) == (name, method) and not call.args
    return False


def closes_early(body: Sequence[ast.stmt], name: str, *, is_last: bool = True) -> bool:
    """Tell whether work goes on after a close, so that a block would hold its connection longer.

    Args:
        body: the statements.
        name: the session's name.
        is_last: whether nothing comes after the statements.
    """
    for index, statement in enumerate(body):
        rest = body[index + 1 :]
        ends = is_last and not rest
        if is_call_on(statement, name, "close"):
            if not ends and not (rest and isinstance(rest[0], _LEAVES)):
                return True
        elif not isinstance(statement, (*FUNCTIONS, ast.ClassDef)):
            ends = ends and not isinstance(statement, LOOPS)
            if any(closes_early(part, name, is_last=ends) for part in _parts(statement)):
                return True
    return False


def _parts(statement: ast.stmt) -> list[list[ast.stmt]]:
    """Give the blocks of a statement, but for a ``finally``, after which nothing is expected."""
    nodes = [statement, *getattr(statement, "handlers", ()), *getattr(statement, "cases", ())]
    blocks = [getattr(node, field, None) for node in nodes for field in ("body", "orelse")]
    return [block for block in blocks if isinstance(block, list)]


def without_closes(
    statements: Sequence[Statement], name: str, *, rolls_back: bool = True
) -> list[Statement]:
    """Take away the closes of a session, and what was there only for them.

    Args:
        statements: the statements.
        name: the session's name.
        rolls_back: whether what takes the place of the closes rolls back when an error passes.

    Raises:
        Refusal: a close stands where it cannot be taken away.
    """
    block = cst.IndentedBlock(statements).visit(_GapsBelow(name))
    assert isinstance(block, cst.IndentedBlock)
    block = block.visit(_Cleaner(name, ("close",)))
    assert isinstance(block, cst.IndentedBlock)
    if _still_calls(block, name):
        raise Refusal("it is closed in a place of its own")
    if not rolls_back:
        return block_of(block)
    return [part for statement in block_of(block) for part in _without_try(statement, name)]


def without_tail(
    statement: Statement, name: str, tells: Callable[[ast.Call], bool]
) -> tuple[Statement, list[Statement]]:
    """Part a ``try`` from what its ``finally`` does after it closed a session.

    Args:
        statement: any statement.
        name: the session's name.
        tells: whether a call only writes a line to a log, which may be done before the close.

    Returns:
        The statement, and what has to be done when the session is closed: nothing for a statement
        of another kind, or where that only logs, and says nothing of the close.

    Raises:
        Refusal: that uses the session.
    """
    if not isinstance(statement, cst.Try) or statement.finalbody is None:
        return statement, []
    final = block_of(statement.finalbody.body)
    last = next((i for i in reversed(range(len(final))) if _still_calls(final[i], name)), None)
    if last is None or all(_only_tells(each, tells) for each in final[last + 1 :]):
        return statement, []
    if any(_names(part, name) for part in final[last + 1 :]):
        raise Refusal("its `finally` uses it after its close")
    body = statement.finalbody.body.with_changes(body=final[: last + 1])
    kept = statement.finalbody.with_changes(body=body)
    return statement.with_changes(finalbody=kept), final[last + 1 :]


def _only_tells(statement: Statement, tells: Callable[[ast.Call], bool]) -> bool:
    match statement:
        case cst.SimpleStatementLine(body=[cst.Expr(value=cst.Call() as written)]):
            call = ast.parse(cst.Module([]).code_for_node(written), mode="eval").body
            return isinstance(call, ast.Call) and tells(call) and not speaks_of_end(call)
    return False


def _names(node: cst.CSTNode, name: str) -> bool:
    if isinstance(node, cst.Name) and node.value == name:
        return True
    return any(_names(child, name) for child in node.children)


def names_any(statements: Sequence[Statement], name: str) -> bool:
    """Tell whether statements read or bind a name."""
    return any(_names(statement, name) for statement in statements)


def last_call(statements: Sequence[Statement], name: str, method: str) -> int | None:
    """Give the index of the last statement that is a call of a session's method, by itself.

    Args:
        statements: the statements.
        name: the session's name.
        method: the method.

    Returns:
        The index; None where there is none, or a comment stands beside it.
    """
    for index in reversed(range(len(statements))):
        match statements[index]:
            case cst.SimpleStatementLine(body=[call]) as line if _is_call(call, name, (method,)):
                above = any(each.comment for each in line.leading_lines)
                return None if above or line.trailing_whitespace.comment else index
    return None


def calls(statements: Sequence[Statement], name: str, method: str) -> int:
    """Count the statements in some others that call a session's method."""
    nodes: list[cst.CSTNode] = [*statements]
    count = 0
    while nodes:
        node = nodes.pop()
        if isinstance(node, cst.BaseSmallStatement):
            count += _is_call(node, name, (method,))
        elif not isinstance(node, cst.BaseExpression):
            nodes += node.children
    return count


def leaves_commit(old: Sequence[Statement], new: Sequence[Statement], name: str) -> bool:
    """Tell whether code leaves a commit of a session to others that it made before."""
    return calls(new, name, "commit") < calls(old, name, "commit")


def keeps_ends(old: Sequence[Statement], new: Sequence[Statement], name: str) -> bool:
    """Tell whether code commits and rolls back a session as often as before."""
    return all(calls(old, name, m) == calls(new, name, m) for m in ("commit", "rollback"))


def _without_try(statement: Statement, name: str) -> list[Statement]:
    if isinstance(statement, cst.Try) and _left_to_the_provider(statement, name):
        return _inside(statement)
    return [statement]


def without_rollbacks(statement: cst.Try, name: str) -> cst.Try:
    """Take the rollbacks out of the handlers of a ``try`` that comes to stand around the block."""
    handlers = [handler.visit(_Cleaner(name, ("rollback",))) for handler in statement.handlers]
    return statement.with_changes(handlers=handlers)


class _GapsBelow(cst.CSTTransformer):
    """Gives the blank lines above a close to the statement below, where that has none above it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def leave_IndentedBlock(  # noqa: N802 - LibCST's name
        self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock
    ) -> cst.IndentedBlock:
        body = block_of(updated_node)
        for index, statement in enumerate(body[:-1]):
            is_close = isinstance(statement, cst.SimpleStatementLine) and _is_call(
                statement.body[0], self._name, ("close",)
            )
            if is_close and not body[index + 1].leading_lines:
                gap, (body[index],) = parted([statement])
                body[index + 1] = body[index + 1].with_changes(leading_lines=gap)
        return updated_node.with_changes(body=body)


class _Cleaner(cst.CSTTransformer):
    """Takes away calls of a session's methods, and the blocks that are empty without them."""

    def __init__(self, name: str, methods: tuple[str, ...]) -> None:
        self._name = name
        self._methods = methods

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:  # noqa: N802 - LibCST's name
        return False

    def leave_SimpleStatementLine(  # noqa: N802 - LibCST's name
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.SimpleStatementLine | cst.RemovalSentinel:
        is_alone = len(updated_node.body) == 1
        if is_alone and _is_call(updated_node.body[0], self._name, self._methods):
            return cst.RemoveFromParent()
        return updated_node

    def leave_If(  # noqa: N802 - LibCST's name
        self, original_node: cst.If, updated_node: cst.If
    ) -> cst.If | cst.RemovalSentinel:
        is_emptied = _is_emptied(original_node.body, updated_node.body)
        if is_emptied and not updated_node.orelse and _asks_for(updated_node.test, self._name):
            return cst.RemoveFromParent()
        return updated_node

    def leave_Try(  # noqa: N802 - LibCST's name
        self, original_node: cst.Try, updated_node: cst.Try
    ) -> cst.BaseStatement | cst.FlattenSentinel[cst.BaseStatement] | cst.RemovalSentinel:
        final, old = updated_node.finalbody, original_node.finalbody
        if _is_emptied(original_node.body, updated_node.body):
            return cst.RemoveFromParent() if _only_quiets(updated_node) else original_node
        if not (final and old and _is_emptied(old.body, final.body)):
            return updated_node
        if updated_node.handlers:
            return updated_node.with_changes(finalbody=None)
        return cst.FlattenSentinel(_inside(updated_node))

    def leave_With(  # noqa: N802 - LibCST's name
        self, original_node: cst.With, updated_node: cst.With
    ) -> cst.With | cst.RemovalSentinel:
        is_emptied = _is_emptied(original_node.body, updated_node.body)
        if is_emptied and all(map(_suppresses, updated_node.items)):
            return cst.RemoveFromParent()
        return updated_node


def _only_quiets(statement: cst.Try) -> bool:
    """Tell whether a ``try`` does nothing but to pass over errors, or to log them."""
    if statement.orelse or statement.finalbody:
        return False
    handled = [part for handler in statement.handlers for part in _lines_of(handler.body)]
    return all(_passes(each) or _only_tells(each, _is_quiet) for each in handled)


def _lines_of(suite: cst.BaseSuite) -> list[Statement]:
    if isinstance(suite, cst.SimpleStatementSuite):
        return [cst.SimpleStatementLine(suite.body)]
    return block_of(suite)


def _passes(statement: Statement) -> bool:
    match statement:
        case cst.SimpleStatementLine(body=[cst.Pass() | cst.Expr(value=cst.Ellipsis())]):
            return True
    return False


def _is_quiet(call: ast.Call) -> bool:
    return not raises_by_name(call)


def _suppresses(item: cst.WithItem) -> bool:
    match item.item:
        case cst.Call(func=cst.Name(value=name) | cst.Attribute(attr=cst.Name(value=name))):
            return name == "suppress"
    return False


def _left_to_the_provider(statement: cst.Try, name: str) -> bool:
    """Tell whether all that a ``try`` does is to roll back and to raise again."""
    rolls_back = all(_only_rolls_back(handler, name) for handler in statement.handlers)
    return rolls_back and not statement.finalbody and not statement.orelse


def _inside(statement: cst.Try) -> list[Statement]:
    """Give the statements in a ``try``, the first of them with the comments above it."""
    first, *rest = block_of(statement.body)
    comment = getattr(statement.body, "header", cst.TrailingWhitespace()).comment
    above = [*statement.leading_lines, *([cst.EmptyLine(comment=comment)] if comment else [])]
    return [first.with_changes(leading_lines=[*above, *first.leading_lines]), *rest]


def block_of(suite: cst.BaseSuite) -> list[Statement]:
    """Give the statements of a block.

    Raises:
        Refusal: they stand on the line of its head.
    """
    if not isinstance(suite, cst.IndentedBlock):
        raise Refusal("a block stands on one line")
    return [*suite.body]  # type: ignore[list-item]


def _only_rolls_back(handler: cst.ExceptHandler, name: str) -> bool:
    """Tell whether a handler does just what the provider does: roll back, and raise again."""
    body = handler.body.body
    if not 1 <= len(body) <= 2 or not isinstance(handler.body, cst.IndentedBlock):
        return False
    lines = [line for line in body if isinstance(line, cst.SimpleStatementLine)]
    if len(lines) != len(body) or any(len(line.body) != 1 for line in lines):
        return False
    last = lines[-1].body[0]
    is_raised = isinstance(last, cst.Raise) and last.exc is None
    return is_raised and all(_is_call(line.body[0], name, ("rollback",)) for line in lines[:-1])


def _is_emptied(old: cst.BaseSuite, new: cst.BaseSuite) -> bool:
    return bool(old.body) and not new.body


def _is_call(statement: cst.BaseSmallStatement, name: str, methods: tuple[str, ...]) -> bool:
    if not isinstance(statement, cst.Expr):
        return False
    call = statement.value.expression if isinstance(statement.value, cst.Await) else statement.value
    if not isinstance(call, cst.Call) or call.args or not isinstance(call.func, cst.Attribute):
        return False
    owner, method = call.func.value, call.func.attr.value
    return isinstance(owner, cst.Name) and owner.value == name and method in methods


def _asks_for(test: cst.BaseExpression, name: str) -> bool:
    """Tell whether a test only asks whether there is a session.

    Such as ``db``, ``db is not None`` and ``"db" in locals()``.
    """
    match test:
        case cst.Comparison(
            left=cst.SimpleString() as text,
            comparisons=[
                cst.ComparisonTarget(
                    operator=cst.In(), comparator=cst.Call(func=cst.Name(value=names), args=[])
                )
            ],
        ):
            return text.raw_value == name and names in NAMES_HERE
        case cst.Name(value=value):
            return value == name
        case cst.Comparison(left=cst.Name(value=value), comparisons=[comparison]):
            return value == name and isinstance(comparison.operator, (cst.IsNot, cst.NotEqual))
    return False


def _still_calls(node: cst.CSTNode, name: str) -> bool:
    match node:
        case cst.Attribute(value=cst.Name(value=owner), attr=cst.Name(value="close")):
            if owner == name:
                return True
    return any(_still_calls(child, name) for child in node.children)
