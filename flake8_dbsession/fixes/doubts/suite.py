"""What a test's file runs together: a test, its fixtures, and the helpers that these call."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from functools import cached_property
from typing import TypeAlias

from flake8_dbsession.analysis.names.functions import is_fixture
from flake8_dbsession.analysis.names.scopes import last_segment
from flake8_dbsession.analysis.nodes import first_line, nodes_in
from flake8_dbsession.fixes.doubts.values import DEFINED, Function
from flake8_dbsession.patterns import regex

_HOOK = regex(r"set_?up|tear_?down|async(?:SetUp|TearDown)|pytest_", re.IGNORECASE)
# The fixtures of pytest and its best known plugins, which give nothing of the project's.
_PLAIN_FIXTURES = frozenset(
    {"capfd", "caplog", "capsys", "cls", "event_loop", "mocker", "monkeypatch", "recwarn"}
    | {"request", "self", "tmp_path", "tmp_path_factory", "tmpdir"}
)
_PLAIN_BASES = frozenset({"IsolatedAsyncioTestCase", "TestCase", "object"})

Part: TypeAlias = Function | ast.ClassDef | ast.Assign | ast.AnnAssign


class Suite:
    """The tests of a file, and what runs for them.

    Args:
        tree: the file's syntax tree.
        text: its text.
        shared: the syntax trees and texts of the ``conftest.py`` files beside and above it, the
            nearest first.

    Attributes:
        nodes: the nodes of the syntax tree.
        functions: the functions of the file, and the methods of its classes.
        always: those that run for tests that do not name them.
        helpers: what tests may use by its name.
    """

    def __init__(
        self, tree: ast.Module, text: str, shared: Sequence[tuple[ast.Module, str]] = ()
    ) -> None:
        self._text = text
        self.nodes = nodes_in(tree)
        self._lines = text.split("\n")
        self._others: dict[ast.AST, list[str]] = {}
        classes = [part for part in tree.body if isinstance(part, ast.ClassDef)]
        bodies = [tree.body, *(cls.body for cls in classes)]
        self.functions = [n for body in bodies for n in body if isinstance(n, DEFINED)]
        self._class_of = {f: cls for cls in classes for f in cls.body}
        self.always = [f for f in self.functions if _runs_always(f)]
        self.helpers: dict[str, list[Part]] = {}
        for part in (*self.functions, *classes, *tree.body):
            for name in _names_of(part):
                if not name.startswith(("test", "Test")):
                    self.helpers.setdefault(name, []).append(part)  # type: ignore[arg-type]
        for other, other_text in shared:
            self._add_fixtures(other, other_text.split("\n"))
        self._outer: dict[int, Function | None] = {}
        self._parts: dict[Function, list[Part] | None] = {}
        self._plain_parts: dict[Function | None, list[Part] | None] = {}
        self._words: dict[Function | None, frozenset[str]] = {}

    def words_at(self, line: int) -> frozenset[str]:
        """Give the words of what may run while a patch on a line holds."""
        parts = self.plain_parts_at(line)
        start = self.around(line) if parts is not None else None
        if start not in self._words:
            text = self._text if parts is None else self.text_of(parts)
            self._words[start] = frozenset(re.findall(r"\w+", text))
        return self._words[start]

    def around(self, line: int) -> Function | None:
        """Give the function around a line that stands in no other."""
        if line not in self._outer:
            around = (f for f in self.functions if first_line(f) <= line <= (f.end_lineno or 0))
            self._outer[line] = next(around, None)
        return self._outer[line]

    def inner(self, line: int) -> Function | None:
        """Give the innermost function around a line."""
        outer = self.around(line)
        inside = [n for n in nodes_in(outer) if isinstance(n, DEFINED)] if outer else []
        around = [f for f in inside if f.lineno <= line <= (f.end_lineno or 0)]
        return max(around, key=lambda f: f.lineno, default=outer)

    def parts_at(self, line: int) -> list[Part] | None:
        """Give what may run while a patch holds; None for the whole file."""
        start = self.around(line)
        if start is None:
            return None
        if start not in self._parts:
            self._parts[start] = self._parts_for(start)
        return self._parts[start]

    def plain_parts_at(self, line: int) -> list[Part] | None:
        """Give what may run while a patch holds; None where there may be more of it."""
        start = self.around(line)
        if start not in self._plain_parts:
            parts = self.parts_at(line)
            is_whole = parts is None or any(map(self._is_given_more, parts))
            self._plain_parts[start] = None if is_whole else parts
        return self._plain_parts[start]

    def tests_at(self, line: int) -> list[int]:
        """Give the lines of the tests for which a patch holds; none where that is not known."""
        start = self.around(line)
        if start is None or not self._has_plain_tests:
            return []
        parts = self.parts_at(line)
        around = self.functions if parts is None and start in self.always else parts or ()
        return [f.lineno for f in around if isinstance(f, DEFINED) and f.name.startswith("test")]

    def holds_at(self, line: int, other: int) -> bool:
        """Tell whether the code on a line may run with that on another one."""
        parts = self.parts_at(other)
        own = [part for part in parts or () if part not in self._others]
        return parts is None or any(first_line(p) <= line <= (p.end_lineno or 0) for p in own)

    def text_of(self, parts: list[Part]) -> str:
        """Give the text of some parts of the file, or of those beside and above it."""
        lines = ((self._others.get(p, self._lines), p) for p in parts)
        return "\n".join("\n".join(of[first_line(p) - 1 : p.end_lineno]) for of, p in lines)

    def _add_fixtures(self, tree: ast.Module, lines: list[str]) -> None:
        """Add the fixtures of another file, and what they may use there."""
        known = set(self.helpers)
        for part in tree.body:
            for name in _names_of(part):
                if name not in known:
                    self.helpers.setdefault(name, []).append(part)  # type: ignore[arg-type]
                    self._others[part] = lines

    @cached_property
    def _has_plain_tests(self) -> bool:
        """Tell whether all tests of the file are functions or methods that can be told apart."""
        tests = {f for f in self.functions if f.name.startswith("test")}
        defined = (n for n in self.nodes if isinstance(n, DEFINED))
        return tests >= {n for n in defined if n.name.startswith("test")}

    def _parts_for(self, function: Function) -> list[Part] | None:
        tests = [function] if function.name.startswith("test") else self._users_of(function)
        if self._is_for_its_class(function):
            tests = [f for f in self._class_of[function].body if isinstance(f, DEFINED)]
        elif not tests or function in self.always or any(t in self.always for t in tests):
            return None
        waiting: list[Part] = [*tests, *(h for h in self.always if self._runs_for(h, function))]
        seen: dict[Part, None] = {}
        while waiting:
            part = waiting.pop()
            if part not in seen:
                seen[part] = None
                words = set(re.findall(r"\w+", self.text_of([part])))
                for word in words & self.helpers.keys():
                    waiting += [p for p in self.helpers[word] if self._may_have(part, p)]
        return [*seen]

    def _is_for_its_class(self, function: Function) -> bool:
        """Tell whether a function runs for all tests of its class, and for no others."""
        cls = self._class_of.get(function)
        classes = set(self._class_of.values())
        bases = {last_segment(base) for each in classes for base in each.bases}
        is_own = cls is not None and cls.name.startswith("Test") and cls.name not in bases
        return is_own and function in self.always

    def _runs_for(self, hook: Function, function: Function) -> bool:
        """Tell whether what runs for tests that do not name it may run for one of them."""
        own, other = self._class_of.get(function), self._class_of.get(hook)
        if other is None or other is own or not other.name.startswith("Test"):
            return True
        return own is not None and any(last_segment(b) not in _PLAIN_BASES for b in own.bases)

    def _may_have(self, part: Part, helper: Part) -> bool:
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
            more = [f for f in self.functions if f not in found and used.search(self.text_of([f]))]
            if not more:
                return found if len(found) > 1 else []
            found += more
            names |= {f.name for f in more}

    def _is_given_more(self, part: Part) -> bool:
        """Tell whether a test gets what another file makes."""
        if not isinstance(part, DEFINED) or not (part.name.startswith("test") or is_fixture(part)):
            return False
        written = " ".join(map(ast.unparse, part.decorator_list))
        mocks = sum("patch" in ast.unparse(each) for each in part.decorator_list)
        given = [arg.arg for arg in part.args.args if arg.arg not in ("self", "cls")][mocks:]
        return any(
            name not in self.helpers
            and name not in _PLAIN_FIXTURES
            and not re.search(rf"parametrize.*\b{name}\b", written)
            for name in given
        )


def _runs_always(function: Function) -> bool:
    """Tell whether a function runs for tests that do not name it."""
    return _HOOK.match(function.name) is not None or any(
        "autouse" in ast.unparse(decorator) for decorator in function.decorator_list
    )


def _names_of(part: ast.AST) -> list[str]:
    match part:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Assign(targets=targets):
            return [n.id for t in targets for n in nodes_in(t) if isinstance(n, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
    return []
