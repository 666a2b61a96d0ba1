"""Whether a test may run some code while a patch holds, as far as its file tells."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence, Set
from functools import cached_property
from pathlib import Path

from flake8_dbsession.analysis.names.functions import is_fixture
from flake8_dbsession.analysis.nodes import nodes_in
from flake8_dbsession.fixes.doubts.during import (
    Running,
    has_ended,
    held_in,
    holds_throughout,
    words_in,
)
from flake8_dbsession.fixes.doubts.imported import Imported
from flake8_dbsession.fixes.doubts.neighbours import module_word
from flake8_dbsession.fixes.doubts.patches import Patch
from flake8_dbsession.fixes.doubts.reach import Runners
from flake8_dbsession.fixes.doubts.replaced import (
    Used,
    holds_for_users,
    replaced_in,
    words_beside,
)
from flake8_dbsession.fixes.doubts.said import Said, makes_again, said_by
from flake8_dbsession.fixes.doubts.suite import Part, Suite
from flake8_dbsession.fixes.doubts.told import Choice, Mentions
from flake8_dbsession.fixes.doubts.values import Function


class Runs:
    """What the tests of a file may run.

    Args:
        suite: the tests.
        imported: what the file imports.
        patches: what it replaces.
    """

    def __init__(self, suite: Suite, imported: Imported, patches: Sequence[Patch]) -> None:
        self._suite = suite
        self._imported = imported
        self._patches = patches
        self._naming: dict[tuple[Function | None, Path], bool] = {}
        self._ended: dict[tuple[int, Runners, frozenset[str]], bool] = {}
        self._said: dict[int, Said | None] = {}
        self._words: dict[ast.AST, frozenset[str]] = {}
        self._beside: dict[int, frozenset[str]] = {}
        self._mentions: dict[Part, Mentions] = {}
        self._of_module: dict[Path, list[tuple[Patch, Set[str]]]] = {}
        self._holding: dict[tuple[Patch, int, Runners], bool] = {}

    def may_name(self, line: int, module: Path) -> bool:
        """Tell whether a test may name a module while a patch on a line holds."""
        asked = self._suite.around(line), module
        if asked not in self._naming:
            self._naming[asked] = any(True for _ in self._running(line, module, Runners(None)))
        return self._naming[asked]

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

    def has_ended(self, line: int, runners: Runners, later: frozenset[str]) -> bool:
        """Tell whether what a test runs by some names is not run while its patch on a line holds.

        Args:
            line: the line of the patch.
            runners: what stands wherever that is run.
            later: those of which it may still run when the call by that name has ended.
        """
        asked = line, runners, later
        if asked not in self._ended:
            self._ended[asked] = self._has_ended(*asked)
        return self._ended[asked]

    def _has_ended(self, line: int, runners: Runners, later: Set[str]) -> bool:
        test, parts = self._suite.around(line), self._suite.plain_parts_at(line)
        held = held_in(test, line) if test is not None else None
        if held is None or parts is None or runners.all is None:
            return False
        if runners.made and makes_again(self._nodes_of(parts)):
            return False
        for part in parts:
            if part not in self._words:
                self._words[part] = words_in(part)
        words: dict[ast.AST, Set[str]] = {part: self._words[part] for part in parts}
        known = self._imported.with_others
        return has_ended(known(runners.all), known(later), held, words)

    def _running(self, line: int, module: Path, runners: Runners) -> Iterator[int]:
        """Give the lines of the tests that may run certain code while a patch holds.

        Of those around the patch, or that it holds for, the ones in which the module and a runner
        are named: by themselves, by what they call or are given, or by what runs for every test.
        """
        names = {module_word(module), *self._imported.names_of(module)}
        for test in self._suite.tests_at(line) or [line]:
            is_named = not names.isdisjoint(self._suite.words_at(test))
            if is_named and self._may_be_run(runners, test):
                yield test

    def _may_be_run(self, runners: Runners, test: int) -> bool:
        """Tell whether one of what runs some code stands in a test."""
        words, known = self._suite.words_at(test), self._imported.with_others
        if runners.names is None:
            return True
        if not words.isdisjoint(known(runners.names)):
            said = self._said_at(test)
            if said is None or not said.running.isdisjoint(known(runners.plain)):
                return True
            if not said.making.isdisjoint(known(runners.made)):
                return True
        return any(self._may_choose(test, choice, words) for choice in runners.choices)

    def _said_at(self, test: int) -> Said | None:
        """Give what a test may run by its words; None where that is not known."""
        if test not in self._said:
            parts, found = self._suite.plain_parts_at(test), None
            if parts is not None:
                found = said_by(self._nodes_of(parts), self._only_replaced, self._holders)
            self._said[test] = found
        return self._said[test]

    def _nodes_of(self, parts: Sequence[Part]) -> list[ast.AST]:
        return [node for part in parts for node in nodes_in(part)]

    def _may_choose(self, test: int, choice: Choice, words: Set[str]) -> bool:
        """Tell whether a test may tell a function what it has to be told."""
        if words.isdisjoint(self._imported.with_others({choice.function})):
            return False
        parts = self._suite.plain_parts_at(test)
        if parts is None or choice.function in self._imported.renamed:
            return True
        for part in parts:
            if part not in self._mentions:
                self._mentions[part] = Mentions(nodes_in(part))
        return any(self._mentions[part].choosing(choice) for part in parts)

    def _only_replaces(self, test: int, module: Path, uses: Sequence[Used]) -> bool:
        """Tell whether a test names a module for nothing but to replace all of certain uses."""
        parts = self._suite.plain_parts_at(test)
        if parts is None:
            return False
        if test not in self._beside:
            self._beside[test] = words_beside(self._nodes_of(parts), self._replaced)
        names = {module_word(module), *self._imported.names_of(module)}
        if not names.isdisjoint(self._beside[test]):
            return False
        return all(self._is_replaced(use, test, module) for use in uses)

    def _is_replaced(self, use: Used, test: int, module: Path) -> bool:
        """Tell whether a patch holds of what is used of a module wherever a test may use it."""
        near = (patch for patch, names in self._replacing(module) if use.is_of(names))
        return any(self._holds_for(patch, test, use.run_by) for patch in near)

    def _replacing(self, module: Path) -> list[tuple[Patch, Set[str]]]:
        """Give the patches that name what they replace, with the names of a module among that."""
        if module not in self._of_module:
            homes, patches = self._imported.homes, (p for p in self._patches if p.target)
            self._of_module[module] = [(p, replaced_in(module, p, homes)) for p in patches]
        return self._of_module[module]

    def _holds_for(self, patch: Patch, test: int, runners: Runners) -> bool:
        """Tell whether a patch holds wherever a test may run some code."""
        asked = patch, test, runners
        if asked not in self._holding:
            self._holding[asked] = self._holds(*asked)
        return self._holding[asked]

    def _holds(self, patch: Patch, test: int, runners: Runners) -> bool:
        start, around, line = self._suite.around(patch.line), self._suite.around(test), patch.line
        if start is None or around is None or not self._suite.holds_at(line, test):
            return False
        if start is not around:
            is_around = start in self._suite.always or is_fixture(start)
            return is_around and holds_for_users(start, line)
        parts = self._suite.plain_parts_at(test)
        if line < around.lineno or parts is None:
            return line < around.lineno
        running = Running(runners, parts, self._suite.always, self._replaced)
        return holds_throughout(line, around, running)

    @cached_property
    def _replaced(self) -> frozenset[ast.AST]:
        """What names in the file what it replaces."""
        named = [part for p in self._patches for part in (p.target, p.owner) if part is not None]
        return frozenset(node for part in named for node in nodes_in(part))

    @cached_property
    def _only_replaced(self) -> frozenset[ast.AST]:
        """The texts of the file that name nothing but what it replaces in modules and objects."""
        return frozenset(p.target for p in self._patches if p.target is not None and p.name != "*")

    @cached_property
    def _holders(self) -> frozenset[ast.AST]:
        """What stands in the file for the modules and objects that it replaces something in."""
        return frozenset(p.holder for p in self._patches if p.holder is not None)
