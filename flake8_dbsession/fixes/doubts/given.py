"""What a test gives in the place of what it patches, and what it looks at of that."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence, Set
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

from flake8_dbsession.analysis.effects.work.forms import root_name
from flake8_dbsession.analysis.names.functions import is_fixture
from flake8_dbsession.analysis.names.scopes import last_segment
from flake8_dbsession.analysis.nodes import nodes_in
from flake8_dbsession.fixes.doubts.beside import Repatch
from flake8_dbsession.fixes.doubts.during import (
    Running,
    has_ended,
    held_in,
    holds_throughout,
    words_in,
)
from flake8_dbsession.fixes.doubts.fakes import are_counted, fake_of
from flake8_dbsession.fixes.doubts.handed import Way, handed
from flake8_dbsession.fixes.doubts.neighbours import is_module, module_word
from flake8_dbsession.fixes.doubts.patches import HOLE, Patch, patches
from flake8_dbsession.fixes.doubts.reach import Runners
from flake8_dbsession.fixes.doubts.replaced import (
    Used,
    holds_for_users,
    replaced_in,
    words_beside,
)
from flake8_dbsession.fixes.doubts.sources import READER, Look, looks_in
from flake8_dbsession.fixes.doubts.told import Choice, Mentions
from flake8_dbsession.fixes.doubts.values import DEFINED, Function, Values, is_error
from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.patterns import regex

_HOOK = regex(r"set_?up|tear_?down|async(?:SetUp|TearDown)|pytest_", re.IGNORECASE)
# The fixtures of pytest and its best known plugins, which give nothing of the project's.
_PLAIN_FIXTURES = frozenset(
    {"capfd", "caplog", "capsys", "cls", "event_loop", "mocker", "monkeypatch", "recwarn"}
    | {"request", "self", "tmp_path", "tmp_path_factory", "tmpdir"}
)
_PLAIN_BASES = frozenset({"IsolatedAsyncioTestCase", "TestCase", "object"})
_ENTERS = regex(r"__a?(?:enter|exit)__")
_ENTERERS = regex(r"(?:(?<![\w.])(\w+)(?:\.\w+)*\.)?__a?(?:enter|exit)__")
# What gives itself when it is entered, so that it does not matter whether it is.
_GIVES_ITSELF = (
    r"\b([\w.]+)\.__a?enter__ *= *[\w.]*Mock\(return_value=\1\)"
    r"|\b([\w.]+)\.__a?enter__\.return_value *= *\2[ \t]*$"
    r"|def __a?enter__\((\w+)\):\s+return \3\b"
)
_IS_ENTERED = regex(_GIVES_ITSELF, re.MULTILINE)
_ENTERS_ITSELF = regex(
    rf"{_GIVES_ITSELF}"
    r"|\.__a?exit__ *= *[\w.]*Mock\(return_value=(?:False|None)\)"
    r"|\.__a?exit__\.return_value *= *(?:False|None)\b"
    r"|def __a?exit__\([^)]*\):\s+(?:self\.close\(\)$|(?:pass|return (?:False|None))\b)",
    re.MULTILINE,
)
_SETTING = r"(?<!auto)(?<!expire_on_)commit\s*=(?!=)"  # no option of a factory
_PLAIN_MOCK = r"(?!\s*[\w.]*Mock\(\)\s*$)"
# What holds however often something is called, once it is called at all.
_IS_CALLED = regex(
    r"^\s*assert [\w.]+\.called(?: is True)?(?: (?:and|or) [\w.]+\.called)*[ \t]*$", re.MULTILINE
)
_COUNTS_COMMITS = regex(
    r"commit\.(?:assert_(?:not_called|called_once|not_awaited|awaited_once)|call_count|await_count"
    rf"|side_effect|called\b|mock_calls)|{_SETTING}{_PLAIN_MOCK}|method_calls|mock_calls",
    re.MULTILINE,
)
_COUNTS_CLOSES = regex(
    rf"close\.(?:assert_not_called|side_effect)|close\s*=(?!=){_PLAIN_MOCK}", re.MULTILINE
)
_FAILS_CLOSING = regex(r"close\.side_effect\s*=|close\s*=\s*[\w.]*Mock\([^)]*side_effect")
_ANSWERS_IN_ORDER = regex(r"side_effect\s*=\s*(?:[\[(]|iter\()")

# What shows all that is in a result, or what was written to a log.
_SEES_ALL = frozenset({"assertLogs", "caplog", "dict", "dumps", "items", "repr", "str", "values"})
ANY_TEXT = "*"
"""Stands among the texts of a test that looks at more than it names."""
# What tells of the calls of a mock, or does more than a plain one when it is called.
_WATCHES = regex(
    r"\.(?:assert_\w+|(?:await|call)_\w+|awaited|called|m(?:ethod|ock)_calls)\b|\bside_effect\b"
)

_Part: TypeAlias = Function | ast.ClassDef | ast.Assign | ast.AnnAssign


class Looked(NamedTuple):
    """What a test does with what it gives.

    Attributes:
        enters: whether the test prepares the block of what it gives.
        counts: whether it looks at the commits of what it gives, or has them fail.
        closes: whether it looks at the closes.
        notes: whether what it gives notes that it is closed, and the test looks at that.
        fails_closing: whether it may have a close fail, which the code may have caught.
        watches: whether it may look at the calls of a mock at all, or has them do something.
        in_order: whether mocks give one answer after the other, so that who asks besides takes one.
        is_plain: whether it gives a mock, a class of its own that can be ended as a session is, or
            what makes real sessions.
        may_be_real: whether that may be a real session, which the test has made as it likes.
        is_entered: whether a block gets the same of it by entering it as by doing without.
        raises: whether calling what it gives is an error, and it gives nothing.
        may_raise: whether that may be one.
        reads: the texts in the test, and the names that stand for a log.
    """

    enters: bool
    counts: bool
    closes: bool
    notes: bool
    fails_closing: bool
    watches: bool
    in_order: bool
    is_plain: bool
    may_be_real: bool
    is_entered: bool
    raises: bool
    may_raise: bool
    reads: frozenset[str]


class _Running(NamedTuple):
    """What may run while a patch holds.

    Attributes:
        words: its words.
        looks: whether it prepares blocks, looks at commits, at closes, and at notes of these.
        values: what its names stand for.
        texts: the words of its texts, its comments left out.
        text: all of it.
        enterers: the names of which it prepares the blocks; ``""`` for others.
    """

    words: frozenset[str]
    looks: tuple[bool, bool, bool, bool]
    values: Values
    texts: frozenset[str]
    text: str
    enterers: frozenset[str]

    def counts(self, looked_for: re.Pattern[str]) -> bool:
        """Tell whether it looks at ends of sessions that are none of its mocks."""
        text = _IS_CALLED.sub("", self.text)
        owners = (text[: found.start()] for found in looked_for.finditer(text))
        names = (re.search(r"(\w+)\.$", before) for before in owners)
        return any(name is None or not self.values.is_mock(name[1]) for name in names)


class Code:
    """The code of a test's file, looked at for what it gives in the place of a name.

    Args:
        tree: its syntax tree.
        text: its text.
        shared: the syntax trees and texts of the ``conftest.py`` files beside and above it, the
            nearest first.
    """

    def __init__(
        self, tree: ast.Module, text: str, shared: Sequence[tuple[ast.Module, str]] = ()
    ) -> None:
        self._tree = tree
        self._text = text
        self._lines = text.split("\n")
        self._others: dict[ast.AST, list[str]] = {}
        classes = [part for part in tree.body if isinstance(part, ast.ClassDef)]
        bodies = [tree.body, *(cls.body for cls in classes)]
        self._functions = [n for body in bodies for n in body if isinstance(n, DEFINED)]
        self._class_of = {f: cls for cls in classes for f in cls.body}
        self._always = [f for f in self._functions if _runs_always(f)]
        self._helpers: dict[str, list[_Part]] = {}
        for part in (*self._functions, *classes, *tree.body):
            for name in _names_of(part):
                if not name.startswith(("test", "Test")):
                    self._helpers.setdefault(name, []).append(part)  # type: ignore[arg-type]
        for other, other_text in shared:
            self._add_fixtures(other, other_text.split("\n"))
        self._told: dict[Function | None, _Running] = {}
        self._names: dict[Path, set[str]] = {}
        self._looks: dict[Path, list[Look]] = {}
        self._beside: dict[int, frozenset[str]] = {}
        self._outer: dict[int, Function | None] = {}
        self._words: dict[ast.AST, frozenset[str]] = {}
        self._parts: dict[Function, list[_Part] | None] = {}
        self._mentions: dict[_Part, Mentions] = {}
        self._holding: dict[tuple[Patch, int, Runners], bool] = {}
        self._repatched: dict[tuple[int, str, str, bool, bool], bool] = {}

    def _add_fixtures(self, tree: ast.Module, lines: list[str]) -> None:
        """Add the fixtures of another file, and what they may use there."""
        known = set(self._helpers)
        for part in tree.body:
            for name in _names_of(part):
                if name not in known:
                    self._helpers.setdefault(name, []).append(part)  # type: ignore[arg-type]
                    self._others[part] = lines

    @cached_property
    def words(self) -> frozenset[str]:
        """All words of the file."""
        return frozenset(re.findall(r"\w+", self._text))

    @cached_property
    def patches(self) -> list[Patch]:
        """What the file patches."""
        return patches(self._tree)

    def looks_into(self, module: Path) -> list[Look]:
        """Give what the tests look for in the source of a module, or of something in it."""
        if module not in self._looks:
            self._looks[module] = self._looking_into(module)
        return self._looks[module]

    def _looking_into(self, module: Path) -> list[Look]:
        others = self._names_of_others(module)
        around = (f for f in self._readers if self.may_name(f.lineno, module))
        looks = (look for f in around for look in looks_in(nodes_in(f), self._called_in(f)))
        return [look for look in looks if look.subject.partition(".")[0] not in others]

    def _called_in(self, function: Function) -> list[list[ast.AST]]:
        """Give the code of each function of the file that another one may hand something."""
        names = {last_segment(n.func) for n in nodes_in(function) if isinstance(n, ast.Call)}
        helpers = [each for name in names for each in self._helpers.get(name, ())]
        return [nodes_in(each) for each in helpers if isinstance(each, DEFINED)]

    @cached_property
    def _readers(self) -> list[Function]:
        """Give the functions that read a source."""
        return [f for f in self._functions if READER in self._text_of([f])]

    def may_be_named(self, patch: Patch, name: str) -> bool:
        """Tell whether what a patch replaces may have a name, for it cannot be read."""
        if patch.name != HOLE:
            return False
        return patch.module == HOLE or name in self._running_at(patch.line).texts

    def is_of_a_mock(self, patch: Patch) -> bool:
        """Tell whether a patch replaces something of a mock, which is no module's."""
        if patch.module != HOLE or not isinstance(patch.holder, ast.Name):
            return False
        inner, name = self._inner(patch.line), patch.holder.id
        nodes = nodes_in(inner) if inner is not None else []
        lambdas = (node for node in nodes if isinstance(node, ast.Lambda))
        given = {each.arg for node in lambdas for each in node.args.args}
        return name not in given and self._running_at(patch.line).values.is_mock(name, inner)

    def names_of(self, module: Path) -> set[str]:
        """Give the names by which the file has a module, or something of it."""
        if module not in self._names:
            imports = self._imports.get(module_word(module), ())
            self._names[module] = {name for dotted, name in imports if is_module(module, dotted)}
        return self._names[module]

    def reads(self, name: str, module: Path) -> bool:
        """Tell whether the file itself may read a name of a module, patched or not."""
        is_imported = name in self.names_of(module)
        return is_imported or not self._owners.get(name, set()) <= self._names_of_others(module)

    @cached_property
    def _owners(self) -> dict[str, set[str]]:
        """The names by which attributes are read, by the attributes."""
        found: dict[str, set[str]] = {}
        for node in self._nodes:
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                found.setdefault(node.attr, set()).add(root_name(node.value))
        return found

    def _names_of_others(self, module: Path) -> set[str]:
        """Give the names by which the file has what is no part of a module."""
        return set(self._homes) - self.names_of(module)

    @cached_property
    def _homes(self) -> dict[str, str]:
        """The names of what it imports, with the dotted names of these."""
        known = (each for imports in self._imports.values() for each in imports)
        return {name: dotted for dotted, name in sorted(known)}

    @cached_property
    def _imports(self) -> dict[str, list[tuple[str, str]]]:
        """What it imports, and the names for that, by the last part of the dotted name."""
        found: dict[str, list[tuple[str, str]]] = {}
        for dotted, name in _imported(self._nodes):
            found.setdefault(dotted.rpartition(".")[2], []).append((dotted, name))
        return found

    @cached_property
    def _nodes(self) -> list[ast.AST]:
        return nodes_in(self._tree)

    def may_name(self, line: int, module: Path) -> bool:
        """Tell whether a test may name a module while a patch on a line holds."""
        return next(self._running(line, module, Runners(None)), None) is not None

    def _with_others(self, names: Set[str]) -> frozenset[str]:
        """Add to the names of a module the other ones by which the file imports them."""
        return frozenset(names).union(*(self._renamed.get(name, ()) for name in names))

    @cached_property
    def _renamed(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for alias in (node for node in self._nodes if isinstance(node, ast.alias)):
            if alias.asname:
                found.setdefault(alias.name, set()).add(alias.asname)
        return found

    def since(self, patch: Patch) -> int:
        """Give the line from which a test replaces what its patch puts back, or replaces."""
        match patch.given:
            case ast.Name(id=name) if name in self._originals.get(patch.name, ()):
                around = self._around(patch.line)
                same = (p for p in self.patches if p[:2] == patch[:2])
                return min(p.line for p in same if self._around(p.line) is around)
        return patch.line

    @cached_property
    def _originals(self) -> dict[str, set[str]]:
        """The names that keep attributes, by the names of these."""
        found: dict[str, set[str]] = {}
        for node in self._nodes:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Attribute(attr=attribute)):
                    found.setdefault(attribute, set()).add(name)
        return found

    def has_ended(self, line: int, names: Set[str], later: Set[str]) -> bool:
        """Tell whether what a test runs by some names is not run while its patch on a line holds.

        Args:
            line: the line of the patch.
            names: the names, one of which stands wherever that is run.
            later: those of which it may still run when the call by that name has ended.
        """
        test, parts = self._around(line), self._plain_parts_at(line)
        held = held_in(test, line) if test is not None else None
        if held is None or parts is None:
            return False
        for part in parts:
            if part not in self._words:
                self._words[part] = words_in(part)
        words: dict[ast.AST, Set[str]] = {part: self._words[part] for part in parts}
        return has_ended(self._with_others(names), self._with_others(later), held, words)

    def may_run(
        self,
        line: int,
        module: Path,
        runners: Runners,
        uses: Sequence[Used] | None,
        unless: Iterable[Patch] = (),
    ) -> bool:
        """Tell whether a test may run certain code of a module while a patch holds.

        Args:
            line: the line of the patch.
            module: the module's file.
            runners: what stands wherever that code is run.
            uses: where the modules that the test runs use what runs that code; None where that is
                not known.
            unless: patches under which it does not matter.

        Returns:
            True where a test names the module and a runner, unless it names the module for nothing
            but to replace all that is used of it. What a test is given by another file may be
            anything.
        """
        for test in self._running(line, module, runners):
            if any(self._holds_for(each, test, runners) for each in unless):
                continue
            used = [u for u in uses if self._may_be_run(u.run_by, test)] if uses else uses
            if used is None or not self._only_replaces(test, module, used):
                return True
        return False

    def _running(self, line: int, module: Path, runners: Runners) -> Iterator[int]:
        """Give the lines of the tests that may run certain code while a patch holds.

        Of those around the patch, or that it holds for, the ones in which the module and a runner
        are named: by themselves, by what they call or are given, or by what runs for every test.
        """
        names = {module_word(module), *self.names_of(module)}
        for test in self._tests_at(line) or [line]:
            is_named = not names.isdisjoint(self._running_at(test).words)
            if is_named and self._may_be_run(runners, test):
                yield test

    def _may_be_run(self, runners: Runners, test: int) -> bool:
        """Tell whether one of what runs some code stands in a test."""
        words = self._running_at(test).words
        if runners.names is None or not words.isdisjoint(self._with_others(runners.names)):
            return True
        return any(self._may_choose(test, choice, words) for choice in runners.choices)

    def _may_choose(self, test: int, choice: Choice, words: Set[str]) -> bool:
        """Tell whether a test may tell a function what it has to be told."""
        if words.isdisjoint(self._with_others({choice.function})):
            return False
        parts = self._plain_parts_at(test)
        if parts is None or choice.function in self._renamed:
            return True
        for part in parts:
            if part not in self._mentions:
                self._mentions[part] = Mentions(nodes_in(part))
        return any(self._mentions[part].choosing(choice) for part in parts)

    def _tests_at(self, line: int) -> list[int]:
        """Give the lines of the tests for which a patch holds; none where that is not known."""
        start = self._around(line)
        if start is None or not self._has_plain_tests:
            return []
        parts = self._parts_at(line)
        around = self._functions if parts is None and start in self._always else parts or ()
        return [f.lineno for f in around if isinstance(f, DEFINED) and f.name.startswith("test")]

    @cached_property
    def _has_plain_tests(self) -> bool:
        """Tell whether all tests of the file are functions or methods that can be told apart."""
        tests = {f for f in self._functions if f.name.startswith("test")}
        defined = (n for n in self._nodes if isinstance(n, DEFINED))
        return tests >= {n for n in defined if n.name.startswith("test")}

    def _only_replaces(self, test: int, module: Path, uses: Sequence[Used]) -> bool:
        """Tell whether a test names a module for nothing but to replace all of certain uses."""
        parts = self._plain_parts_at(test)
        if parts is None:
            return False
        if test not in self._beside:
            nodes = (node for part in parts for node in nodes_in(part))
            self._beside[test] = words_beside(nodes, self._replaced)
        if not {module_word(module), *self.names_of(module)}.isdisjoint(self._beside[test]):
            return False
        return all(self._is_replaced(use, test, module) for use in uses)

    def _is_replaced(self, use: Used, test: int, module: Path) -> bool:
        """Tell whether a patch holds of what is used of a module wherever a test may use it."""
        patches = (p for p in self.patches if p.target is not None)
        near = (p for p in patches if use.is_of(replaced_in(module, [p], self._homes)))
        return any(self._holds_for(patch, test, use.run_by) for patch in near)

    def can_name(self, line: int, name: str) -> bool:
        """Tell whether a patch can replace a name where it is defined, and change nothing else.

        Args:
            line: the line of the patch.
            name: the name.

        Returns:
            False where another patch of that name holds beside it, or where the module's own name
            would be unused without it, or is no plain text of the patch.
        """
        if not self.is_alone(line, name):
            return False
        patch = next(p for p in self.patches if (p.name, p.line) == (name, line))
        if patch.target is None or patch.target.value != name:
            return patch.target is not None
        return patch.owner is not None and self._is_used_beside(patch.owner, line, name)

    def is_alone(self, line: int, name: str) -> bool:
        """Tell whether no other patch of a name holds beside one that gives something else."""
        here = [each for each in self.patches if each.name == name and each.line == line]
        if len(here) != 1:
            return False
        (patch,) = here
        others = [p for p in self.patches if p.name == name and p.module != patch.module]
        return not any(self._holds_at(p.line, line) and not _is_same(p, patch) for p in others)

    def patched_at(self, line: int, name: str) -> list[str]:
        """Give the modules of which a name is patched where the code on a line may run."""
        return [p.module for p in self.patches if p.name == name and self._holds_at(p.line, line)]

    def can_repatch(self, line: int, old: str, new: str, *, stays: bool, closes: bool) -> bool:
        """Tell whether a patch can name something else, or get another one beside: see `Repatch`.

        Args:
            line: the line of the text that names what is patched.
            old: that text.
            new: what is to be named.
            stays: whether the old name is still to be patched.
            closes: whether what is given has to be closed by the block that enters it.
        """
        asked = (line, old, new, stays, closes)
        if asked not in self._repatched:
            self._repatched[asked] = self._repatches(*asked)
        return self._repatched[asked]

    def _repatches(self, line: int, old: str, new: str, stays: bool, closes: bool) -> bool:
        if closes and not self._has_closing:
            return False
        patch = Repatch(self._tree, self._text, line, old, new, "closing" if closes else "")
        if stays:
            return patch.beside() is not None
        return not closes or patch.instead() is not None

    @cached_property
    def _has_closing(self) -> bool:
        """Tell whether ``contextlib.closing`` can be imported by its name."""
        known = self._imports.get("closing", ())
        return "closing" not in self.words or ("contextlib.closing", "closing") in known

    def _holds_at(self, line: int, other: int) -> bool:
        """Tell whether the code on a line may run with that on another one."""
        parts = self._parts_at(other)
        own = [part for part in parts or () if part not in self._others]
        return parts is None or any(_first(p) <= line <= (p.end_lineno or 0) for p in own)

    def _holds_for(self, patch: Patch, test: int, runners: Runners) -> bool:
        """Tell whether a patch holds wherever a test may run some code."""
        asked = patch, test, runners
        if asked not in self._holding:
            self._holding[asked] = self._holds(*asked)
        return self._holding[asked]

    def _holds(self, patch: Patch, test: int, runners: Runners) -> bool:
        start, around, line = self._around(patch.line), self._around(test), patch.line
        if start is None or around is None or not self._holds_at(line, test):
            return False
        if start is not around:
            is_around = start in self._always or is_fixture(start)
            return is_around and holds_for_users(start, line)
        parts = self._plain_parts_at(test)
        if line < around.lineno or parts is None:
            return line < around.lineno
        return holds_throughout(line, around, Running(runners, parts, self._always, self._replaced))

    def _plain_parts_at(self, line: int) -> list[_Part] | None:
        """Give what may run while a patch holds; None where there may be more of it."""
        parts = self._parts_at(line)
        return None if parts is None or any(map(self._is_given_more, parts)) else parts

    @cached_property
    def _replaced(self) -> frozenset[ast.AST]:
        """What names in the file what it replaces."""
        named = [part for p in self.patches for part in (p.target, p.owner) if part is not None]
        return frozenset(node for part in named for node in nodes_in(part))

    def _is_used_beside(self, owner: ast.expr, line: int, patched: str) -> bool:
        """Tell whether a module is named elsewhere than in patches of a name of it."""
        name = ast.unparse(owner).partition(".")[0]
        around = self._around(line)
        inside = nodes_in(around) if around is not None else []
        imports = (node for node in inside if isinstance(node, (ast.Import, ast.ImportFrom)))
        imported = {alias.asname or alias.name for each in imports for alias in each.names}
        nodes = inside if name in imported else self._nodes
        same = (p.owner for p in self.patches if p.name == patched and p.owner is not None)
        owners = {node for each in same for node in nodes_in(each)}
        return any(
            isinstance(node, ast.Name) and node.id == name and node not in owners
            for node in nodes
            if isinstance(getattr(node, "ctx", None), ast.Load)
        )

    def looked(self, patch: Patch) -> Looked:
        """Tell what a test does with what it gives."""
        running = self._running_at(patch.line)
        is_bare = not running.enterers <= self._handles - self._named_in(patch)
        options = {option.arg: option.value for option in patch.options}
        given = patch.given or options.get("return_value") or options.get("side_effect")
        raises = is_error(options.get("side_effect"), self._errors)
        looks, inner = running.looks, self._inner(patch.line)
        is_real = given is not None and running.values.is_real(given, inner)
        if is_real:
            looks = (False, running.counts(_COUNTS_COMMITS), running.counts(_COUNTS_CLOSES), False)
        return Looked(
            looks[0] and is_bare,
            *looks[1:],
            fails_closing=_FAILS_CLOSING.search(running.text) is not None,
            watches=_WATCHES.search(running.text) is not None,
            in_order=_ANSWERS_IN_ORDER.search(running.text) is not None,
            is_plain=given is None or running.values.is_plain(given, inner),
            may_be_real=running.values.may_be_real(given, inner),
            is_entered=is_real or _IS_ENTERED.search(running.text) is not None,
            raises=raises,
            may_raise=raises or running.values.raises(patch.given or options.get("side_effect")),
            reads=running.texts,
        )

    def hands_over(self, name: str, ways: list[Way]) -> bool:
        """Tell whether something is handed to code that may not be entered as a session is.

        Args:
            name: the name by which that code calls it.
            ways: the parameters by which it is handed.
        """
        return any(
            not self._running_at(value.lineno).values.is_real(value, self._inner(value.lineno))
            for value in handed(name, ways, self._tree)
        )

    @cached_property
    def _items(self) -> list[ast.withitem]:
        return [node for node in self._nodes if isinstance(node, ast.withitem)]

    @cached_property
    def _handles(self) -> frozenset[str]:
        """The names that ``with`` blocks give to what patches give."""
        names = (i.optional_vars for i in self._items if "patch" in ast.unparse(i.context_expr))
        return frozenset(name.id for name in names if isinstance(name, ast.Name))

    def _named_in(self, patch: Patch) -> set[str]:
        """Give the names in the statement of a patch, and in what it gives."""
        own = [
            i for i in self._items if i.context_expr.lineno <= patch.line <= _last(i.context_expr)
        ]
        given = [patch.given, *(option.value for option in patch.options)]
        parts = [*own, *filter(None, given)]
        return {n.id for part in parts for n in nodes_in(part) if isinstance(n, ast.Name)}

    def _running_at(self, line: int) -> _Running:
        """Give the code that runs while a patch holds."""
        start = self._around(line)
        if start not in self._told:
            parts = self._parts_at(line)
            if parts is None:
                text, nodes = self._text, self._nodes
            else:
                text, nodes = self._text_of(parts), [n for part in parts for n in nodes_in(part)]
            is_whole = parts is None or any(map(self._is_given_more, parts))
            words = re.findall(r"\w+", self._text if is_whole else text)
            values = Values(nodes, set(self._helpers), self._errors)
            texts = frozenset(_texts_in(nodes))
            looks = _looks(text, nodes)
            enterers = frozenset(_ENTERERS.findall(_ENTERS_ITSELF.sub("", text)))
            running = _Running(frozenset(words), looks, values, texts, text, enterers)
            self._told[start] = running
        return self._told[start]

    def _inner(self, line: int) -> Function | None:
        """Give the innermost function around a line."""
        outer = self._around(line)
        inside = [n for n in nodes_in(outer) if isinstance(n, DEFINED)] if outer else []
        around = [f for f in inside if f.lineno <= line <= (f.end_lineno or 0)]
        return max(around, key=lambda f: f.lineno, default=outer)

    def _around(self, line: int) -> Function | None:
        if line not in self._outer:
            around = (f for f in self._functions if _first(f) <= line <= (f.end_lineno or 0))
            self._outer[line] = next(around, None)
        return self._outer[line]

    def _parts_at(self, line: int) -> list[_Part] | None:
        """Give what may run while a patch holds; None for the whole file."""
        start = self._around(line)
        if start is None:
            return None
        if start not in self._parts:
            self._parts[start] = self._parts_for(start)
        return self._parts[start]

    def _parts_for(self, function: Function) -> list[_Part] | None:
        tests = [function] if function.name.startswith("test") else self._users_of(function)
        if self._is_for_its_class(function):
            tests = [f for f in self._class_of[function].body if isinstance(f, DEFINED)]
        elif not tests or function in self._always or any(t in self._always for t in tests):
            return None
        waiting: list[_Part] = [*tests, *(h for h in self._always if self._runs_for(h, function))]
        seen: dict[_Part, None] = {}
        while waiting:
            part = waiting.pop()
            if part not in seen:
                seen[part] = None
                words = set(re.findall(r"\w+", self._text_of([part])))
                for word in words & self._helpers.keys():
                    waiting += [p for p in self._helpers[word] if self._may_have(part, p)]
        return [*seen]

    def _is_for_its_class(self, function: Function) -> bool:
        """Tell whether a function runs for all tests of its class, and for no others."""
        cls = self._class_of.get(function)
        classes = set(self._class_of.values())
        bases = {last_segment(base) for each in classes for base in each.bases}
        is_own = cls is not None and cls.name.startswith("Test") and cls.name not in bases
        return is_own and function in self._always

    def _runs_for(self, hook: Function, function: Function) -> bool:
        """Tell whether what runs for tests that do not name it may run for one of them."""
        own, other = self._class_of.get(function), self._class_of.get(hook)
        if other is None or other is own or not other.name.startswith("Test"):
            return True
        return own is not None and any(last_segment(b) not in _PLAIN_BASES for b in own.bases)

    def _may_have(self, part: _Part, helper: _Part) -> bool:
        """Tell whether some code can be given a helper: not one of another class of tests."""
        own, other = self._class_of.get(part), self._class_of.get(helper)
        if other is None or other is own or not other.name.startswith("Test"):
            return True
        return own is None or bool(own.bases)

    def _users_of(self, function: Function) -> list[Function]:
        """Give the functions that use another one, which is a fixture or a helper of tests."""
        found, names = [function], {function.name}
        while True:
            used = re.compile(rf"\b(?:{'|'.join(names)})\b")
            more = [
                f for f in self._functions if f not in found and used.search(self._text_of([f]))
            ]
            if not more:
                return found if len(found) > 1 else []
            found += more
            names |= {f.name for f in more}

    def _is_given_more(self, part: _Part) -> bool:
        """Tell whether a test gets what another file makes."""
        if not isinstance(part, DEFINED) or not (part.name.startswith("test") or is_fixture(part)):
            return False
        written = " ".join(map(ast.unparse, part.decorator_list))
        mocks = sum("patch" in ast.unparse(each) for each in part.decorator_list)
        given = [arg.arg for arg in part.args.args if arg.arg not in ("self", "cls")][mocks:]
        return any(
            name not in self._helpers
            and name not in _PLAIN_FIXTURES
            and not re.search(rf"parametrize.*\b{name}\b", written)
            for name in given
        )

    def _text_of(self, parts: list[_Part]) -> str:
        lines = ((self._others.get(p, self._lines), p) for p in parts)
        return "\n".join("\n".join(of[_first(p) - 1 : p.end_lineno]) for of, p in lines)

    @cached_property
    def _errors(self) -> set[str]:
        imports = (s for s in self._nodes if isinstance(s, ast.ImportFrom))
        errors = (s.names for s in imports if s.module == "sqlalchemy.exc")
        return {alias.asname or alias.name for names in errors for alias in names}


