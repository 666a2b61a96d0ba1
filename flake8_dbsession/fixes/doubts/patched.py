"""Whether a test would notice a fix, for it replaces what a module does not use any more."""

from __future__ import annotations

import ast
import builtins
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

from flake8_dbsession.analysis.names.project import decode
from flake8_dbsession.analysis.names.scopes import last_segment
from flake8_dbsession.analysis.source.outline import parse
from flake8_dbsession.fixes.doubts.neighbours import Neighbours, is_module, module_word, read
from flake8_dbsession.fixes.doubts.patches import HOLE, Patch, patches
from flake8_dbsession.reading import DISK, Sources
from flake8_dbsession.rewriting.edits import Doubt, Kind, Move, Swap
from flake8_dbsession.rules.context import Context

# A text that ends in the name, an attribute that is set, a patch of what is no plain text.
_MAY_PATCH = (
    r"\b{0}[\"']|\.{0}\s*=[^=]|\b{0}\s*=[^=].*|sys\.modules"
    r"|\b(?:patch|setattr)\(\s*(?![\"'frbu\s]*[\"'])[\w.\[\]]+\s*[),+\[]"
)
# An import that stands in a function.
_LATE = r"^[ \t]+from\s+([\w.]+)\s+import\s+(?:\([^)]*|[^\n]*)\b{}\b"
_ENTERS = re.compile(r"__a?(?:enter|exit)__")
_COUNTS_COMMITS = re.compile(
    r"commit\.(?:assert_(?:not_called|called_once|not_awaited|awaited_once)|call_count|await_count"
    r"|side_effect|called\b|mock_calls)|commit\s*=|method_calls|mock_calls"
)
_COUNTS_CLOSES = re.compile(r"close\.(?:assert_not_called|side_effect)|close\s*=")
_MADE = re.compile(r"(?:mock\.)?(?:Magic|NonCallableMagic)?Mock\(\)$")
_MOCK = re.compile(r"\b(?:Magic|Async|Non\w*)?Mock\(|\bcreate_autospec\(")
_REAL = re.compile(r"\b(?:async_)?sessionmaker\b|\bSession\(|\bscoped_session\b")
_FAKE = re.compile(r"^\s*class\s+(?!Test)|\bSimpleNamespace\(|\bcontextmanager\b", re.MULTILINE)


class Verdict(NamedTuple):
    """What the tests of a project make of a fix.

    Attributes:
        doubt: that one of them would notice it; None where none would.
        moves: the texts in which they have to name something else.
    """

    doubt: Doubt | None = None
    moves: tuple[Move, ...] = ()


class PatchedNames:
    """What the tests of projects patch, found once for each project and only when asked for.

    Args:
        sources: where the tests are read.
    """

    def __init__(self, sources: Sources = DISK) -> None:
        self._sources = sources
        self._neighbours: dict[Path, Neighbours] = {}
        self._tests: dict[Path, _Test] = {}

    def neighbours(self, root: Path) -> Neighbours:
        """Give the files of a project."""
        if root not in self._neighbours:
            self._neighbours[root] = Neighbours(root, self._sources)
        return self._neighbours[root]

    def verdict(
        self, name: str, swap: Swap | None, gone: Sequence[Swap], context: Context
    ) -> Verdict:
        """Tell what the tests make of it that a module does not use a name at a place any more.

        Args:
            name: the name.
            swap: what is called there instead; None where nothing is.
            gone: what is called instead everywhere, where the module does not use the name at all
                any more; empty where it does.
            context: the module.

        Returns:
            A doubt where a test patches the name: in this very module, or where this module imports
            it from each time that it is called, unless what is used instead reads the same patched
            name; and the texts that tests have to name it by.
        """
        path = context.file.path
        homes = _homes(name, context)
        if not homes and not context.file.module.scope.bindings(name):
            return Verdict()
        moves: list[Move] = []
        for test in self._tests_naming(name, context):
            reason, found = test.notices(name, path, homes, swap, gone)
            if reason:
                shown = shown_from(context.file.inference.project.root, test.path)
                doubt = Doubt(Kind.PATCHED, f"`{shown}` {reason}", str(test.path))
                return Verdict(doubt)
            moves += found
        return Verdict(None, tuple(moves))

    def _tests_naming(self, name: str, context: Context) -> Iterator[_Test]:
        root = context.file.inference.project.root
        neighbours = self.neighbours(root)
        for path in dict.fromkeys([*neighbours.naming(name), *neighbours.naming("sys.modules")]):
            if context.policy.is_test(path):
                if path not in self._tests:
                    self._tests[path] = _Test(path, self._sources)
                yield self._tests[path]


def shown_from(root: Path, path: Path) -> str:
    """Write a file's path as it is seen from a project's root."""
    return Path(os.path.relpath(path, root)).as_posix()


