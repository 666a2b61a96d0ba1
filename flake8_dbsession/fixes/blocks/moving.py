"""The tests that patch a name in the place of another after a fix."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Sequence
from itertools import takewhile

from flake8_dbsession.analysis.source.outline import parse
from flake8_dbsession.fixes.doubts.beside import Repatch
from flake8_dbsession.linter import Linter
from flake8_dbsession.policy.errors import PolicyError
from flake8_dbsession.rewriting.continued import aligned
from flake8_dbsession.rewriting.document import Document, lines_of
from flake8_dbsession.rewriting.edits import Edit, Move, applied
from flake8_dbsession.rewriting.imports import reach_module
from flake8_dbsession.rewriting.text import Text


def moved(filename: str, text: Text, moves: Collection[Move], linter: Linter) -> Text:
    """Let a test's file name other things.

    Args:
        filename: its path, absolute or relative to the working directory.
        text: its text, as it lay on disk when the moves were found.
        moves: the texts in it that have to change, or that get another beside them.
        linter: knows the policy that it falls under.

    Returns:
        The new text, the quotes of which are as they were.
    """
    tree = parse(text.source)
    assert tree is not None
    lines = lines_of(text.content)
    wanted = {(move.line, move.old): move.new for move in moves if not move.stays}
    others = [m for m in moves if m.closes or (m.stays and (m.line, m.old) not in wanted)]
    edits = _repatched(filename, text, tree, others, linter) if others else set()
    heads = [*_heads(tree)]
    for move in (move for move in moves if not move.stays):
        edits.update(_in_comments(move, heads, lines))
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(value), lineno=line) if (line, value) in wanted:
                new = wanted[line, value]
                if "." in value or "." not in new:
                    edits.add(_edit(node, value, new, lines))
            case ast.Call(args=[owner, ast.Constant(value=str(value), lineno=line) as named, *_]):
                new = wanted.get((line, value), "")
                if "." in new and "." not in value:
                    edits |= _in_one(node, owner, _edit(named, value, new, lines), lines)
    return Text(applied(text.content, aligned(text.content, edits)), text.encoding)


def _in_comments(
    move: Move, heads: Collection[tuple[int, int]], lines: list[str]
) -> Iterator[Edit]:
    """Name the new thing in the comments right above a patch, too, where they name the old one."""
    old, new = move.old.rpartition(".")[2], move.new.rpartition(".")[2]
    word = re.compile(rf"(?<![\w.]){re.escape(old)}\b")
    first = max((a for a, b in heads if a <= move.line <= b), default=move.line)
    above = takewhile(lambda n: lines[n - 1].lstrip().startswith("#"), range(first - 1, 0, -1))
    for number in above if old != new else ():
        start = _offset(number, 0, lines)
        for match in word.finditer(lines[number - 1]):
            yield Edit(start + match.start(), start + match.end(), new)


def _heads(tree: ast.Module) -> Iterator[tuple[int, int]]:
    """Give the first and the last line of each statement without its body, and each decorator."""
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt):
            body: list[ast.stmt] = getattr(node, "body", [])
            yield node.lineno, body[0].lineno - 1 if body else node.end_lineno or node.lineno
            decorators: list[ast.expr] = getattr(node, "decorator_list", [])
            yield from ((each.lineno, each.end_lineno or each.lineno) for each in decorators)


def _repatched(
    filename: str, text: Text, tree: ast.Module, moves: Sequence[Move], linter: Linter
) -> set[Edit]:
    """Write second patches, and give in a ``closing`` what was closed by hand."""
    context = linter.context_of(filename, text.source, tree)
    if isinstance(context, PolicyError):
        raise context
    document = Document(text.content, context)
    closing, imports, edits = "", set[Edit](), set[Edit]()
    if any(move.closes for move in moves):
        reach = reach_module("contextlib", "closing", document.top, document)
        closing, imports = reach.expression, {*reach.edits}
    for move in moves:
        given = closing if move.closes else ""
        patch = Repatch(tree, text.source, move.line, move.old, move.new, given, document.width)
        changes = patch.beside() if move.stays else patch.instead()
        edits |= {
            Edit(
                document.offset(*each.start),
                document.offset(*each.end),
                each.text.replace("\n", document.newline),
            )
            for each in changes or ()
        }
    is_used = any(f"{closing}(" in edit.text for edit in edits)
    return edits | imports if is_used else edits


def _in_one(call: ast.Call, owner: ast.expr, name: Edit, lines: list[str]) -> set[Edit]:
    """Let a text stand for a module and a name of it, which stood side by side."""
    start = _offset(owner.lineno, owner.col_offset, lines)
    quoted = _offset(call.args[1].lineno, call.args[1].col_offset, lines)
    edits = {Edit(start, quoted, ""), name}
    if isinstance(call.func, ast.Attribute) and call.func.attr == "object":
        patch = call.func.value
        first = _offset(patch.end_lineno or 0, patch.end_col_offset or 0, lines)
        edits.add(Edit(first, first + len(".object"), ""))
    return edits


def _offset(line: int, column: int, lines: list[str]) -> int:
    """Give the offset of a place, whose column is counted in bytes."""
    return sum(map(len, lines[: line - 1])) + len(lines[line - 1].encode()[:column].decode())


def _edit(node: ast.Constant, old: str, new: str, lines: list[str]) -> Edit:
    """Replace what stands between the quotes."""
    first = _offset(node.lineno, 0, lines)
    quoted = _offset(node.lineno, node.col_offset, lines)
    start = first + lines[node.lineno - 1].index(old, quoted - first)
    return Edit(start, start + len(old), new)
