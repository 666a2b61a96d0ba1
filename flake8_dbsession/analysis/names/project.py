"""The project around the linted files: its modules, each read at most once a process."""

from __future__ import annotations

import io
import os
import re
import tokenize
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from flake8_dbsession.analysis.library import roles
from flake8_dbsession.analysis.names.modules import Module
from flake8_dbsession.analysis.names.scopes import Imported
from flake8_dbsession.analysis.source.code_words import strings_of
from flake8_dbsession.analysis.source.locations import LARGEST_MODULE, Locations, Question
from flake8_dbsession.analysis.source.outline import parse
from flake8_dbsession.analysis.source.requirements import Allowed, Requirements
from flake8_dbsession.analysis.source.searching import (
    SearchResult,
    deriving,
    is_test,
    python_files,
    search,
)
from flake8_dbsession.analysis.source.trace import Trace
from flake8_dbsession.reading import DISK, Sources

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")

_BINDING_BY_TEXT = ("__getattr__", "exec(", "globals()", "import *", "sys.modules")
_MOST_WHOLE = 32  # whole trees at a time: a hundred lines take some hundred kilobytes


def decode(data: bytes) -> str | None:
    """Decode Python source by its own rules (BOM, coding cookie, else UTF-8).

    Args:
        data: the file's bytes.

    Returns:
        The text with its line ends as ``\\n``; None where the bytes cannot be decoded.
    """
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError):
        return None
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


