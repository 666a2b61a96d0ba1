"""Sessions that a function opens for itself only where it was given none."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TypeAlias

from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.nodes import block_with, dotted_name, names, unawaited
from flake8_dbsession.named_tuples import NamedTuple


class _Own:
    """Stands for the session that the function opens, or for the one that it is given."""


IMPORTS = (ast.Import, ast.ImportFrom)
"""What may stand beside an opening in its branch."""

_OWN, _GIVEN = _Own(), _Own()
_Value: TypeAlias = "_Own | bool | None"


class GivenOrOwn(NamedTuple):
    """How code chooses between a session that it may be given and one that it opens.

    Attributes:
        given: what may be given: a parameter, or an attribute.
        head: the statements that choose between both, the flags among them; none where the block
            over the session chooses.
        around: the ``try`` after them, whose ``finally`` closes the session where it was opened;
            None where there is no such.
        asks_for_none: whether ``None`` alone is no session, and not all that is false.
    """

    given: ast.expr
    head: list[ast.stmt]
    around: ast.Try | None
    asks_for_none: bool

    def entered(self, own: str, nullcontext: str = "nullcontext") -> str:
        """Write what a block enters to close only what it opens.

        Args:
            own: the code that opens one.
            nullcontext: how ``contextlib.nullcontext`` is written there.
        """
        given = ast.unparse(self.given)
        test = f"{given} is not None" if self.asks_for_none else given
        return f"{nullcontext}({given}) if {test} else {own}"


def given_or_own(call: ast.Call, name: str, tree: Tree) -> GivenOrOwn | None:
    """Find out whether a session is opened only where none is given.

    Args:
        call: what opens it.
        name: the name that holds the one or the other.
        tree: the visited part of the file.

    Returns:
        How it is chosen, with the ``try`` that closes it where it was opened, if that follows;
        None for a session that is opened in any other way.
    """
    choice = _Choice(call, name)
    statement = tree.statement(call)
    above = tree.parent(statement) if statement is not None else None
    firsts = [statement, above if isinstance(above, ast.If) else None]
    found = [each for first in firsts if first for each in choice.from_statement(first, tree)]
    return next((each for each in found if each.around is not None), next(iter(found), None))


def is_apart(statement: ast.stmt, name: str) -> bool:
    """Tell whether a statement makes a plain value of its own, which has no part in the choice.

    Args:
        statement: one of those that choose.
        name: the name of the session.
    """
    match statement:
        case ast.Assign(targets=[ast.Name(id=bound)], value=value):
            nodes = [*ast.walk(value)]
            is_plain = isinstance(value, (ast.Dict, ast.List, ast.Set, ast.Tuple, ast.JoinedStr))
            is_quiet = not any(isinstance(n, (ast.Call, ast.Await, ast.NamedExpr)) for n in nodes)
            return bound != name and is_plain and is_quiet and not names(value, name)
    return False


class _Choice:
    """Reads the statements around an opening, to see when it runs.

    Args:
        call: what opens the session.
        name: the name that holds it.
    """

    def __init__(self, call: ast.Call, name: str) -> None:
        self.call = call
        self.name = name

    def from_statement(self, opening: ast.stmt, tree: Tree) -> Iterator[GivenOrOwn]:
        """Give the ways in which statements up to one choose a session, the longest first."""
        if isinstance(opening, ast.With | ast.AsyncWith):
            yield from self._of_block(opening)
            return
        block = block_with(opening, tree.parent(opening) or tree.scope.node)
        index = block.index(opening) if block else 0
        end = next((i for i in range(index + 1, len(block)) if not _chooses(block[i])), len(block))
        around = block[end] if end < len(block) else None
        start = index
        while start and _chooses(block[start - 1]):
            start -= 1
        for begin in range(start, index + 1) if block else ():
            if isinstance(around, ast.Try):
                yield from self._by(block[begin:end], around)
            yield from self._by(block[begin : index + 1], None)

    def _of_block(self, block: ast.With | ast.AsyncWith) -> Iterator[GivenOrOwn]:
        """Give how the block over a session chooses it: ``with db or SessionLocal() as s:``."""
        for item in block.items:
            if item.context_expr is not self.call:
                context = ast.Assign([ast.Name(self.name, ast.Store())], item.context_expr)
                yield from (each._replace(head=[]) for each in self._by([context], None))

    def _by(self, head: list[ast.stmt], around: ast.Try | None) -> Iterator[GivenOrOwn]:
        for given in self._candidates(head):
            if self._chooses_between(head, around, given):
                asks = any(isinstance(n, ast.Is | ast.IsNot) for s in head for n in ast.walk(s))
                yield GivenOrOwn(given, head, around, asks)

    def _candidates(self, head: list[ast.stmt]) -> Iterator[ast.expr]:
        """Give what the statements read that may be a session: names, and attributes of names."""
        seen = set()
        for statement in head:
            for node in ast.walk(statement):
                if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load):
                    written = dotted_name(node)
                    if written and written not in seen and node is not self.call.func:
                        seen.add(written)
                        yield node

    def _chooses_between(
        self, head: list[ast.stmt], around: ast.Try | None, given: ast.expr
    ) -> bool:
        """Tell whether a session is opened where none is given, and then alone.

        With a ``try`` after that, whether it is closed there, and then alone, as well.
        """
        test = _test_of_close(around, self.name) if around is not None else None
        if around is not None and test is None:
            return False
        without, with_one = _Run(None, given, self), _Run(_GIVEN, given, self)
        try:
            without.run(head)
            with_one.run(head)
            is_closed = test is None or (without.truth(test) and not with_one.truth(test))
        except _UnknownError:
            return False
        names_both = (without.names.get(self.name), with_one.names.get(self.name))
        return is_closed and names_both == (_OWN, _GIVEN)


def _chooses(statement: ast.stmt) -> bool:
    """Tell whether a statement may be one of those that choose a session, or mark which it is."""
    match statement:
        case ast.Assign(targets=[ast.Name()]) | ast.AnnAssign(target=ast.Name(), value=ast.expr()):
            return True
        case ast.If(body=body, orelse=orelse):
            return all(_chooses(part) or isinstance(part, IMPORTS) for part in [*body, *orelse])
    return False


def _test_of_close(around: ast.Try, name: str) -> ast.expr | None:
    """Give the test under which a ``finally`` closes a session; None for any other ``finally``."""
    match around.finalbody:
        case [ast.If(test=test, body=[ast.Expr(value=close)], orelse=[])]:
            match unawaited(close):
                case ast.Call(func=ast.Attribute(value=ast.Name(id=closed), attr="close"), args=[]):
                    return test if closed == name else None
    return None


class _UnknownError(Exception):
    """What a statement does is not known."""


class _Run:
    """The statements that choose a session, run for one that is given, or for none.

    Args:
        value: what is given.
        given: how that is written.
        choice: what is opened.
    """

    def __init__(self, value: _Value, given: ast.expr, choice: _Choice) -> None:
        self._choice = choice
        written = dotted_name(given)
        self.names: dict[str, _Value] = {written: value} if written else {}

    def run(self, statements: list[ast.stmt]) -> None:
        """Run statements; a name that they bind holds what is known of it then."""
        for statement in statements:
            match statement:
                case ast.Assign() if is_apart(statement, self._choice.name):
                    pass
                case ast.Import() | ast.ImportFrom():
                    pass
                case (
                    ast.Assign(targets=[ast.Name(id=name)], value=value)
                    | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
                ):
                    self.names[name] = self._of(value)
                case ast.If(test=test, body=body, orelse=orelse):
                    self.run(body if self.truth(test) else orelse)
                case _:
                    raise _UnknownError

    def truth(self, test: ast.expr) -> bool:
        """Tell whether a test holds."""
        value = self._of(test)
        return value if isinstance(value, bool) else value is not None

    def _of(self, expression: ast.expr) -> _Value:
        match expression:
            case ast.Constant(value=(True | False | None) as value):
                return value
            case ast.Name() | ast.Attribute() if (written := dotted_name(expression)) in self.names:
                return self.names[written]
            case ast.Await(value=ast.Call() as call) | (ast.Call() as call):
                if call is self._choice.call:
                    return _OWN
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return not self.truth(operand)
            case ast.Compare(left=left, ops=[ast.Is()], comparators=[ast.Constant(value=None)]):
                return self._of(left) is None
            case ast.Compare(left=left, ops=[ast.IsNot()], comparators=[ast.Constant(value=None)]):
                return self._of(left) is not None
            case ast.BoolOp(op=ast.And(), values=values):
                return all(map(self.truth, values))
            case ast.BoolOp(op=ast.Or(), values=[first, second]):
                return self._of(first if self.truth(first) else second)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self._of(body if self.truth(test) else orelse)
        raise _UnknownError
