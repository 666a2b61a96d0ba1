"""Looking through a repository for what hands out sessions, and for who uses it."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TypeAlias

from flake8_dbsession.analysis.effects.giving import giving_of
from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition
from flake8_dbsession.analysis.facts.acquisition.definitions import Definition, registries
from flake8_dbsession.analysis.facts.acquisition.provisions import Provision
from flake8_dbsession.analysis.facts.engine.engines import Engine
from flake8_dbsession.analysis.facts.framework.handlers import framework_of, is_handler
from flake8_dbsession.analysis.facts.lifetime.conditions import missing_at
from flake8_dbsession.analysis.file import SourceFile
from flake8_dbsession.analysis.names.inference import Vocabulary
from flake8_dbsession.analysis.names.project import Project
from flake8_dbsession.analysis.names.scopes import Scope
from flake8_dbsession.analysis.names.values import ClassValue, FunctionValue, Role, RoleValue
from flake8_dbsession.analysis.nodes import dotted_name
from flake8_dbsession.analysis.source.locations import repository_root
from flake8_dbsession.analysis.source.mentions import is_gated
from flake8_dbsession.checking.files.sources import UnreadError, read
from flake8_dbsession.checking.running.workers import spread
from flake8_dbsession.house.house import needs_arguments
from flake8_dbsession.house.identity import resources_of
from flake8_dbsession.patterns import regex
from flake8_dbsession.policy.loading import DEFAULT_PRESET, load
from flake8_dbsession.survey.model import FileSurvey, Giver, Survey, Use

Looked: TypeAlias = tuple[str, FileSurvey | UnreadError | None]
"""A file, and what was found in it as far as it has to do with sessions."""

# A docstring that calls its own module, class or function deprecated: at the beginning of a line
# or clause, or after "is". "Replaces the deprecated manager" does not.
_DEPRECATED = regex(
    r"(?:^|[.;:(]|\bis|\bwas|\bnow)\W{0,4}(?:deprecated|retired|obsolete)\b",
    re.IGNORECASE | re.MULTILINE,
)


def survey_of(
    root: Path,
    files: Sequence[str],
    *,
    jobs: int = 1,
    track: Callable[[Iterator[Looked], int], Iterable[Looked]] = lambda results, total: results,
) -> Survey:
    """Look through a repository.

    Args:
        root: the folder that paths are given relative to, absolute.
        files: the Python files below it.
        jobs: how many processes may look.
        track: sees each result pass, given how many there will be.

    Returns:
        What was found. Nothing is imported or run, and no policy is read.
    """
    found: list[FileSurvey] = []
    paths: list[str] = []
    unread: list[tuple[str, str]] = []
    results = chain.from_iterable(spread(partial(_Looker, root), files, jobs))
    for path, seen in track(results, len(files)):
        paths.append(_posix(path))
        if isinstance(seen, UnreadError):
            unread.append((path, str(seen)))
        elif seen is not None:
            found.append(seen)
    found.sort(key=lambda survey: survey.path)
    return Survey(tuple(found), tuple(sorted(paths)), tuple(sorted(unread)))


class _Looker:
    """Looks at some files of one repository at a time."""

    def __init__(self, root: Path) -> None:
        preset = load(None, preset=DEFAULT_PRESET, root=root)
        self._root = root
        self._project = Project(repository_root(root))
        self._vocabulary = Vocabulary(bare=frozenset(preset.factories))
        self._is_test = preset.is_test

    def __call__(self, files: list[str]) -> list[Looked]:
        paths = [os.path.relpath(os.path.abspath(file), self._root) for file in files]
        return [(path, self.look(path)) for path in paths]

    def look(self, path: str) -> FileSurvey | UnreadError | None:
        """Look at one file; None where it has nothing to do with sessions or requests."""
        absolute = self._root / path
        if _has_raw_bytes(path):
            return UnreadError("its name is not UTF-8, which a policy is")
        try:
            text, tree = read(str(absolute))
        except UnreadError as error:
            return error
        is_deprecated = _is_deprecated(tree)
        if not is_gated(text, ("APIRouter", "Flask", "Blueprint")):
            return None
        file = SourceFile(absolute, text, tree, self._project, self._vocabulary)
        givers = tuple(self._givers(file))
        uses = tuple(self._uses(file, _posix(path)))
        raw = tuple(
            (found.known.source, found.known.resource, found.known.library)
            for found in file.facts(Acquisition)
            if found.known.source is not None and found.known.source is not Role.ACCESSOR
        )
        frameworks = tuple(sorted(set(_frameworks(file, tree))))
        modules = frozenset(self._imported(tree, absolute)) if is_gated(text) else frozenset()
        return FileSurvey(
            path=_posix(path),
            is_test=self._is_test(absolute),
            givers=givers,
            uses=uses,
            raw=raw,
            frameworks=frameworks,
            modules=modules,
            is_deprecated=is_deprecated,
            spellings=tuple(self._spelled(tree, absolute)) if is_gated(text) else (),
            engines=tuple((each.node.lineno, each.text) for each in file.facts(Engine)),
            registries=tuple(registries(tree, file.module.scope, file.inference)),
        )

    def _givers(self, file: SourceFile) -> Iterator[Giver]:
        for definition in file.facts(Definition):
            # What is nested in another function is that function's affair.
            if definition.scope.function() is None:
                name, node = definition.name, definition.node
                giver = self._giver(name, definition.known, definition.scope, node, file)
                makers, engines = _opened(definition, file)
                yield replace(giver, makers=makers, engines=engines)

    def _giver(
        self, name: str, known: RoleValue, scope: Scope, node: ast.AST | None, file: SourceFile
    ) -> Giver:
        function = _value_of(node, scope)
        return Giver(
            path=_posix(os.path.relpath(scope.module.path, self._root)),
            name=name,
            role=known.role,
            resource=known.resource,
            is_async=known.is_async,
            cls=scope.node.name if isinstance(scope.node, ast.ClassDef) else "",
            is_deprecated=node is not None and _is_deprecated(node),
            needs_arguments=function is not None and needs_arguments(function),
            commits=known.commits,
            library=known.library,
            goes_wrong=function is not None and any(giving_of(function, file.inference)),
        )

    def _uses(self, file: SourceFile, path: str) -> Iterator[Use]:
        for provision in file.facts(Provision):
            if not file.is_handing_out(provision.scope):
                yield self._use(file, path, provision.node, provision.known, provision.names)
        for acquisition in file.facts(Acquisition):
            if acquisition.known.source is Role.ACCESSOR:
                known = file.inference.known(acquisition.node.func, acquisition.scope)
                names = file.names(acquisition.node.func, acquisition.scope)
                if known is not None and names:
                    yield self._use(file, path, acquisition.node, known, names)

    def _use(
        self, file: SourceFile, path: str, node: ast.AST, known: RoleValue, names: tuple[str, ...]
    ) -> Use:
        home = known.home
        missing = (dotted_name(tested) for tested in missing_at(node, file.tree))
        return Use(
            path=path,
            giver=self._giver(known.name, known, home, _function(home, known.name), file)
            if home
            else None,
            written=names[0] if names else known.name,
            qualified=names[-1] if names else known.name,
            missing=next(missing, ""),
        )

    def _spelled(self, tree: ast.Module, importer: Path) -> Iterator[tuple[str, str]]:
        """Give the repository's files that the top level imports from by absolute names."""
        for statement in tree.body:
            if isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
                module = self._project.find(importer, statement.module)
                if module is not None:
                    path = _posix(os.path.relpath(module.path, self._root))
                    yield path, statement.module

    def _imported(self, tree: ast.Module, importer: Path) -> Iterator[str]:
        """Give the repository's files that the top level of a module imports."""
        for statement in tree.body:
            if isinstance(statement, ast.ImportFrom):
                module = self._project.find(importer, statement.module or "", statement.level)
                if module is not None:
                    yield _posix(os.path.relpath(module.path, self._root))