class Project:
    """The modules of one repository, found and read when something is imported from them.

    Args:
        root: the repository's folder.
        sources: where its modules are read.

    Attributes:
        root: as given.
        sources: as given.
        trace: what was asked so far, and what the answers rest on.
    """

    def __init__(self, root: Path, sources: Sources = DISK) -> None:
        self.root = root
        self.sources = sources
        self.trace = Trace()
        self.memory: dict[object, Any] = {}  # what is told of the whole project, see `remembered`
        self._locations = Locations(root, roles.PACKAGES, roles.SHARED)
        self._requirements = Requirements(root)
        self._allowed: dict[tuple[str, Path], tuple[Allowed, list[Path]]] = {}
        self._required: dict[tuple[frozenset[str], Path], tuple[frozenset[str], list[Path]]] = {}
        self._modules: dict[Path, Module | None] = {}
        self._searches: dict[re.Pattern[bytes], SearchResult] = {}
        self._stated: dict[re.Pattern[bytes], tuple[Path | None, bool]] = {}
        self._files: dict[str, list[Path]] = {}
        self._whole: dict[Path, Module | None] = {}
        self._folders: dict[Path, Path] = {}

    def may_hold(self, asker: Path, pattern: re.Pattern[bytes]) -> bool:
        """Tell whether any file of the project but its tests may hold a pattern.

        Args:
            asker: the absolute path of the file that the answer is for.
            pattern: what to look for in the files' bytes; searched for once.
        """
        if pattern not in self._searches:
            self._searches[pattern] = search(
                self._python_files, pattern, self.sources, only_first=True
            )
        found = self._searches[pattern]
        files = found.files or [*map(Path, found.searched)]
        self.trace.searched(asker, files, is_exhaustive=not found.files)
        return bool(found.files) or not found.is_complete

    def states(self, asker: Path, pattern: re.Pattern[bytes]) -> bool:
        """Tell whether a string of the project's code may hold a pattern, tests left out.

        Args:
            asker: the absolute path of the file that the answer is for.
            pattern: what to look for; comments and docstrings do not count.
        """
        if pattern not in self._stated:
            self._stated[pattern] = self._stating(pattern)
        stating, is_complete = self._stated[pattern]
        files = [stating] if stating is not None else [*map(Path, self._python_files)]
        self.trace.searched(asker, files, is_exhaustive=stating is None)
        return stating is not None or not is_complete

    def _stating(self, pattern: re.Pattern[bytes]) -> tuple[Path | None, bool]:
        """Give the first file that states a pattern, and whether all files were looked at."""
        found = search(self._python_files, pattern, self.sources)
        for path in found.files:
            module = None if is_test(path, self.root) else self._parsed(path)
            if module is not None and module.tree is not None:
                texts = (text.encode(errors="replace") for text in strings_of(module.tree))
                if any(map(pattern.search, texts)):
                    return path, True
        return None, found.is_complete

    def modules_with(self, text: str, asker: Path) -> list[Module]:
        """Find the modules of the project in which a text stands, where no import leads to them.

        Args:
            text: what to look for.
            asker: the absolute path of the file that the answer is for, which is left out.
        """
        files = self.files_mentioning(text, asker)
        modules = (self._module(path) for path in files if path != asker)
        return [module for module in modules if module is not None]

    def modules_mentioning(
        self, word: str, asker: Path, form: re.Pattern[bytes] | None = None
    ) -> Iterator[Module]:
        """Find the project's modules that mention a word, each with its whole tree.

        Args:
            word: the word.
            asker: the absolute path of the file that the answer is for, which is not left out.
            form: how it has to stand there; None for anyhow.
        """
        files = self.files_mentioning(word, asker)
        if form is not None:
            files = [path for path in files if form.search(self.sources.read(path))]
        modules = map(self._parsed, files)
        return (module for module in modules if module is not None)

    def modules_deriving(self, name: str, asker: Path) -> list[Module]:
        """Find the modules of the project in which a class has a base of some name.

        Args:
            name: the base's own name.
            asker: the absolute path of the file that the answer is for, which is left out.
        """
        files = self._deriving.get(name, [])
        self.trace.searched(asker, files, is_exhaustive=True)
        modules = (self._module(path) for path in files if path != asker)
        return [module for module in modules if module is not None]

    @cached_property
    def _deriving(self) -> dict[str, list[Path]]:
        return deriving(self._python_files, self.sources)

    @cached_property
    def _python_files(self) -> list[str]:
        return python_files(self.root)

    def files_mentioning(self, text: str, asker: Path) -> list[Path]:
        """Find the project's Python files that mention a text.

        Args:
            text: what to look for.
            asker: the absolute path of the file that the answer is for, which is not left out.
        """
        if text not in self._files:
            pattern = re.compile(re.escape(text.encode()))
            self._files[text] = search(self._python_files, pattern, self.sources).files
        self.trace.searched(asker, self._files[text], is_exhaustive=True)
        return self._files[text]

    def _parsed(self, path: Path) -> Module | None:
        """Give a module with its whole tree, which one that is only followed does not have."""
        if path not in self._whole:
            text = decode(self.sources.read(path))
            tree = parse(text) if text is not None else None
            self._whole[path] = Module(path, text, tree) if text is not None and tree else None
            if len(self._whole) > _MOST_WHOLE:
                self._whole.pop(next(iter(self._whole)))
        return self._whole[path]

    def allowed(self, distribution: str, asker: Path) -> Allowed:
        """Find which versions of a distribution the project allows.

        Args:
            distribution: its name, such as ``sqlalchemy``.
            asker: the absolute path of the file that the answer is for.
        """
        return self._looked_up(self._allowed, self._requirements.allowed, distribution, asker)

    def required(self, distributions: frozenset[str], asker: Path) -> frozenset[str]:
        """Find which of some distributions the project requires.

        Args:
            distributions: their names, such as ``psycopg2``.
            asker: the absolute path of the file that the answer is for.
        """
        return self._looked_up(self._required, self._requirements.named, distributions, asker)

    def _looked_up(
        self,
        kept: dict[tuple[Asked, Path], tuple[Answer, list[Path]]],
        look_up: Callable[[Asked, Path], tuple[Answer, Iterable[Path]]],
        asked: Asked,
        asker: Path,
    ) -> Answer:
        """Ask the requirements once for each folder, and note what the answer rests on."""
        question = asked, asker.parent
        if question not in kept:
            found, looked_at = look_up(*question)
            kept[question] = found, [path for path in looked_at if os.path.lexists(path)]
        answer, files = kept[question]
        self.trace.searched(asker, files, is_exhaustive=False)
        return answer

    def take_trace(self) -> Trace:
        """Give what was asked since this was last called."""
        taken, self.trace = self.trace, Trace()
        taken.folders |= self._locations.searched
        self._locations.searched = set()
        return taken

    @cached_property
    def _real_root(self) -> Path:
        return self.root.resolve()

    def find(self, importer: Path, dotted: str, level: int = 0) -> Module | None:
        """Find the module that an import names.

        Args:
            importer: the absolute path of the importing file.
            dotted: the module as written, without its leading dots; may be empty.
            level: the number of leading dots.

        Returns:
            The module; None where it lies outside the project or cannot be read.
        """
        if importer not in self._folders:  # the same object each time keeps what it is hashed to
            self._folders[importer] = importer.parent
        return self._answer(importer, Question(self._folders[importer], dotted, level))

    def submodule(self, package: Module, name: str) -> Module | None:
        """Find a module inside a package, by its simple name."""
        folder = package.path if package.path.is_dir() else package.path.parent
        if package.path.name not in ("__init__.py", folder.name):
            return None
        return self._answer(package.path, Question(folder, name, 1))

    def may_have(self, module: Module, name: str) -> bool:
        """Tell whether a module, or a package, may have an attribute of some name."""
        if module.bindings(name) or self.submodule(module, name) is not None:
            return True
        return any(word in module.text for word in _BINDING_BY_TEXT)

    def lacks(self, importer: Path, imported: Imported) -> bool:
        """Tell whether an import takes a name from a module of the project that has none such.

        Args:
            importer: the absolute path of the importing file.
            imported: what it imports, by a name.

        Returns:
            True where each module that it may mean has none. What other modules store there, and
            what a folder without ``__init__.py`` or an empty file holds, is not known.
        """
        question = Question(importer.parent, imported.module, imported.level)
        paths = list(self._locations.every(question))
        self.trace.searched(importer, paths, is_exhaustive=False)
        name = imported.name or ""
        modules = [self._module(path) for path in paths]
        if not modules or any(module is None or self._has(module, name) for module in modules):
            return False
        stored = re.compile(rf"\.{re.escape(name)}\s*(?::[^=\n]+)?=(?!=)".encode())
        return not self.may_hold(importer, stored)

    def _has(self, module: Module, name: str) -> bool:
        return not module.text.strip() or self.may_have(module, name)

    def _answer(self, asker: Path, question: Question) -> Module | None:
        path = self._locations.find(question)
        self.trace.answered(asker, question, path)
        return self._module(path) if path else None

    def _module(self, path: Path) -> Module | None:
        if path not in self._modules:
            self._modules[path] = self._read(path)
        return self._modules[path]

    def _read(self, path: Path) -> Module | None:
        try:
            if not path.resolve().is_relative_to(self._real_root):
                return None
            if path.is_dir():
                return Module(path, "")
            data = self.sources.read(path, most=LARGEST_MODULE)
        except (OSError, RuntimeError):
            return None
        text = decode(data)
        return None if text is None else Module(path, text)