def _homes(name: str, context: Context) -> set[str]:
    """Give the modules that a module reads a name from each time that it calls it.

    By an import in a function, or as an attribute; the alias of that module is given as well.
    """
    late = _LATE.format(re.escape(name))
    homes = set(re.findall(late, context.file.module.text, re.MULTILINE))
    for node, scope in context.file.tree.find(ast.Attribute):
        if node.attr == name:
            homes |= {each.rpartition(".")[0] for each in context.file.names(node, scope)}
    return homes - {""}


class _Seen(NamedTuple):
    """What a test does with what it patches.

    Attributes:
        module: the module, as far as it can be read.
        name: what is replaced in it.
        enters: whether the test prepares the block of what it gives.
        counts: whether it looks at the commits of what it gives, or has them fail.
        closes: whether it looks at the closes.
        is_plain: whether it gives a mock, or what makes real sessions.
        raises: whether calling what it gives is an error.
        line: the line of the text that names it; 0 where no plain text does.
        is_whole: whether that text names the module, too.
        is_optional: whether it does not matter that the module has no such name.
    """

    module: str
    name: str
    enters: bool
    counts: bool
    closes: bool
    is_plain: bool
    raises: bool = False
    line: int = 0
    is_whole: bool = False
    is_optional: bool = False

    def is_reread(self, swap: Swap | None) -> bool:
        """Tell whether what is called instead does under a patch what the module did by itself."""
        if swap is None or swap.old != self.name or not swap.reads_old:
            return False
        if self.raises:
            return swap.stays
        is_other = (swap.enters_old != swap.enters and self.enters) or (
            swap.commits and self.counts
        )
        return self.is_plain and not is_other and not self.closes


class _Test:
    """A test's file.

    Args:
        path: the file.
        sources: where it is read.
    """

    def __init__(self, path: Path, sources: Sources) -> None:
        self.path = path
        self._sources = sources
        self._seen: dict[str, list[_Seen]] = {}
        self._words: frozenset[str] | None = None

    def notices(
        self, name: str, module: Path, homes: set[str], swap: Swap | None, gone: Sequence[Swap]
    ) -> tuple[str, list[Move]]:
        """Say how a test would notice that a module does not use a name any more.

        Args:
            name: the name.
            module: the module's file.
            homes: the modules that it imports the name from when it is called.
            swap: what is called in its place; None where nothing is.
            gone: what is called in its place everywhere; empty where the module uses it still.

        Returns:
            The reason, empty where it would not, and the texts that have to name something else.
        """
        moves: list[Move] = []
        for seen in self._patches(name):
            if seen.name == name and HOLE not in seen.module:
                if is_module(module, seen.module):
                    if self._is_covered(seen, swap):
                        continue
                    move = self._moved(seen, module, gone)
                    if move is None:
                        return f"patches `{name}` in this module", []
                    moves.append(move)
                is_home = _ends_in_any(seen.module, homes) and self._names(module)
                if is_home and not seen.is_reread(swap):
                    return f"patches `{seen.module}.{name}`", []
            elif not self._names(module):
                continue
            elif seen.name == "*":
                if seen.module in homes:
                    return f"replaces `{seen.module}` as a whole", []
            elif HOLE in seen.module and not self._is_covered(seen, swap):
                return f"may patch `{name}` in this module", []
        return "", moves

    def _is_covered(self, seen: _Seen, swap: Swap | None) -> bool:
        """Tell whether a patch may find no name, for the test patches it where it is defined."""
        if not seen.is_optional or swap is None or swap.home is None:
            return False
        homes = [s for s in self._patches(seen.name) if is_module(swap.home, s.module)]
        return bool(homes) and all(home.is_reread(swap) for home in homes)

    def _moved(self, seen: _Seen, module: Path, gone: Sequence[Swap]) -> Move | None:
        """Give the text that a patch has to name instead; None where no text would do."""
        if not gone or not seen.line:
            return None
        old = f"{seen.module}.{seen.name}" if seen.is_whole else seen.name
        news = {swap.new for swap in gone}
        new = news.pop() if len(news) == 1 and all(swap.enters for swap in gone) else ""
        if new.isidentifier():
            return Move(self.path, seen.line, old, f"{seen.module}.{new}" if seen.is_whole else new)
        homes = {swap.home for swap in gone}
        if not seen.is_whole or len(homes) != 1 or not all(map(seen.is_reread, gone)):
            return None
        home = self._dotted(homes.pop(), seen.module, module)
        return Move(self.path, seen.line, old, f"{home}.{seen.name}") if home else None

    def _dotted(self, home: Path | None, module: str, path: Path) -> str:
        """Give the dotted name of a file from how another one is called; empty for none."""
        parts = module.split(".")
        root = path.parents[len(parts) - 1] if path.stem != "__init__" else None
        if home is None or root is None or not home.is_relative_to(root):
            return ""
        return ".".join(home.relative_to(root).with_suffix("").parts)

    def _names(self, module: Path) -> bool:
        """Tell whether the test has a module's own name as a word."""
        if self._words is None:
            self._words = frozenset(re.findall(r"\w+", self._text()))
        return module_word(module) in self._words

    def _patches(self, name: str) -> list[_Seen]:
        """Give the patches that are, or may be, of a name."""
        if name not in self._seen:
            self._seen[name] = list(_seen(self._text(), name))
        return self._seen[name]

    def _text(self) -> str:
        return decode(read(self.path, self._sources)) or ""


