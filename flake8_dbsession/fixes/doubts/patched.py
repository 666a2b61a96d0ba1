"""Whether a test would notice a fix, for it replaces what a module does not use any more."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterable, Iterator, Set
from dataclasses import replace
from functools import partial
from pathlib import Path

from flake8_dbsession.analysis.names.project import Project, decode
from flake8_dbsession.analysis.source.outline import parse
from flake8_dbsession.fixes.doubts.handed import ways_to
from flake8_dbsession.fixes.doubts.neighbours import Neighbours, is_module, read
from flake8_dbsession.fixes.doubts.notices import Place, Read, Test, Uses, may_be_any
from flake8_dbsession.fixes.doubts.reach import Functions
from flake8_dbsession.fixes.doubts.sources import READER
from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.reading import DISK, Sources
from flake8_dbsession.rewriting.edits import Doubt, Kind, Move, Swap, Taken
from flake8_dbsession.rules.context import Context

# An import that stands in a function.
_LATE = r"^[ \t]+from\s+([\w.]+)\s+import\s+(?:\([^)]*|[^\n]*)\b{}\b"
# The name that such an import gives another one, which is that of the home.
_RENAMED = r"^[ \t]+from\s+[\w.]+\s+import\s+(?:\([^)]*|[^\n]*)\b(\w+)\s+as\s+{}\b"


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
        self._tests: dict[Path, Test] = {}
        self._tests_by: dict[tuple[Path, str], list[Test]] = {}
        self._mentioned: dict[tuple[Path, str], list[_Mentions]] = {}
        self._conftests: dict[Path, tuple[ast.Module, str] | None] = {}
        self._functions: dict[Path, Functions] = {}
        self._callers_of: dict[tuple[Path, Path], tuple[Functions, ...]] = {}
        self._late: dict[tuple[Path, str, frozenset[str], bool], list[Read]] = {}

    def neighbours(self, root: Path) -> Neighbours:
        """Give the files of a project."""
        if root not in self._neighbours:
            self._neighbours[root] = Neighbours(root, self._sources)
        return self._neighbours[root]

    def verdict(self, name: str, swap: Swap | None, uses: Uses, context: Context) -> Verdict:
        """Tell what the tests make of it that a module does not use a name at a place any more.

        Args:
            name: the name.
            swap: what is called there instead; None where nothing is.
            uses: what becomes of all places where it reads that name.
            context: the module.

        Returns:
            A doubt where a test patches the name and may run the place: in this very module, or
            where this module imports it from each time that it is called, unless what is used
            instead reads the same patched name; and the texts that tests have to name it by. What
            it imports by another name is patched by that of its home.
        """
        verdict = self._verdict(name, swap, uses, context)
        for original in re.findall(_RENAMED.format(name), context.file.module.text, re.MULTILINE):
            is_own = swap is not None and (swap.old, swap.original) == (name, original)
            same = replace(swap, old=original, original="") if swap and is_own else None
            there = Uses((same,) if same else (), (), uses.functions, may_move=False)
            other = self._verdict(original, same, there, context)
            verdict = verdict if verdict.doubt else Verdict(other.doubt, verdict.moves)
        return verdict

    def _verdict(self, name: str, swap: Swap | None, uses: Uses, context: Context) -> Verdict:
        homes, is_source = _homes(name, context), swap is not None and name in swap.sources
        if swap is not None and swap.is_given and name == swap.sources[0]:
            return self._handed(name, swap, context) if swap.is_itself else Verdict()
        if not homes and not context.file.module.scope.bindings(name):
            if swap is None or is_source or not swap.is_itself:
                return Verdict()
            return self._handed(swap.old, swap, context)
        moves: list[Move] = []
        new = swap.new if swap is not None and swap.new.isidentifier() else name
        for test in dict.fromkeys(self._tests_of(context, name) + self._tests_of(context, new)):
            reason, found = test.notices(self._place(name, homes, swap, uses, test, context))
            if reason:
                return Verdict(doubt_of(test.path, reason, context))
            moves += found
        return Verdict(None, tuple(moves))

    def is_patched(self, name: str, context: Context, moves: Iterable[Move] = ()) -> bool:
        """Tell whether a test replaces a name in a module.

        Args:
            name: the name.
            context: the module.
            moves: the texts of tests that are going to name something else.
        """
        moved = {(move.path, move.line) for move in moves if not move.stays}
        return any(
            (test.path, line) not in moved
            for test in self._tests_naming(context, name)
            for line in test.patched(name, context.file.path)
        )

    def source_read(self, before: str, after: str, context: Context) -> Doubt | None:
        """Doubt a fix of a module of whose source a test looks for what comes or goes.

        Args:
            before: the module's text.
            after: its text after the fix.
            context: the module.
        """
        for test in self._tests_naming(context, READER):
            if any(look.differs(before, after) for look in test.looks_into(context.file.path)):
                return doubt_of(test.path, "looks into the source of this module", context)
        return None

    def unread(self, taken: Taken, uses: Uses, context: Context) -> Doubt | None:
        """Doubt a fix for which a module takes by itself what a test replaces where it is defined.

        Args:
            taken: what it takes.
            uses: where the module reads the name of that.
            context: the module.
        """
        for test in self._tests_naming(context, taken.name):
            place = self._place(taken.name, set(), None, uses, test, context)
            patched = test.replaces(taken, place)
            if patched:
                reason = f"patches `{patched}`, which `{taken.reader}` reads at each call"
                return doubt_of(test.path, reason, context)
        return None

    def _place(
        self,
        name: str,
        homes: Set[str],
        swap: Swap | None,
        uses: Uses,
        test: Test,
        context: Context,
    ) -> Place:
        callers = partial(self._callers, test, context)
        others = partial(self._late_reads, homes=frozenset(homes), context=context)
        path, has_own = context.file.path, partial(_has, context)
        return Place(name, path, frozenset(homes), swap, uses, callers, others, has_own)

    def _handed(self, name: str, swap: Swap, context: Context) -> Verdict:
        """Tell what the tests make of it that what they hand the code is entered, too."""
        ways = ways_to(name, swap.line, context.file.module.scope.node)
        what = "which" if name == swap.old else f"of which `{swap.old}`"
        for word in dict.fromkeys([name, *(way.taker for way in ways)]):
            for test in self._tests_naming(context, word, "sys.modules"):
                if test.hands_over(name, ways):
                    reason = f"gives `{name}`, {what} would be entered"
                    return Verdict(doubt_of(test.path, reason, context))
        return Verdict()

    def _tests_of(self, context: Context, name: str) -> list[Test]:
        """Give the tests that may patch a name in a module, or where it is defined."""
        key = context.file.path, name
        if key not in self._tests_by:
            tests = self._tests_naming(context, name, "sys.modules")
            self._tests_by[key] = [test for test in tests if test.may_name(key[0])]
        return self._tests_by[key]

    def _tests_naming(self, context: Context, *words: str) -> Iterator[Test]:
        root = context.file.inference.project.root
        neighbours = self.neighbours(root)
        for path in dict.fromkeys(path for word in words for path in neighbours.naming(word)):
            if context.policy.is_test(path):
                if path not in self._tests:
                    self._tests[path] = Test(path, self._sources, self._shared(path, root))
                yield self._tests[path]

    def _shared(self, path: Path, root: Path) -> list[tuple[ast.Module, str]]:
        """Give the fixtures that a test may get from the files above it, the nearest first."""
        found = []
        for folder in path.parents:
            conftest = folder / "conftest.py"
            if conftest not in self._conftests:
                text = decode(read(conftest, self._sources)) or ""
                tree = parse(text) if text else None
                self._conftests[conftest] = (tree, text) if tree is not None else None
            known = self._conftests[conftest]
            found += [known] if known is not None and conftest != path else []
            if folder == root:
                break
        return found

    def _callers(self, test: Test, context: Context) -> tuple[Functions, ...]:
        """Give the functions of the modules that may call a module in a test's place.

        Those that the test imports, and those whose classes the module's own derive from.
        """
        project, home = context.file.inference.project, context.file.path
        if (test.path, home) not in self._callers_of:
            bases = self._functions_of(home, project).bases
            found = [*self._imported(test.path, project), *self._imported(home, project, bases)]
            others = (p for p in found if p != home and not context.policy.is_test(p))
            functions = tuple(self._functions_of(path, project) for path in dict.fromkeys(others))
            self._callers_of[test.path, home] = functions
        return self._callers_of[test.path, home]

    def _late_reads(
        self, name: str, homes: frozenset[str], context: Context, *, early: bool = False
    ) -> list[Read]:
        """Find where the project reads a name of some modules each time that code is called.

        Or, early, where it reads what a module has imported once, too.
        """
        key = (context.file.inference.project.root, name, homes, early)
        if key not in self._late:
            mentions = self._mentions(name, context)
            found = [r for m in mentions for r in self._reads(m, name, homes, context)]
            if early:
                found += (
                    r for m in mentions for r in self._own_reads(m.path, name, homes, context)
                )
            self._late[key] = found
        return self._late[key]

    def _mentions(self, name: str, context: Context) -> list[_Mentions]:
        """Find where the project may read a name of some module each time that code is called."""
        project = context.file.inference.project
        key = (project.root, name)
        if key not in self._mentioned:
            paths = self.neighbours(project.root).naming(name)
            mine = (path for path in paths if not context.policy.is_test(path))
            self._mentioned[key] = [_mentions(path, name, project.sources) for path in mine]
        return self._mentioned[key]

    def _own_reads(
        self, path: Path, name: str, homes: frozenset[str], context: Context
    ) -> Iterator[Read]:
        functions = self._functions_of(path, context.file.inference.project)
        if any(name == each and may_be_any(home, homes) for home, _, each in functions.imports):
            lines = functions.lines_of(name)
            yield from (Read(path, n, functions) for n in lines if not functions.is_late(name, n))

    def _reads(
        self, mentions: _Mentions, name: str, homes: frozenset[str], context: Context
    ) -> Iterator[Read]:
        path, words = mentions.path, {home.rpartition(".")[2] for home in homes}
        words |= {alias for module, alias in mentions.renamed if module in words}
        found = [line for module, line in mentions.imported if may_be_any(module, homes)]
        owned = [line for owner, line in mentions.owned if not homes or owner in words]
        is_home = any(is_module(path, home) for home in homes)
        if not (found or owned or is_home):
            return  # without parsing it
        functions = self._functions_of(path, context.file.inference.project)
        lines = [line for line in found if functions.is_imported(name, line)]
        lines += owned
        lines += functions.lines_of(name) if is_home else []
        yield from (Read(path, line, functions) for line in lines)

    def _imported(self, path: Path, project: Project, names: Set[str] | None = None) -> list[Path]:
        """Give the files of the modules that a file imports, or imports some names from."""
        found = []
        for package, level, name in self._functions_of(path, project).imports:
            if names is None or name in names:
                for dotted in (package, f"{package}.{name}" if package and name else name):
                    module = project.find(path, dotted, level) if dotted or level else None
                    if module is not None:
                        found.append(module.path)
        return found

    def _functions_of(self, path: Path, project: Project) -> Functions:
        if path not in self._functions:
            test = self._tests.get(path)
            tree = test.tree if test else parse(decode(read(path, project.sources)) or "")
            self._functions[path] = Functions(tree or ast.Module([], []))
        return self._functions[path]


def _has(context: Context, name: str) -> bool:
    return bool(context.file.module.scope.bindings(name))


def doubt_of(test: Path, reason: str, context: Context) -> Doubt:
    """Doubt a fix for what a test does.

    Args:
        test: the test's file.
        reason: what it does, after its name.
        context: the module that is fixed.
    """
    shown = shown_from(context.file.inference.project.root, test)
    return Doubt(Kind.PATCHED, f"`{shown}` {reason}", str(test))


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


class _Mentions(NamedTuple):
    """Where a file may read a name of another module each time that its code is called.

    Attributes:
        path: the file.
        imported: the modules from which functions import it, with the lines.
        owned: the names of which it is read as an attribute, with the lines.
        renamed: the names that get another one in an import, with that.
    """

    path: Path
    imported: list[tuple[str, int]]
    owned: list[tuple[str, int]]
    renamed: list[tuple[str, str]]


def _mentions(path: Path, name: str, sources: Sources) -> _Mentions:
    text = decode(read(path, sources)) or ""
    late, owned = _LATE.format(re.escape(name)), rf"\b(\w+)\.{re.escape(name)}\b"
    renamed = re.findall(r"\b(\w+)[ \t]+as[ \t]+(\w+)", text)
    return _Mentions(path, _at_lines(late, text), _at_lines(owned, text), renamed)


def _at_lines(pattern: str, text: str) -> list[tuple[str, int]]:
    """Give what a pattern captures in a text, with the lines on which it ends."""
    found = re.finditer(pattern, text, re.MULTILINE)
    return [(match[1], text.count("\n", 0, match.end()) + 1) for match in found]
