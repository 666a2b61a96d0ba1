"""What the ways have in common in which a session by hand becomes a ``with`` block."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

import libcst as cst

from flake8_dbsession.analysis.effects.work.loaded import Objects
from flake8_dbsession.analysis.nodes import is_name, own_nodes
from flake8_dbsession.fixes.blocks.provision import Provision
from flake8_dbsession.rewriting.closes import is_call_on, last_call
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Doubt, Kind, Refusal
from flake8_dbsession.rewriting.region import Statement, parted

WHOLE_LIFE = frozenset(
    {Kind.COMMIT, Kind.EXPIRE, Kind.PATCHED, Kind.HELPER, Kind.COMMENT, Kind.ERROR_PATH}
)
"""The kinds of doubt about the rewrite of a session's whole life."""

PASS = cst.SimpleStatementLine([cst.Pass()])
"""What a block holds that has nothing else to do."""

_LEAVES = (ast.Return, ast.Break, ast.Continue)


@dataclass(frozen=True, slots=True)
class NewBlock:
    """Makes the block that takes the place of an opening and a close by hand.

    Attributes:
        name: the session's name.
        provision: what is entered.
        assignment: the statement that opened the session.
        indent: what a block is indented by.
        is_quiet: whether the opening cannot fail.
    """

    name: str
    provision: Provision
    assignment: Statement
    indent: str
    is_quiet: bool = True

    def around(self, statements: Sequence[Statement], *, keeps_blank: bool = False) -> cst.With:
        """Put statements into the block.

        Args:
            statements: the statements.
            keeps_blank: whether blank lines above the first come to stand above the block.
        """
        item = cst.WithItem(
            cst.parse_expression(self.provision.call), cst.AsName(cst.Name(self.name))
        )
        is_async = self.provision.is_async
        blank, body = parted(statements)
        header = cst.TrailingWhitespace()
        if isinstance(self.assignment, cst.SimpleStatementLine):
            header = self.assignment.trailing_whitespace
        return cst.With(
            items=[item],
            body=cst.IndentedBlock(body, header=header, indent=self.indent),
            leading_lines=[*self.assignment.leading_lines, *(blank if keeps_blank else ())],
            asynchronous=cst.Asynchronous() if is_async else None,
        )

    def around_work(
        self,
        statements: Sequence[Statement],
        old: Sequence[ast.stmt],
        objects: Objects,
        *,
        keeps_blank: bool = False,
    ) -> list[Statement]:
        """Put statements into the block, and leave their last commit to a provider that commits.

        Args:
            statements: the statements.
            old: the same in the syntax tree, where some may be more.
            objects: the session, and what holds its objects.
            keeps_blank: as ``around`` takes it.

        Returns:
            The block, and what comes after the commit where nothing of that needs the session.
        """
        index = last_call(statements, self.name, "commit")
        commits = self.provision.surely_commits and ends_with_commit(old, objects)
        if not (index and commits and any(self.name in _names(s) for s in statements[:index])):
            return [self.around(statements, keeps_blank=keeps_blank)]
        block = self.around(statements[:index], keeps_blank=keeps_blank)
        return [block, *statements[index + 1 :]]


def ends_with_commit(body: Sequence[ast.stmt], objects: Objects) -> bool:
    """Tell whether every good way through statements commits, and does nothing more by then.

    Args:
        body: the statements.
        objects: the session, and what holds its objects.
    """
    name = objects.session
    flat = [s for each in body for s in (each.body if _only_closes(each, name) else [each])]  # type: ignore[attr-defined]
    index = max((i for i, s in enumerate(flat) if is_call_on(s, name, "commit")), default=None)
    if index is None:
        return False
    after = [s for s in flat[index + 1 :] if not is_call_on(s, name, "close")]
    return not any(map(objects.mentions, after)) and not any(map(_leaves, flat[:index]))


def _only_closes(statement: ast.stmt, name: str) -> bool:
    """Tell whether a statement is a ``try`` that is there for nothing but a close or rollback."""
    match statement:
        case ast.Try(handlers=handlers, orelse=[]):
            return closes(statement, name) and all(_hands_back(each, name) for each in handlers)
    return False


def _hands_back(handler: ast.ExceptHandler, name: str) -> bool:
    *first, last = handler.body
    is_raised = isinstance(last, ast.Raise) and last.exc is None
    return is_raised and all(is_call_on(each, name, "rollback") for each in first)


def _leaves(node: ast.AST) -> bool:
    """Tell whether a statement may end the block around it other than by an error."""
    leaves = (ast.Yield, ast.YieldFrom, *_LEAVES)
    return any(isinstance(part, leaves) for part in (node, *own_nodes(node)))


def tail_doubt(statement: ast.stmt) -> Doubt:
    """Doubt that what follows a close may run where its ``try`` was not reached."""
    final = getattr(statement, "finalbody", None) or [statement]
    line = final[-1].lineno
    return Doubt(Kind.ERROR_PATH, f"line {line} would also run where its `try` is not reached")


def early_doubt(provision: Provision) -> Doubt:
    """Doubt that a dependency fails in the place of what stood above the opening."""
    return Doubt(Kind.ERROR_PATH, f"`{provision.name}` may fail before the handler is reached")


def annotation_notes(assignment: ast.stmt, document: Document) -> tuple[str, ...]:
    """Say that an annotation goes, which a ``with`` block has no place for."""
    match assignment:
        case ast.AnnAssign(annotation=annotation):
            return (f"the annotation `{document.written(annotation)}` goes",)
    return ()


def handlers_need(handled: cst.Try, objects: Objects) -> bool:
    """Tell whether what stays around the block needs the session, or what was loaded in it."""
    names = {objects.session, *objects.names}
    parts = [*handled.handlers, *filter(None, (handled.orelse, handled.finalbody))]
    return bool(handled.orelse) or any(_names(part) & names for part in parts)


def _names(node: cst.CSTNode) -> set[str]:
    if isinstance(node, cst.Name):
        return {node.value}
    return set().union(*map(_names, node.children))


def refuse_tricks(node: ast.AST, name: str) -> None:
    """Leave a session alone that gets another name, or whose errors a ``finally`` swallows.

    Raises:
        Refusal: the node does one of these.
    """
    finals = getattr(node, "finalbody", ())
    if any(isinstance(part, _LEAVES) for final in finals for part in ast.walk(final)):
        raise Refusal("a `finally` leaves by itself, and swallows errors")
    if isinstance(node, (ast.Assign, ast.AnnAssign)) and is_name(node.value, name):
        raise Refusal(f"line {node.lineno} gives `{name}` another name")


def closes(statement: ast.stmt, name: str) -> bool:
    """Tell whether a session is closed when a statement has run to its end, whatever happens."""
    if is_call_on(statement, name, "close"):
        return True
    finals = getattr(statement, "finalbody", ())
    return any(
        is_call_on(each, name, "close") for part in finals for each in (part, *_guarded(part))
    )


def _guarded(statement: ast.stmt) -> list[ast.stmt]:
    """Give what a statement does where nothing is amiss: where there is a session, or no error."""
    match statement:
        case ast.If(body=body):
            return body
        case ast.Try(body=[first, *_]) | ast.With(body=[first, *_]):
            return [first]
    return []


def is_plain(statement: ast.stmt | None, call: ast.Call) -> bool:
    """Tell whether a statement assigns what a call gives to one name, and does nothing else."""
    match statement:
        case (
            ast.Assign(targets=[ast.Name()], value=value)
            | ast.AnnAssign(target=ast.Name(), value=value)
        ):
            return (value.value if isinstance(value, ast.Await) else value) is call
    return False
