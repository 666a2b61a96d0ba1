"""Whether a test would notice a fix, for it replaces what a module does not use any more."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from flake8_dbsession.analysis.names.project import decode
from flake8_dbsession.analysis.source.outline import parse
from flake8_dbsession.fixes.doubts.given import Code
from flake8_dbsession.fixes.doubts.neighbours import Neighbours, is_module, module_word, read
from flake8_dbsession.fixes.doubts.patches import HOLE
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
        at: the line of the patch.
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
    at: int = 0
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
                if (
                    _ends_in_any(seen.module, homes)
                    and not seen.is_reread(swap)
                    and self._may_run(module, seen)
                ):
                    return f"patches `{seen.module}.{name}`", []
            elif not self._may_run(module, seen):
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

    def _may_run(self, module: Path, seen: _Seen) -> bool:
        """Tell whether a module may run while a patch holds: whether something names it there."""
        if self._code is None:
            return False
        names = {module_word(module), *self._code.names_of(module)}
        return self._code.may_run(seen.at, names)

    @cached_property
    def _code(self) -> Code | None:
        tree = parse(self._text())
        return Code(tree, self._text()) if tree is not None else None

    def _patches(self, name: str) -> list[_Seen]:
        """Give the patches that are, or may be, of a name."""
        if name not in self._seen:
            may_patch = re.search(_MAY_PATCH.format(re.escape(name)), self._text())
            code = self._code if may_patch else None
            self._seen[name] = [*_seen(code, name)] if code is not None else []
        return self._seen[name]

    def _text(self) -> str:
        return decode(read(self.path, self._sources)) or ""


def _ends_in_any(module: str, homes: set[str]) -> bool:
    """Tell whether a dotted name is one of some, or ends in it as in ``app.service.database``."""
    return any(f".{module}".endswith(f".{home}") for home in homes)


def _seen(code: Code, name: str) -> Iterator[_Seen]:
    for patch in code.patches:
        if patch.name == name:
            yield _Seen(
                patch.module,
                patch.name,
                *code.looked(patch),
                at=patch.line,
                line=patch.target.lineno if patch.target is not None else 0,
                is_whole=patch.target is not None and patch.target.value != patch.name,
                is_optional=any(map(_makes_optional, patch.options)),
            )
        elif patch.name == "*" or (patch.name, patch.module) == (HOLE, HOLE):
            looked = (False, False, False, False)
            yield _Seen(patch.module, patch.name, *looked, at=patch.line)


def _makes_optional(option: ast.keyword) -> bool:
    match option:
        case ast.keyword(arg="create", value=ast.Constant(value=True)):
            return True
        case ast.keyword(arg="raising", value=ast.Constant(value=False)):
            return True
    return False
