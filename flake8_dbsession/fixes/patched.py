"""What a project's tests replace in its modules while they run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from flake8_dbsession.analysis.names.project import decode
from flake8_dbsession.checking.discovery import discover
from flake8_dbsession.rules.context import Context

_BY_NAME = re.compile(r"\b(?:patch|setattr)\(\s*[\"']([\w.]+)\.(\w+)[\"']")
_BY_MODULE = re.compile(r"\b(?:patch\.object|setattr)\(\s*([\w.]+),\s*[\"'](\w+)[\"']")
_WORDS = (b"patch", b"setattr")
# An import that stands in a function.
_LATE = r"^[ \t]+from\s+([\w.]+)\s+import\s[^\n]*\b{}\b"
_RENAMED = re.compile(r"(?:\bfrom\s+([\w.]+)\s+)?\bimport\s+(?:\w+,\s*)*([\w.]+)\s+as\s+(\w+)")


class _Patch(NamedTuple):
    """A place where a test patches a name of a module.

    Attributes:
        test: the test's file.
        module: the module, by its own name where the test has another for it.
    """

    test: Path
    module: str


class PatchedNames:
    """The names that tests patch, found once for each project and only when asked for."""

    def __init__(self) -> None:
        self._by_root: dict[Path, dict[str, list[_Patch]]] = {}
        self._words: dict[Path, frozenset[str]] = {}

    def doubts(self, names: Set[str], context: Context) -> Iterator[str]:
        """Say which test would notice that a module does not use some names any more.

        Args:
            names: the names that a fix takes the uses of.
            context: the module.

        Yields:
            A doubt for each name that a test patches in this very module, or where this module
            imports it from each time that it is called.
        """
        if not names:
            return
        path, text = context.file.path, context.file.module.text
        patched = self._of_project(context.file.inference.project.root, context)
        for name in sorted(names & patched.keys()):
            homes = set(re.findall(_LATE.format(re.escape(name)), text, re.MULTILINE))
            doubts = (self._doubt(name, patch, path, homes) for patch in patched[name])
            yield from islice(filter(None, doubts), 1)

    def _doubt(self, name: str, patch: _Patch, path: Path, homes: set[str]) -> str | None:
        """Say that a patch is of a module's name, or of what it imports from a home when called."""
        if _is_module(path, patch.module):
            return f"`{patch.test.name}` patches `{name}` in this module"
        if patch.module in homes and self._names(patch.test, path.stem):
            return f"`{patch.test.name}` patches `{patch.module}.{name}`"
        return None

    def _names(self, test: Path, module: str) -> bool:
        """Tell whether a test has a module's own name as a word."""
        if test not in self._words:
            self._words[test] = frozenset(re.findall(r"\w+", _text(test)))
        return module in self._words[test]

    def _of_project(self, root: Path, context: Context) -> dict[str, list[_Patch]]:
        """Give the places where each patched name is patched."""
        if root not in self._by_root:
            found: dict[str, list[_Patch]] = {}
            for path in map(Path, discover([str(root)], ())):
                if context.policy.is_test(path):
                    for name, patch in _patches(path):
                        found.setdefault(name, []).append(patch)
            self._by_root[root] = found
        return self._by_root[root]


def _patches(path: Path) -> Iterator[tuple[str, _Patch]]:
    text = _text(path)
    for module, name in _BY_NAME.findall(text):
        yield name, _Patch(path, module)
    by_module = _BY_MODULE.findall(text)
    renamed = _renamed(text) if by_module else {}
    for module, name in by_module:
        yield name, _Patch(path, renamed.get(module, module))


def _renamed(text: str) -> dict[str, str]:
    """Give what a test's text imports under another name, the first of each name."""
    found: dict[str, str] = {}
    for package, module, name in _RENAMED.findall(text):
        found.setdefault(name, f"{package}.{module}" if package else module)
    return found


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError:
        return ""
    return (decode(content) or "") if any(word in content for word in _WORDS) else ""


def _is_module(path: Path, name: str) -> bool:
    """Tell whether a file may be the module of a name: whether its path ends with it."""
    parts = (*path.parts[:-1], *(() if path.stem == "__init__" else (path.stem,)))
    wanted = tuple(name.split("."))
    return parts[-len(wanted) :] == wanted
