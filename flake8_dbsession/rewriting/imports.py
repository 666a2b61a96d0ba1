"""Imports that fixes need, and those that they make superfluous."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import takewhile
from pathlib import Path
from typing import TypeGuard

import libcst as cst

from flake8_dbsession.analysis.names.dotted import imported_names
from flake8_dbsession.analysis.names.scopes import Imported, Scope, body_of, statements
from flake8_dbsession.analysis.names.values import ModuleValue, Value
from flake8_dbsession.analysis.nodes import blocks, dotted_name, is_name, nodes_in, own_nodes
from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.patterns import regex
from flake8_dbsession.rewriting.circles import leads_back
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Edit, Refusal

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_DEFINITIONS = (*_FUNCTIONS, ast.ClassDef)
_FOR_MACHINES = regex(r"#!|#.*coding[:=]")  # how to run a file, and its encoding
_WORD = regex(r"\w+")
_NAMED_CODES = regex(r"#\s*noqa:\s*([A-Z]+\d*(?:[,\s]+[A-Z]+\d+)*)(?![\w-])", re.IGNORECASE)


class Reach(NamedTuple):
    """How a name of another module is written at a place, and the edits that make it so."""

    expression: str
    edits: tuple[Edit, ...] = ()


def reach_beside(written: ast.expr, wanted: str, scope: Scope, document: Document) -> Reach:
    """Reach a name by the way in which another name of the same module is reached.

    Args:
        written: the other name, such as ``SessionLocal`` or ``database.SessionLocal``.
        wanted: the name to reach, such as ``get_db_session``.
        scope: the scope that both are read in.
        document: the file.

    Returns:
        How to write it; the import of the other name is extended where need be.

    Raises:
        Refusal: the other name's import does not lead there, or the name is taken.
    """
    match written:
        case ast.Attribute(value=base):
            module = document.context.file.inference.value(base, scope)
            inference = document.context.file.inference
            if isinstance(module, ModuleValue) and inference.member(module.scope.module, wanted):
                return Reach(f"{document.written(base)}.{wanted}")
        case ast.Name(id=name):
            where = scope.defining(name)
            if where is not None and where is document.around:
                return _reach_around(name, wanted, scope, document)
            statement = _import_of(name, written.lineno, where) if where else None
            if where is not None and statement is not None:
                return _reach_by(statement, where, written, wanted, scope, document)
    raise Refusal(f"there is no import beside which `{wanted}` could be imported")


def reach_at_top(written: ast.expr, wanted: str, scope: Scope, document: Document) -> Reach:
    """Reach a name at the file's top level that stands beside another one, read in a function.

    Args:
        written: the other name.
        wanted: the name to reach.
        scope: the scope that the other one is read in, which may import it by itself.
        document: the file.

    Returns:
        How to write it; the module is imported at the top, too, where nothing speaks against it.

    Raises:
        Refusal: as for ``reach_beside``, and where the module may import this file.
    """
    where = scope.defining(written.id) if isinstance(written, ast.Name) else None
    if not isinstance(written, ast.Name) or where in (None, document.top):
        return reach_beside(written, wanted, document.top, document)
    assert where is not None
    statement = _import_of(written.id, written.lineno, where)
    if statement is None or statement.level or not statement.module:
        return reach_beside(written, wanted, document.top, document)
    file = document.context.file
    module = file.inference.project.find(file.path, statement.module)
    if module is None or not file.inference.member(module, wanted):
        raise Refusal(f"`{statement.module}` does not give `{wanted}`")
    if leads_back(module, file.path, file.inference.project):
        raise Refusal(f"`{statement.module}` is imported in a function, and may import this file")
    return reach_module(statement.module, wanted, document.top, document)


def reach_module(module: str, wanted: str, scope: Scope, document: Document) -> Reach:
    """Reach a name of a module by that module's own name.

    Args:
        module: the module, such as ``core.database``.
        wanted: the name to reach.
        scope: the scope that it is read in.
        document: the file.

    Returns:
        How to write it; an import is extended or put in where need be.

    Raises:
        Refusal: the name is taken.
    """
    reached = _named_around(module, wanted, scope, document)
    if reached is not None:
        return Reach(reached)
    for statement in _imports_of(document.top):
        for alias in statement.names:
            how = _how(statement, alias)
            names = imported_names(how, document.context.file.path, _root(document))
            name = alias.asname or alias.name
            if scope.defining(name.partition(".")[0]) is not document.top:
                continue
            if isinstance(statement, ast.Import) and module in names:
                return Reach(f"{name}.{wanted}")
            if f"{module}.{wanted}" in names:
                return Reach(name)
    if scope.lookup(wanted):
        raise Refusal(f"`{wanted}` means something else here")
    for statement in _imports_of(document.top):
        if isinstance(statement, ast.ImportFrom) and statement.names[0].name != "*":
            how = Imported(statement.module or "", None, statement.level)
            if module in imported_names(how, document.context.file.path, _root(document)):
                return Reach(wanted, (_extended(statement, wanted, document),))
    if document.around is not None and not any(_imports_of(document.top)):
        return Reach(wanted)  # an example that shows no imports shows none of this either
    return Reach(wanted, (_new_import(module, wanted, document),))


def superfluous(
    names: Collection[str],
    document: Document,
    is_taken: Callable[[str], bool] = lambda _: False,
) -> list[Edit]:
    """Find the imports that nothing uses any more.

    Args:
        names: the names that fixes took the uses of.
        document: the file after those fixes.
        is_taken: tells whether another file takes a name from this one.

    Returns:
        The edits that take the imports away, and that say of those which another file takes that
        they are meant to stay; none in a package's ``__init__.py``, which passes names on.
    """
    if not names or document.context.file.path.name == "__init__.py":
        return []
    return list(_superfluous(document.tree, document.tree.body, names, document, is_taken))


def unused_locals(names: Collection[str], document: Document) -> list[ast.Assign]:
    """Find the local names for other objects that nothing reads any more.

    Args:
        names: the names that fixes took the uses of.
        document: the file after those fixes.

    Returns:
        The assignments, ``manager = current_app.manager``, of which none calls anything.
    """
    functions = (node for node in ast.walk(document.tree) if isinstance(node, _FUNCTIONS))
    return [
        statement
        for function in functions
        for statement in function.body
        if isinstance(statement, ast.Assign) and _is_unused(statement, function, names, document)
    ]


def _is_unused(
    statement: ast.Assign, function: ast.AST, names: Collection[str], document: Document
) -> bool:
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Attribute() as value):
            uses = (n for n in ast.walk(function) if isinstance(n, ast.Name) and n.id == name)
            start, _ = document.span(statement)
            return (
                name in names
                and bool(dotted_name(value))
                and [*uses] == statement.targets
                and document.stands_alone(statement, statement)
                and not document.has_comment(start, document.line_end(statement.end_lineno or 0))
                and getattr(function, "body", []) != [statement]
            )
    return False


def whole_lines(statement: ast.stmt, document: Document) -> Edit:
    """Take away the lines of a statement."""
    start = document.offset(document.first_line(statement), 0)
    return Edit(start, document.line_end(statement.end_lineno or 0), "")


def _superfluous(
    scope: ast.AST,
    body: list[ast.stmt],
    names: Collection[str],
    document: Document,
    is_taken: Callable[[str], bool],
) -> Iterator[Edit]:
    used: set[str] | None = None
    for statement in statements(body):
        match statement:
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                gone = [a for a in aliases if (a.asname or a.name) in names and a.asname != a.name]
                if gone:
                    used = _used_names(scope) if used is None else used
                    gone = [
                        alias
                        for alias in gone
                        if (name := alias.asname or alias.name) not in used
                        or _is_read_by_others(name, statement, scope)
                    ]
                if isinstance(scope, ast.Module):
                    taken = [a for a in gone if is_taken(a.asname or a.name)]
                    gone = [a for a in gone if a not in taken]
                    if not gone:
                        yield from _kept_for_others(taken, document)
                is_whole = len(gone) == len(aliases)
                if gone and not _is_kept(statement, scope, document, is_whole=is_whole):
                    yield from _without(statement, gone, document)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield from _superfluous(statement, statement.body, names, document, is_taken)
            case ast.ClassDef():
                yield from _superfluous(scope, statement.body, names, document, is_taken)


def _is_read_by_others(name: str, statement: ast.stmt, scope: ast.AST) -> bool:
    """Tell whether a function reads a name, but only below other imports of the same one."""
    if not isinstance(scope, _FUNCTIONS):
        return False
    nodes = own_nodes(scope)
    names = [node for node in nodes if isinstance(node, ast.Name) and node.id == name]
    others = set(nodes).difference(names)
    if name in _used_in(others) or not all(isinstance(each.ctx, ast.Load) for each in names):
        return False
    imports = (n for n in nodes if isinstance(n, (ast.Import, ast.ImportFrom)))
    known = {
        (getattr(each, "module", None), getattr(each, "level", 0), alias.name)
        for each in imports
        for alias in each.names
        if (alias.asname or alias.name) == name
    }
    own = [_import_before(name, each.lineno, scope.body) for each in names]
    return len(known) == 1 and not any(each in (None, statement) for each in own)


def _kept_for_others(taken: list[ast.alias], document: Document) -> Iterator[Edit]:
    """Say to linters that imports are meant to stay which only other files use."""
    for line in sorted({alias.lineno for alias in taken}):
        start, end = document.offset(line, 0), document.line_end(line)
        text = document.lines[line - 1].rstrip()
        if not text.endswith("\\") and not document.has_comment(start, end):
            at = start + len(text)
            yield Edit(at, at, "  # noqa: F401")


def _used_names(scope: ast.AST) -> set[str]:
    """Give the names that a scope and those inside it use, but for what those import themselves."""
    return _used_in(own_nodes(scope))


def _used_in(nodes: Iterable[ast.AST]) -> set[str]:
    used: set[str] = set()
    for node in nodes:
        match node:
            case ast.Name(id=name):
                used.add(name)
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                used.update(names)
            case ast.Constant(value=value) if _may_name(value):
                used.update(_WORD.findall(value))
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                used |= _used_names(node) - _imported_in(node)
            case ast.ClassDef() | ast.Lambda():
                used |= _used_names(node)
    return used


def _imported_in(function: ast.AST) -> set[str]:
    """Give the names that a function imports for itself alone."""
    nodes = own_nodes(function)
    imports = (n for n in nodes if isinstance(n, (ast.Import, ast.ImportFrom)))
    shared = {name for n in nodes if isinstance(n, (ast.Global, ast.Nonlocal)) for name in n.names}
    return {name for node in imports for name in _bound_by(node)} - shared


def _may_name(value: object) -> TypeGuard[str]:
    """Tell whether a constant may be an annotation in quotes, or an entry of ``__all__``."""
    return isinstance(value, str) and "\n" not in value


def _is_kept(statement: ast.stmt, scope: ast.AST, document: Document, *, is_whole: bool) -> bool:
    """Tell whether an import stays though nothing uses it: it says so, or its block needs it."""
    line = document.lines[(statement.end_lineno or 1) - 1]
    if _hides_unused(line) or not document.stands_alone(statement, statement):
        return True
    for node in (scope, *own_nodes(scope)):
        if is_whole and [statement] in blocks(node):
            return not isinstance(node, ast.Module)
    return False


def _hides_unused(line: str) -> bool:
    """Tell whether a ``noqa`` comment may say that a name is there though nothing uses it."""
    if "noqa" not in line.lower():
        return False
    named = _NAMED_CODES.search(line)
    codes = re.split(r"[,\s]+", named[1]) if named is not None else []
    return not codes or any("F401".startswith(code.upper()) for code in codes)


def _without(
    statement: ast.Import | ast.ImportFrom, gone: list[ast.alias], document: Document
) -> Iterator[Edit]:
    if len(gone) == len(statement.names):
        yield whole_lines(statement, document)
        return
    line, node = _parsed(statement, document)
    assert not isinstance(node.names, cst.ImportStar)
    names = list(node.names)
    for index in sorted((statement.names.index(alias) for alias in gone), reverse=True):
        removed = names.pop(index)
        if index == len(names):
            names[-1] = names[-1].with_changes(comma=removed.comma)
    yield document.replace(statement, _code(line, node.with_changes(names=names)))


def _root(document: Document) -> Path:
    return document.context.file.inference.project.root


def _how(statement: ast.Import | ast.ImportFrom, alias: ast.alias) -> Imported:
    if isinstance(statement, ast.Import):
        return Imported(alias.name, None)
    return Imported(statement.module or "", alias.name, statement.level)


def _imports_of(scope: Scope) -> Iterator[ast.Import | ast.ImportFrom]:
    """Give the imports of a scope that always run: not those of ``if TYPE_CHECKING:``."""
    for statement in body_of(scope.node):
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            yield statement


def _import_of(name: str, line: int, where: Scope) -> ast.ImportFrom | None:
    """Find the import that a name has at a line from, in the line's own block or one around it."""
    if not all(isinstance(binding.how, Imported) for binding in where.bindings(name)):
        return None
    body = body_of(where.node)
    return _import_before(name, line, body, at_any_line=isinstance(where.node, ast.Module))