def _last(node: ast.expr) -> int:
    return node.end_lineno or node.lineno


def _is_same(one: Patch, other: Patch) -> bool:
    """Tell whether two patches give one and the same thing."""
    given = one.given or _value_of(one), other.given or _value_of(other)
    if not all(isinstance(each, ast.Name) for each in given):
        return False
    return ast.unparse(given[0]) == ast.unparse(given[1])  # type: ignore[arg-type]


def _value_of(patch: Patch) -> ast.expr | None:
    return next((o.value for o in patch.options if o.arg == "return_value"), None)


def _runs_always(function: Function) -> bool:
    """Tell whether a function runs for tests that do not name it."""
    return _HOOK.match(function.name) is not None or any(
        "autouse" in ast.unparse(decorator) for decorator in function.decorator_list
    )


def _imported(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, str]]:
    """Give the dotted names of what is imported, and the names for that."""
    for node in nodes:
        match node:
            case ast.Import(names=aliases):
                for alias in aliases:
                    yield alias.name, alias.asname or alias.name.partition(".")[0]
            case ast.ImportFrom(module=package, names=aliases):
                for alias in aliases:
                    for dotted in (package or "", f"{package}.{alias.name}"):
                        yield dotted, alias.asname or alias.name


def _names_of(part: ast.AST) -> list[str]:
    match part:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Assign(targets=targets):
            return [n.id for t in targets for n in nodes_in(t) if isinstance(n, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
    return []


def _first(node: _Part) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(each.lineno for each in decorators)])


