"""The project around the linted files: where its modules lie, each read at most once a process."""

from __future__ import annotations

import io
import os
import sys
import tokenize
from collections.abc import Iterator
from functools import cache, cached_property
from pathlib import Path

from flake8_dbsession.analysis.facts.teardowns import teardown_evidence
from flake8_dbsession.analysis.names import library
from flake8_dbsession.analysis.names.modules import Module
from flake8_dbsession.analysis.names.trace import ANY_NAME, Trace

_ROOT_MARKERS = (".git", ".hg")
_PROJECT_MARKERS = (
    "pyproject.toml",
    "setup.cfg",
    "setup.py",
    "tox.ini",
    ".flake8",
    "dbsession.toml",
    "requirements.txt",
)
_SKIPPED_FOLDERS = frozenset({"node_modules", "site-packages", "venv", "env", "__pycache__"})
# What is never looked for in the project: the standard library, and the packages that nearly every
# file of a web service imports.
_INSTALLED = sys.stdlib_module_names | library.PACKAGES | {"fastapi", "flask", "starlette"}
_LARGEST_MODULE = 4_000_000  # bytes; what is longer is data in the shape of a module


@cache
def repository_root(folder: Path) -> Path:
    """Find the folder beyond which nothing is read.

    Args:
        folder: an absolute, resolved folder.

    Returns:
        The nearest folder at or above it that holds a repository; else the topmost that holds a
        project's file; else the working directory, where that is above it; else the first that is
        no package.
    """
    above = [folder, *folder.parents]
    for candidate in above:
        if any((candidate / marker).exists() for marker in _ROOT_MARKERS):
            return candidate
    marked = [c for c in above if any((c / marker).is_file() for marker in _PROJECT_MARKERS)]
    if marked:
        return marked[-1]
    if Path.cwd() in above:
        return Path.cwd()
    return next((c for c in above if not (c / "__init__.py").is_file()), folder)


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


def _is_package(folder: Path) -> bool:
    return (folder / "__init__.py").is_file()


class Project:
    """The modules of one repository, found and read when something is imported from them.

    Attributes:
        root: the repository's folder.
        trace: what was asked so far, and what the answers rest on.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.trace = Trace()
        self._found: dict[tuple[Path, str, int], Path | None] = {}
        self._modules: dict[Path, Module | None] = {}
        self._roots: dict[tuple[Path, str], list[Path]] = {}
        self._source_folders: dict[Path, list[Path]] = {}

    def may_tear_down(self, asker: Path) -> bool:
        """Tell whether anything in the project may close a request's session when that ends.

        Args:
            asker: the absolute path of the file that the answer is for.
        """
        tears_down, files = self._teardown_evidence
        self.trace.answered(asker, () if tears_down else (ANY_NAME,), files)
        for file in files:
            self.trace.searched(file.parent)
        return tears_down

    @cached_property
    def _teardown_evidence(self) -> tuple[bool, list[Path]]:
        return teardown_evidence(self.root)

    def take_trace(self) -> Trace:
        """Give what was asked since this was last called."""
        taken, self.trace = self.trace, Trace()
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
        question = (importer.parent, dotted, level)
        if question not in self._found:
            self._found[question] = self._find(*question)
        path = self._found[question]
        self.trace.answered(importer, dotted.split("."), [path] if path else ())
        return self._module(path) if path else None

    def submodule(self, package: Module, name: str) -> Module | None:
        """Find a module inside a package, by its simple name."""
        folder = package.path if package.path.is_dir() else package.path.parent
        if package.path.name not in ("__init__.py", folder.name):
            return None
        path = self._resolve(folder / name)
        self.trace.searched(folder, [name])
        self.trace.answered(package.path, [name], [path] if path else ())
        return self._module(path) if path else None

    def _find(self, folder: Path, dotted: str, level: int) -> Path | None:
        segments = dotted.split(".") if dotted else []
        for base in self._bases(folder, segments, level):
            self.trace.searched(base, segments)
            path = self._resolve(base.joinpath(*segments))
            if path is not None:
                return path
        return None

    def _bases(self, folder: Path, segments: list[str], level: int) -> list[Path]:
        """Give the folders from which a dotted name may lead on, the likeliest first."""
        if level:
            for _ in range(level - 1):
                folder = folder.parent
            return [folder] if self._is_inside(folder) else []
        if not segments or segments[0] in _INSTALLED:
            return []
        key = (folder, segments[0])
        if key not in self._roots:
            self._roots[key] = list(self._source_roots(*key))
        return self._roots[key]

    def _source_roots(self, folder: Path, top: str) -> Iterator[Path]:
        """Find the source roots that hold a top-level name: above the importer, then beside it."""
        if not self._is_inside(folder):
            return
        ancestors = [folder, *folder.parents]
        ancestors = ancestors[: ancestors.index(self.root) + 1]
        self.trace.folders.update(ancestors)
        above = [root for root in ancestors if self._resolve(root / top) is not None]
        yield from sorted(above, key=_is_package)
        for ancestor in ancestors if not above else []:
            self.trace.folders.update(self._folders_in(ancestor))
            for root in self._folders_in(ancestor):
                if self._resolve(root / top) is not None:
                    yield root

    def _folders_in(self, folder: Path) -> list[Path]:
        if folder not in self._source_folders:
            try:
                names = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir())
            except OSError:
                names = []
            self._source_folders[folder] = [
                folder / name
                for name in names
                if not name.startswith(".") and name not in _SKIPPED_FOLDERS
            ]
        return self._source_folders[folder]

    def _resolve(self, path: Path) -> Path | None:
        try:
            if (path / "__init__.py").is_file():
                return path / "__init__.py"
            if path.with_name(path.name + ".py").is_file():
                return path.with_name(path.name + ".py")
            return path if path.is_dir() else None
        except (OSError, ValueError):
            return None

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
            if path.stat().st_size > _LARGEST_MODULE:
                return None
            text = decode(path.read_bytes())
        except (OSError, RuntimeError):
            return None
        return None if text is None else Module(path, text)

    def _is_inside(self, path: Path) -> bool:
        return path == self.root or self.root in path.parents