def _import_before(
    name: str, line: int, body: list[ast.stmt], *, at_any_line: bool = False
) -> ast.ImportFrom | None:
    """Find the last import of a name in the blocks that a line lies in, which has run by then."""
    found = None
    for block in _blocks_around(line, body):
        for statement in _run_before(block):
            is_before = at_any_line or statement.lineno < line
            if is_before and isinstance(statement, ast.ImportFrom) and name in _bound_by(statement):
                found = statement
    return found


def _run_before(block: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Give the statements that have run where a block goes on: tried ones, if any error leaves."""
    for statement in block:
        yield statement
        if isinstance(statement, ast.Try) and all(map(_leaves, statement.handlers)):
            yield from statement.body


def _leaves(handler: ast.ExceptHandler) -> bool:
    match handler.body[-1]:
        case ast.Return() | ast.Raise():
            return True
        case ast.Expr(value=ast.Call(func=function)):
            return dotted_name(function) == "sys.exit"
    return False


def _blocks_around(line: int, body: list[ast.stmt]) -> Iterator[list[ast.stmt]]:
    """Give the blocks that a line lies in, the outermost first."""
    yield body
    for statement in body:
        for block in _blocks_of(statement):
            if block[0].lineno <= line <= (block[-1].end_lineno or 0):
                yield from _blocks_around(line, block)


def _blocks_of(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    """Give the blocks of a compound statement that run with the statements around it."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return
    parts = [statement, *getattr(statement, "handlers", ()), *getattr(statement, "cases", ())]
    for part in parts:
        yield from filter(None, blocks(part))


def _reach_by(
    statement: ast.ImportFrom,
    where: Scope,
    written: ast.Name,
    wanted: str,
    scope: Scope,
    document: Document,
) -> Reach:
    how = Imported(statement.module or "", wanted, statement.level)
    value = _imported_value(how, document)
    if value is None:
        raise Refusal(f"`{statement.module}` does not give `{wanted}`")
    top = scope.module.scope
    # A function that imports for itself does so still, lest it get what tests give the module.
    if where is top or _is_read(wanted, where.node) or scope.defining(wanted) not in (None, top):
        reached = _reached(value, wanted, written.lineno, scope, document)
        if reached is not None:
            return Reach(reached)
    for binding in scope.lookup(wanted):
        other = binding.how
        if not isinstance(other, Imported) or _imported_value(other, document) != value:
            raise Refusal(f"`{wanted}` means something else here")
    return Reach(wanted, (_extended(statement, wanted, document),))


def _is_read(name: str, function: ast.AST) -> bool:
    return any(is_name(n, name) and isinstance(n.ctx, ast.Load) for n in nodes_in(function))


def _reach_around(name: str, wanted: str, scope: Scope, document: Document) -> Reach:
    """Reach a name from an example, the other name of which the file around it imports."""
    around = document.around
    assert around is not None
    for statement in _imports_of(around):
        if isinstance(statement, ast.ImportFrom) and name in _bound_by(statement):
            value = _imported_value(
                Imported(statement.module or "", wanted, statement.level), document
            )
            if value is None:
                break
            reached = _around_name_of(value, scope, document)
            if reached is None and scope.lookup(wanted):
                raise Refusal(f"`{wanted}` means something else here")
            return Reach(reached or wanted)
    raise Refusal(f"there is no import beside which `{wanted}` could be imported")


def _named_around(module: str, wanted: str, scope: Scope, document: Document) -> str | None:
    """Give the name by which the file around an example has a module's name; None for none."""
    if document.around is None:
        return None
    value = _imported_value(Imported(module, wanted), document)
    return _around_name_of(value, scope, document) if value is not None else None


def _around_name_of(value: Value, scope: Scope, document: Document) -> str | None:
    around = document.around
    assert around is not None
    for statement in _imports_of(around):
        for alias in statement.names:
            name = alias.asname or alias.name
            is_seen = scope.defining(name) is around
            if is_seen and _imported_value(_how(statement, alias), document) == value:
                return name
    return None


def _bound_by(statement: ast.Import | ast.ImportFrom) -> list[str]:
    return [alias.asname or alias.name for alias in statement.names]


def _reached(value: Value, wanted: str, line: int, scope: Scope, document: Document) -> str | None:
    """Give the name by which an import that has run by a line reaches a value."""
    found = scope.defining(wanted)
    for place in {scope.module.scope, *([found] if found else ())}:
        for statement in _imports_of(place):
            for alias in statement.names:
                name = alias.asname or alias.name
                is_seen = statement.lineno < line and scope.defining(name) is place
                if is_seen and _imported_value(_how(statement, alias), document) == value:
                    return name
    return None


def _imported_value(how: Imported, document: Document) -> Value | None:
    inference = document.context.file.inference
    module = inference.project.find(document.context.file.path, how.module, how.level)
    return inference.member(module, how.name) if module and how.name else None


def _parsed(
    statement: ast.Import | ast.ImportFrom, document: Document
) -> tuple[cst.SimpleStatementLine, cst.Import | cst.ImportFrom]:
    line = cst.parse_statement(document.written(statement))
    assert isinstance(line, cst.SimpleStatementLine)
    node = line.body[0]
    assert isinstance(node, (cst.Import, cst.ImportFrom))
    return line, node


def _code(line: cst.SimpleStatementLine, node: cst.BaseSmallStatement) -> str:
    return cst.Module([line.with_changes(body=[node])]).code.rstrip("\r\n")


def _extended(statement: ast.ImportFrom, name: str, document: Document) -> Edit:
    """Add a name to an import, where the order of its names has it."""
    line, node = _parsed(statement, document)
    assert isinstance(node, cst.ImportFrom)
    assert not isinstance(node.names, cst.ImportStar)
    names = list(node.names)
    written = [alias.name for alias in statement.names]
    index = len(names)
    if written == sorted(written):
        index = sum(other < name for other in written)
    elif written == sorted(written, key=str.lower):
        index = sum(other.lower() < name.lower() for other in written)
    _insert(names, index, cst.ImportAlias(cst.Name(name)), node)
    code = _code(line, node.with_changes(names=names))
    return document.replace(statement, _wrapped(code, statement, document))


def _wrapped(code: str, statement: ast.ImportFrom, document: Document) -> str:
    """Write an import with a name a line, where one line has become too long for the file."""
    rest = document.lines[(statement.end_lineno or 1) - 1].rstrip()
    indent = document.indent_of(statement)
    is_alone = rest == indent + document.written(statement)
    if not is_alone or len(rest) > document.width or len(indent + code) <= document.width:
        return code
    head, _, names = code.partition(" import ")
    lines = (f"{indent}{document.indent}{each.strip()}," for each in names.strip("()").split(","))
    return document.newline.join([f"{head} import (", *lines, f"{indent})"])


def _insert(
    names: list[cst.ImportAlias], index: int, new: cst.ImportAlias, node: cst.ImportFrom
) -> None:
    apart = cst.Comma(whitespace_after=_apart(names, node))
    if index < len(names):
        names.insert(index, new.with_changes(comma=apart))
        return
    last = names[-1]
    names[-1] = last.with_changes(comma=_with_comment_of(last.comma, apart))
    names.append(new.with_changes(comma=_without_comment(last.comma)))


def _apart(names: list[cst.ImportAlias], node: cst.ImportFrom) -> cst.BaseParenthesizableWhitespace:
    """Give what stands between two names: as between the first two, else as before the first."""
    first = names[0].comma if len(names) > 1 else None
    if isinstance(first, cst.Comma):
        return _plain(first.whitespace_after)
    if node.lpar and isinstance(node.lpar.whitespace_after, cst.ParenthesizedWhitespace):
        return _plain(node.lpar.whitespace_after)
    return cst.SimpleWhitespace(" ")


def _plain(space: cst.BaseParenthesizableWhitespace) -> cst.BaseParenthesizableWhitespace:
    """Give the same whitespace without its comments."""
    if not isinstance(space, cst.ParenthesizedWhitespace):
        return space
    line = cst.TrailingWhitespace(newline=space.first_line.newline)
    return space.with_changes(first_line=line, empty_lines=[])


def _without_comment(comma: cst.Comma | cst.MaybeSentinel) -> cst.Comma | cst.MaybeSentinel:
    if not isinstance(comma, cst.Comma):
        return comma
    return comma.with_changes(whitespace_after=_plain(comma.whitespace_after))


def _with_comment_of(comma: cst.Comma | cst.MaybeSentinel, apart: cst.Comma) -> cst.Comma:
    """Keep the comment behind a name that was the last one."""
    old = comma.whitespace_after if isinstance(comma, cst.Comma) else None
    new = apart.whitespace_after
    if not isinstance(old, cst.ParenthesizedWhitespace):
        return apart
    if not isinstance(new, cst.ParenthesizedWhitespace):
        return apart.with_changes(whitespace_after=old)
    return apart.with_changes(whitespace_after=new.with_changes(first_line=old.first_line))


def _new_import(module: str, name: str, document: Document) -> Edit:
    """Put a new import at the top of the file, where the order of the others has it."""
    written = f"from {module} import {name}{document.newline}"
    head = [*takewhile(lambda s: _is_import(s) or _is_text(s), body_of(document.top.node))]
    others = [s for s in head if _is_import(s) and _origin(s) != "__future__"]
    alike = _alike(module, others, document)
    if alike:
        later = _first_after(module, alike)
        if later is not None:
            return _put(document.offset(later.lineno, 0), written, later, document)
        last = alike[-1]
        return _put(document.line_end(last.end_lineno or 0), written, last, document)
    if others and _is_standard(module):
        at = document.offset(others[0].lineno, 0)
        return _put(at, written + document.newline, others[0], document)
    if not others:
        return _first_import(written, head, document)
    last = others[-1]
    return _put(document.line_end(last.end_lineno or 0), written, last, document)


def _first_import(written: str, head: list[ast.stmt], document: Document) -> Edit:
    """Put the first import of a file below its text or its comments, apart from what follows."""
    last = (head[-1].end_lineno or 0) if head else _opening_comments(document.lines)
    below = document.lines[last:]
    blanks = sum(1 for _ in takewhile(lambda line: not line.strip(), below))
    following = body_of(document.top.node)[len(head) :][:1]
    wanted = sum(2 if isinstance(each, _DEFINITIONS) else 1 for each in following)
    is_parted = last == 0 or not document.lines[last - 1].strip()
    above = "" if is_parted else document.newline
    at = document.line_end(last) if last else 0
    return Edit(at, at, above + written + document.newline * max(0, wanted - blanks))


def _opening_comments(lines: Sequence[str]) -> int:
    """Give how many lines a file opens with that speak of all of it, and not of what follows."""
    comments = sum(1 for _ in takewhile(lambda line: line.startswith("#"), lines))
    if comments < len(lines) and not lines[comments].strip():
        return comments
    return sum(1 for _ in takewhile(_FOR_MACHINES.match, lines[:2]))


def _alike(module: str, imports: list[ast.stmt], document: Document) -> list[ast.stmt]:
    """Give the imports that a new one belongs to: of those in its part of the file, a section."""
    alike = [s for s in imports if _is_standard(_origin(s)) == _is_standard(module)]
    sections = list(_sections(alike, document))
    root = module.partition(".")[0]
    for section in sections:
        if any(_origin(statement).partition(".")[0] == root for statement in section):
            return section
    if document.context.file.inference.project.find(document.context.file.path, module):
        return sections[-1] if sections else []
    return sections[0] if sections else []


def _sections(imports: list[ast.stmt], document: Document) -> Iterator[list[ast.stmt]]:
    """Part imports where a blank line parts them."""
    section: list[ast.stmt] = []
    for statement in imports:
        between = slice(section[-1].end_lineno, statement.lineno - 1) if section else slice(0)
        if not all(line.strip() for line in document.lines[between]):
            yield section
            section = []
        section.append(statement)
    if section:
        yield section


def _put(at: int, written: str, beside: ast.stmt, document: Document) -> Edit:
    return Edit(at, at, f"{document.indent_of(beside)}{written}")


def _is_import(statement: ast.stmt) -> bool:
    return isinstance(statement, (ast.Import, ast.ImportFrom))


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _first_after(module: str, imports: list[ast.stmt]) -> ast.stmt | None:
    """Give the import that a new one comes before; None where it comes last, or no order is kept.

    ``import x`` may stand above all ``from x import y``, or among them.
    """
    froms = [statement for statement in imports if isinstance(statement, ast.ImportFrom)]
    kinds = [isinstance(statement, ast.ImportFrom) for statement in imports]
    ordered = froms if kinds == sorted(kinds) else imports
    names = [_origin(statement).lower() for statement in ordered]
    if names != sorted(names):
        return None
    return next((s for s in ordered if _origin(s).lower() > module.lower()), None)


def _origin(statement: ast.stmt) -> str:
    if isinstance(statement, ast.ImportFrom):
        return "" if statement.level else statement.module or ""
    return statement.names[0].name if isinstance(statement, ast.Import) else ""


def _is_standard(module: str) -> bool:
    return module.partition(".")[0] in sys.stdlib_module_names