def _ends_in_any(module: str, homes: set[str]) -> bool:
    """Tell whether a dotted name is one of some, or ends in it as in ``app.service.database``."""
    return any(f".{module}".endswith(f".{home}") for home in homes)


def _seen(text: str, name: str) -> Iterator[_Seen]:
    tree = parse(text) if re.search(_MAY_PATCH.format(re.escape(name)), text) else None
    if tree is None:
        return
    code = _Code(tree, text)
    for patch in patches(tree):
        if patch.name == name:
            yield code.seen(patch)
        elif patch.name == "*" or (patch.name, patch.module) == (HOLE, HOLE):
            yield _Seen(patch.module, patch.name, False, False, False, is_plain=False)


_DEFINED = (ast.FunctionDef, ast.AsyncFunctionDef)
_Definition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class _Code:
    """The code of a test's file, looked at for what it gives in the place of a name."""

    def __init__(self, tree: ast.Module, text: str) -> None:
        self._lines = text.split("\n")
        inner = [part for part in tree.body if isinstance(part, ast.ClassDef)]
        bodies = [tree.body, *(cls.body for cls in inner)]
        self._functions = [n for body in bodies for n in body if isinstance(n, _DEFINED)]
        imports = (s for s in ast.walk(tree) if isinstance(s, ast.ImportFrom))
        errors = (s.names for s in imports if s.module == "sqlalchemy.exc")
        self._errors = {alias.asname or alias.name for names in errors for alias in names}
        self._helpers = {
            n.name: n for n in (*self._functions, *inner) if not n.name.startswith(("test", "Test"))
        }

    def seen(self, patch: Patch) -> _Seen:
        """Tell what a test does with what it gives."""
        text = "\n".join(self._told(patch.line))
        return _Seen(
            patch.module,
            patch.name,
            enters=_ENTERS.search(text) is not None,
            counts=_COUNTS_COMMITS.search(text) is not None,
            closes=_COUNTS_CLOSES.search(text) is not None,
            is_plain=_is_plain(patch, text),
            raises=self._raises(patch),
            line=patch.target.lineno if patch.target is not None else 0,
            is_whole=patch.target is not None and patch.target.value != patch.name,
            is_optional=any(map(_makes_optional, patch.options)),
        )

    def _raises(self, patch: Patch) -> bool:
        """Tell whether what a patch gives has an error for its side effect."""
        error = next((o.value for o in patch.options if o.arg == "side_effect"), None)
        name = last_segment(error.func if isinstance(error, ast.Call) else error) if error else ""
        found = getattr(builtins, name, None)
        is_built_in = isinstance(found, type) and issubclass(found, BaseException)
        return is_built_in or name in self._errors

    def _told(self, line: int) -> Iterator[str]:
        """Give the test around a line, and the functions of the file that it names.

        What stands in no test, such as a fixture, is for the whole file.
        """
        around = [f for f in self._functions if _first(f) <= line <= (f.end_lineno or 0)]
        if not around or not around[0].name.startswith("test"):
            yield "\n".join(self._lines)
            return
        waiting: list[_Definition] = [*around]
        seen: set[_Definition] = set()
        while waiting:
            node = waiting.pop()
            if node not in seen:
                seen.add(node)
                yield self._text(node)
                words = set(re.findall(r"\w+", self._text(node)))
                waiting += [self._helpers[word] for word in words & self._helpers.keys()]

    def _text(self, node: _Definition) -> str:
        return "\n".join(self._lines[_first(node) - 1 : node.end_lineno])


def _first(node: _Definition) -> int:
    return min(part.lineno for part in (node, *node.decorator_list))


def _makes_optional(option: ast.keyword) -> bool:
    match option:
        case ast.keyword(arg="create", value=ast.Constant(value=True)):
            return True
        case ast.keyword(arg="raising", value=ast.Constant(value=False)):
            return True
    return False


def _is_plain(patch: Patch, text: str) -> bool:
    """Tell whether what a patch gives is a mock, or makes real sessions."""
    options = {option.arg: option.value for option in patch.options}
    given = patch.given or options.get("return_value") or options.get("side_effect")
    if given is None or isinstance(given, ast.Constant) or _is_mock(given, text):
        return True
    if _FAKE.search(text):
        return False
    return bool(_MOCK.search(text) or _REAL.search(text))


def _is_mock(given: ast.expr, text: str) -> bool:
    """Tell whether a test gives a mock, or a function that returns one."""
    match given:
        case ast.Lambda(body=ast.Name(id=name)) | ast.Name(id=name):
            pass
        case ast.Call(keywords=[ast.keyword(arg="return_value", value=ast.Name(id=name))]):
            pass
        case _:
            return False
    bound = re.findall(rf"^\s*{name}\s*=(?!=)\s*(.*)$", text, re.MULTILINE)
    return bool(bound) and all(map(_MADE.match, bound))