def _texts_in(nodes: Sequence[ast.AST]) -> Iterator[str]:
    """Give the words of the texts in some code, but for its docstrings; logs stand for any."""
    docstrings = {node.value for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        match node:
            case ast.Constant(value=str(text)) if node not in docstrings:
                yield from re.findall(r"\w+", text)
            case ast.Name(id=name) | ast.Attribute(attr=name) if name in _SEES_ALL:
                yield ANY_TEXT


def _looks(text: str, nodes: Sequence[ast.AST]) -> tuple[bool, bool, bool, bool]:
    """Tell whether code prepares blocks, and looks at commits, at closes, and at notes of these."""
    fakes = [fake_of(node) for node in nodes if isinstance(node, ast.ClassDef)]
    ended = {name for fake in fakes if fake is not None for name in fake.ended}
    closed = {name for fake in fakes if fake is not None for name in fake.closed}
    enters = _ENTERS.search(_ENTERS_ITSELF.sub("", text)) is not None
    counts = _COUNTS_COMMITS.search(_IS_CALLED.sub("", text)) is not None
    counts = counts or any(fake is not None and fake.may_fail for fake in fakes)
    return (
        enters,
        counts or are_counted(ended, text),
        _COUNTS_CLOSES.search(text) is not None,
        any(re.search(rf"(?<!\bself)\.{name}\b", text) for name in closed),
    )
