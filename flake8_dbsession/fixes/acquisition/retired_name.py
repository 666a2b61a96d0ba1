"""DBS106: a retired name is replaced, where its replacement is a plain other name."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.facts.acquisition.references import Reference
from flake8_dbsession.analysis.names.dotted import imported_names
from flake8_dbsession.analysis.names.modules import Module
from flake8_dbsession.analysis.names.scopes import Imported
from flake8_dbsession.analysis.nodes import dotted_name
from flake8_dbsession.fixes.base import Fixer
from flake8_dbsession.fixes.registry import register
from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.patterns import regex
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Doubt, Edit, Fix, Kind, Refusal
from flake8_dbsession.rewriting.places import place_of
from flake8_dbsession.rewriting.renaming import renamed

_DOTTED = regex(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_FROM = regex(r"from\s+([.\w]+)\s+import\b")


class _Move(NamedTuple):
    """Where something that is imported lies now.

    Attributes:
        old: its qualified name.
        new: the qualified name of its replacement.
    """

    old: str
    new: str

    @property
    def module(self) -> str:
        return self.new.rpartition(".")[0]

    @property
    def name(self) -> str:
        return self.new.rpartition(".")[2]


@register
class ImportTheReplacement(Fixer[Reference]):
    """Imports the replacement, and calls it by its name."""

    code = "DBS106"

    def fix(self, fact: Reference, document: Document) -> Fix:
        """Rewrite the import and the uses of what it binds."""
        move = _move(fact, document)
        if not isinstance(fact.node, ast.alias):
            raise Refusal("no import of the file names it")
        statement = place_of(fact.node, document.tree).statement  # type: ignore[arg-type]
        if isinstance(statement, ast.ImportFrom):
            edits = [*_from_import(statement, fact.node, move, document)]
        else:
            assert isinstance(statement, ast.Import)
            edits = [*_plain_import(fact.node, move, document)]
        return Fix(tuple(edits), tuple(_doubts(move, document)))


def _move(fact: Reference, document: Document) -> _Move:
    found = document.context.policy.retired_replacement(fact.name)
    assert found is not None
    retired, replacement = found
    if not _DOTTED.fullmatch(replacement):
        raise Refusal("what replaces it is no plain name")
    return _Move(fact.name, replacement + fact.name.removeprefix(retired))


def _from_import(
    statement: ast.ImportFrom, alias: ast.alias, move: _Move, document: Document
) -> Iterator[Edit]:
    if alias.name == "*":
        raise Refusal("it imports whatever there is")
    if not move.module:
        raise Refusal("the policy does not name the module of what replaces it")
    _refuse_missing(move.module, [move.name], document)
    if len(statement.names) > 1 and not _move_together(statement, move, document):
        raise Refusal("the import names other things too")
    bound = alias.asname or alias.name
    if _is_module(move.new, document):
        _refuse_missing(move.new, _attributes_of(bound, document), document)
    written = _FROM.match(document.written(statement))
    if written is None:
        raise Refusal("the import is written in an unusual way")
    start, _ = document.span(statement)
    module = _spelled(statement, move, document)
    yield Edit(start + written.start(1), start + written.end(1), module)
    if alias.name != move.name:
        at = document.offset(alias.lineno, alias.col_offset)
        yield Edit(at, at + len(alias.name), move.name)
        if alias.asname is None:
            yield from renamed(bound, move.name, document)


def _plain_import(alias: ast.alias, move: _Move, document: Document) -> Iterator[Edit]:
    if not _is_module(move.new, document):
        raise Refusal(f"`{move.new}` is no module of the project")
    at = document.offset(alias.lineno, alias.col_offset)
    yield Edit(at, at + len(alias.name), move.new)
    if alias.asname is not None:
        _refuse_missing(move.new, _attributes_of(alias.asname, document), document)
        return
    _refuse_missing(move.new, _attributes_of(alias.name, document), document)
    top = alias.name.partition(".")[0]
    chains = [n for n in ast.walk(document.tree) if dotted_name(n) == alias.name]
    roots = [n for n in ast.walk(document.tree) if isinstance(n, ast.Name) and n.id == top]
    if len(roots) != len(chains) and top != move.new.partition(".")[0]:
        raise Refusal(f"`{top}` is used for other things too")
    for chain in chains:
        assert isinstance(chain, ast.expr)
        yield document.replace(chain, move.new)


def _move_together(statement: ast.ImportFrom, move: _Move, document: Document) -> bool:
    """Tell whether all names of an import move to the same module, and keep their names."""
    references = {fact.node: fact for fact in document.context.file.facts(Reference)}
    for alias in statement.names:
        fact = references.get(alias)
        other = _move(fact, document) if fact else None
        if other is None or (other.module, other.name) != (move.module, alias.name):
            return False
        _refuse_missing(other.module, [other.name], document)
    return True


def _spelled(statement: ast.ImportFrom, move: _Move, document: Document) -> str:
    """Write the new module as the old one was written: relative, where both lie together."""
    if not statement.level:
        return move.module
    how = Imported(statement.module or "", None, statement.level)
    path, root = document.context.file.path, document.context.file.inference.project.root
    written = f".{statement.module}" if statement.module else ""
    for name in imported_names(how, path, root):
        package = name.removesuffix(written)
        if move.module.startswith(f"{package}."):
            return "." * statement.level + move.module.removeprefix(f"{package}.")
    return move.module


def _attributes_of(name: str, document: Document) -> list[str]:
    """Give what is read of a module by one of its names."""
    return [
        node.attr
        for node in ast.walk(document.tree)
        if isinstance(node, ast.Attribute) and dotted_name(node.value) == name
    ]


def _refuse_missing(module: str, names: list[str], document: Document) -> None:
    found = _module(module, document)
    if found is None:
        raise Refusal(f"`{module}` is not found in the project")
    project = document.context.file.inference.project
    for name in names:
        if not found.bindings(name) and project.submodule(found, name) is None:
            raise Refusal(f"`{module}` has no `{name}`")


def _module(name: str, document: Document) -> Module | None:
    return document.context.file.inference.project.find(document.context.file.path, name)


def _is_module(name: str, document: Document) -> bool:
    return _module(name, document) is not None


def _doubts(move: _Move, document: Document) -> Iterator[Doubt]:
    """Doubt that two things do the same, but where one is the other, or the old one is gone."""
    inference = document.context.file.inference
    old_module, _, old_name = move.old.rpartition(".")
    old, new = _module(old_module, document), _module(move.module, document)
    if _is_module(move.old, document):
        yield _differs(move)
    elif old is not None and new is not None and old.bindings(old_name):
        value = inference.member(old, old_name)
        if value is None or value != inference.member(new, move.name):
            yield _differs(move)


def _differs(move: _Move) -> Doubt:
    return Doubt(Kind.OTHER, f"`{move.new}` may do other things than `{move.old}`")
