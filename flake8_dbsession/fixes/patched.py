"""Whether a test would notice a fix, for it replaces what a module does not use any more."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from flake8_dbsession.analysis.names.outline import parse
from flake8_dbsession.analysis.names.project import decode
from flake8_dbsession.fixes.neighbours import Neighbours, is_module, module_word, read
from flake8_dbsession.fixes.patches import HOLE, Patch, patches
from flake8_dbsession.rewriting.edits import Doubt, Fix, Kind, Swap
from flake8_dbsession.rules.context import Context

_WORDS = (b"patch", b"setattr", b"sys.modules", b"reload")
# An import that stands in a function.
_LATE = r"^[ \t]+from\s+([\w.]+)\s+import\s+(?:\([^)]*|[^\n]*)\b{}\b"
_ENTERS = re.compile(r"__a?(?:enter|exit)__")
_COUNTS_COMMITS = re.compile(
    r"commit\.(?:assert_(?:not_called|called_once|not_awaited|awaited_once)|call_count|await_count"
    r"|side_effect|called\b|mock_calls)|commit\s*=|method_calls|mock_calls"
)
_COUNTS_CLOSES = re.compile(r"close\.(?:assert_not_called|side_effect)|close\s*=")
_MOCK = re.compile(r"\b(?:Magic|Async|Non\w*)?Mock\(|\bcreate_autospec\(")
_REAL = re.compile(r"\b(?:async_)?sessionmaker\b|\bSession\(|\bscoped_session\b")
_FAKE = re.compile(r"^\s*class\s|\bSimpleNamespace\(|\bcontextmanager\b", re.MULTILINE)


class PatchedNames:
    """What the tests of projects patch, found once for each project and only when asked for."""

    def __init__(self) -> None:
        self._neighbours: dict[Path, Neighbours] = {}
        self._tests: dict[Path, _Test] = {}

    def neighbours(self, root: Path) -> Neighbours:
        """Give the files of a project."""
        if root not in self._neighbours:
            self._neighbours[root] = Neighbours(root)
        return self._neighbours[root]

    def doubts(self, fix: Fix, context: Context) -> Iterator[Doubt]:
        """Say which test would notice a fix.

        Args:
            fix: the fix.
            context: the module that it is made in.

        Yields:
            A doubt for each name that the fix takes the uses of and that a test patches: in this
            very module, or where this module imports it from each time that it is called, unless
            what is used instead reads the same patched name.
        """
        path, text = context.file.path, context.file.module.text
        root = context.file.inference.project.root
        for name in sorted(fix.unneeded):
            homes = set(re.findall(_LATE.format(re.escape(name)), text, re.MULTILINE))
            for test in self._tests_naming(name, root, context):
                reason = test.notices(name, path, homes, fix.swap)
                if reason:
                    yield Doubt(Kind.PATCHED, f"`{test.path.name}` {reason}", str(test.path))
                    break

    def _tests_naming(self, name: str, root: Path, context: Context) -> Iterator[_Test]:
        neighbours = self.neighbours(root)
        for path in dict.fromkeys([*neighbours.naming(name), *neighbours.naming("sys.modules")]):
            if context.policy.is_test(path):
                if path not in self._tests:
                    self._tests[path] = _Test(path)
                yield self._tests[path]


class _Test:
    """A test's file.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def notices(self, name: str, module: Path, homes: set[str], swap: Swap | None) -> str:
        """Say how a test would notice that a module does not use a name any more.

        Args:
            name: the name.
            module: the module's file.
            homes: the modules that it imports the name from when it is called.
            swap: what is called in its place; None where nothing is.

        Returns:
            The reason; empty where it would not.
        """
        word = module_word(module)
        for patch in self._patches:
            if patch.name == name and HOLE not in patch.module:
                if is_module(module, patch.module):
                    return f"patches `{name}` in this module"
                is_home = patch.module in homes and word in self._words
                if is_home and not self._is_reread(patch, name, swap):
                    return f"patches `{patch.module}.{name}`"
            elif word not in self._words:
                continue
            elif patch.name == "*" and patch.module in homes:
                return f"replaces `{patch.module}` as a whole"
            elif _may_be(patch, name):
                return f"may patch `{name}` in this module"
        return ""

    def _is_reread(self, patch: Patch, name: str, swap: Swap | None) -> bool:
        """Tell whether what is called instead does under a patch what the module did by itself."""
        if swap is None or swap.old != name or not swap.reads_old:
            return False
        told = [*self._told(patch)]
        text = "\n".join(told)
        if swap.enters_old != swap.enters and _ENTERS.search(text):
            return False
        if swap.commits and _COUNTS_COMMITS.search(text):
            return False
        return not _COUNTS_CLOSES.search(text) and self._is_plain(patch, text)

    def _is_plain(self, patch: Patch, text: str) -> bool:
        """Tell whether what a patch gives is a mock, or makes real sessions."""
        options = {option.arg: option.value for option in patch.options}
        given = patch.given or options.get("return_value") or options.get("side_effect")
        if given is None or isinstance(given, ast.Constant):
            return True
        if _FAKE.search(text):
            return False
        return bool(_MOCK.search(text) or _REAL.search(text))

    def _told(self, patch: Patch) -> Iterator[str]:
        """Give the code around a patch, and that of what it names."""
        waiting, seen = [patch.place], set()
        while waiting:
            node = waiting.pop()
            if node in seen:
                continue
            seen.add(node)
            if not isinstance(node, ast.Module):
                yield ast.get_source_segment(self._text, node) or ""
            names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
            names |= {n.arg for n in ast.walk(node) if isinstance(n, ast.arg)}
            waiting += [self._definitions[name] for name in names & self._definitions.keys()]

    @cached_property
    def _definitions(self) -> dict[str, ast.AST]:
        """Give the functions and classes of the file that a test may use."""
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        defined = (node for node in ast.walk(self._tree) if isinstance(node, kinds))
        return {node.name: node for node in defined if not node.name.startswith(("test", "Test"))}

    @cached_property
    def _patches(self) -> list[Patch]:
        content = read(self.path)
        if not any(word in content for word in _WORDS) and b"." not in content:
            return []
        return patches(self._tree, self.path)

    @cached_property
    def _words(self) -> frozenset[str]:
        return frozenset(re.findall(r"\w+", self._text))

    @cached_property
    def _tree(self) -> ast.Module:
        return parse(self._text) or ast.Module([], [])

    @cached_property
    def _text(self) -> str:
        return decode(read(self.path)) or ""


def _may_be(patch: Patch, name: str) -> bool:
    """Tell whether a patch that cannot be read may be of a name."""
    if patch.name == name:
        return HOLE in patch.module
    return patch.name == HOLE and patch.module == HOLE