def _opened(definition: Definition, file: SourceFile) -> tuple[frozenset[int], frozenset[int]]:
    """Give marks of the factories and engines that a module's function, or a name in it, opens."""
    if not definition.name.isidentifier() or isinstance(definition.scope.node, ast.ClassDef):
        return frozenset(), frozenset()
    name = ast.Name(definition.name, ast.Load())
    found = resources_of(name, definition.scope, file.inference)
    makers, engines = (frozenset(mark.code for mark in marks) for marks in found[:2])
    return makers, engines


def _value_of(node: ast.AST | None, scope: Scope) -> FunctionValue | None:
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return None
    owner = scope.enclosing_class()
    cls = None
    if owner is not None and isinstance(owner.node, ast.ClassDef) and owner.parent is not None:
        cls = ClassValue(owner.node, owner.parent)
    return FunctionValue(node, scope, cls)


def _function(scope: Scope, name: str) -> ast.AST | None:
    """Find the definition of a name in the body of a module or class."""
    from flake8_dbsession.analysis.names.scopes import Defined

    hows = (binding.how for binding in scope.bindings(name))
    return next((how.node for how in hows if isinstance(how, Defined)), None)


def _frameworks(file: SourceFile, tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.decorator_list:
            scope = file.module.scope
            if is_handler(node, scope, file.inference):
                yield framework_of(node, scope, file.inference) or "fastapi"


def _is_deprecated(node: ast.AST) -> bool:
    if not isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
        return False
    docstring = ast.get_docstring(node) or ""
    return _DEPRECATED.search(docstring) is not None


def _has_raw_bytes(path: str) -> bool:
    return any("\udc80" <= char <= "\udcff" for char in path)


def _posix(path: str) -> str:
    return Path(path).as_posix()
