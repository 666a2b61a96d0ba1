"""What of a plain connection is of no use once the connection is closed."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from flake8_dbsession.analysis.effects.work.callees import Callees
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import FUNCTIONS, Scope
from flake8_dbsession.analysis.nodes import own_nodes
from flake8_dbsession.fixes.doubts.behaviour import names_read_outside, read_outside

# What these give is there for good, whatever becomes of the connection: methods of cursors and of
# pandas, and Python's own functions.
_FETCHES = frozenset(
    {"fetch", "fetchall", "fetchmany", "fetchone", "fetchrow", "fetchval", "keys"}
    | {"read_sql", "read_sql_query"}
)
_VALUES = frozenset(
    {"all", "any", "bool", "dict", "float", "frozenset", "int", "isinstance", "len", "list", "max"}
    | {"min", "next", "print", "repr", "set", "sorted", "str", "sum", "tuple"}
)
_NUMBERS = frozenset({"description", "in_transaction", "lastrowid", "rowcount", "total_changes"})


class Cursors:
    """What a block has of a connection: its names, cursors, and what holds or reads from either.

    Args:
        connection: the connection's name.
        body: the block's statements.
        scope: the scope that they stand in.
        inference: finds the functions that they call; no name of a project's function counts.

    Attributes:
        names: the names of the connection, its cursors, and what holds either.
    """

    def __init__(
        self, connection: str, body: Sequence[ast.stmt], scope: Scope, inference: Inference
    ) -> None:
        self._body = body
        self._scope = scope
        self._callees = Callees(scope, inference)
        self._nodes = [node for statement in body for node in (statement, *own_nodes(statement))]
        self.names = {connection}
        while self._learn():
            pass

    def used_after(self) -> ast.AST | None:
        """Find where the block lets out its connection, or what still reads from it.

        Returns:
            The first node that hands a cursor or the connection on, or that names one which is
            read outside of the block; None where the connection may be closed at the block's end.
        """
        read = names_read_outside(self._body, self._scope) | self._read_by_functions()
        later = self.names & read
        for node in self._nodes:
            if self._hands_out(node) or (isinstance(node, ast.Name) and node.id in later):
                return node
        return None

    def read_outside(self) -> list[ast.Name]:
        """Find what the function reads of them after the block, or around it in a loop."""
        read = read_outside(self._body, self._scope)
        return [node for node in read if node.id in self.names]

    def _read_by_functions(self) -> set[str]:
        """Give what the functions of a module read, where the block stands at its top level."""
        if self._scope.function() is not None:
            return set()
        nodes = ast.walk(self._scope.module.scope.node)
        return set().union(*(_names(node) for node in nodes if isinstance(node, FUNCTIONS)))

    def _learn(self) -> bool:
        """Find further names; tell whether there were any."""
        targets = [target for node in self._nodes for target in self._bound_to_live(node)]
        found = {name for target in targets for name in _names(target)} - self.names
        self.names |= found
        return bool(found)

    def _bound_to_live(self, node: ast.AST) -> list[ast.expr]:
        match node:
            case ast.Assign(targets=targets, value=value) if self._is_live(value):
                return targets
            case (
                ast.AnnAssign(target=target, value=ast.expr() as value)
                | ast.NamedExpr(target=target, value=value)
            ) if self._is_live(value):
                return [target]
            case ast.withitem(context_expr=value, optional_vars=ast.expr() as target):
                return [target] if self._is_live(value) else []
        return []

    def _hands_out(self, node: ast.AST) -> bool:
        match node:
            case ast.Return(value=ast.expr() as value) | ast.Yield(value=ast.expr() as value):
                return self._is_live(value)
            case ast.Assign(targets=targets, value=value) if self._is_live(value):
                return not all(isinstance(target, ast.Name) for target in targets)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda() | ast.ClassDef():
                return bool(_names(node) & self.names)
            case ast.Call(func=ast.Attribute(attr="append" | "add" | "put"), args=arguments):
                return any(map(self._is_live, arguments))
        return False

    def _is_live(self, expression: ast.expr) -> bool:
        """Tell whether a value may be, hold, or still read from the connection or a cursor."""
        match expression:
            case ast.Call(func=function):
                return not self._gives_values(function) and bool(_names(expression) & self.names)
            case ast.Attribute(value=base, attr=name):
                return name not in _NUMBERS and self._is_live(base)
            case ast.Subscript(value=base):
                return self._is_live(base)
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.Compare() | ast.JoinedStr():
                return False
            case ast.GeneratorExp() | ast.Lambda() | ast.Name():
                return bool(_names(expression) & self.names)
        parts = ast.iter_child_nodes(expression)
        return any(self._is_live(part) for part in parts if isinstance(part, ast.expr))

    def _gives_values(self, function: ast.expr) -> bool:
        match function:
            case ast.Name(id=name):
                is_known = name in _VALUES | _FETCHES
            case ast.Attribute(attr=name):
                is_known = name in _FETCHES
            case _:
                return False
        return is_known and not self._callees.is_project(function)


def _names(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
