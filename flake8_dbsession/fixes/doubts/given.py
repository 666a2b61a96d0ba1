"""What a test gives in the place of what it patches, and what it looks at of that."""

from __future__ import annotations

import ast
import re
from collections.abc import Set
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, TypeAlias

from flake8_dbsession.analysis.names.functions import is_fixture
from flake8_dbsession.analysis.nodes import nodes_in
from flake8_dbsession.fixes.doubts.neighbours import is_module
from flake8_dbsession.fixes.doubts.patches import Patch, patches
from flake8_dbsession.fixes.doubts.values import DEFINED, Function, Values, is_error

_HOOK = re.compile(r"set_?up|tear_?down|async(?:SetUp|TearDown)|pytest_", re.IGNORECASE)
# The fixtures of pytest and its best known plugins, which give nothing of the project's.
_PLAIN_FIXTURES = frozenset(
    {"capfd", "caplog", "capsys", "cls", "event_loop", "mocker", "monkeypatch", "recwarn"}
    | {"request", "self", "tmp_path", "tmp_path_factory", "tmpdir"}
)
_ENTERS = re.compile(r"__a?(?:enter|exit)__")
# What gives itself when it is entered, so that it does not matter whether it is.
_ENTERS_ITSELF = re.compile(
    r"\b(\w+)\.__a?enter__ *= *[\w.]*Mock\(return_value=\1\)"
    r"|\b(\w+)\.__a?enter__\.return_value *= *\2[ \t]*$"
    r"|\.__a?exit__ *= *[\w.]*Mock\(return_value=(?:False|None)\)"
    r"|\.__a?exit__\.return_value *= *(?:False|None)\b"
    r"|def __a?enter__\((\w+)\):\s+return \3\b"
    r"|def __a?exit__\([^)]*\):\s+(?:pass|return (?:False|None))\b",
    re.MULTILINE,
)
_PLAIN_MOCK = r"(?!\s*[\w.]*Mock\(\)\s*$)"
_COUNTS_COMMITS = re.compile(
    r"commit\.(?:assert_(?:not_called|called_once|not_awaited|awaited_once)|call_count|await_count"
    rf"|side_effect|called\b|mock_calls)|commit\s*=(?!=){_PLAIN_MOCK}|method_calls|mock_calls",
    re.MULTILINE,
)
_COUNTS_CLOSES = re.compile(
    rf"close\.(?:assert_not_called|side_effect)|close\s*=(?!=){_PLAIN_MOCK}", re.MULTILINE
)

_Part: TypeAlias = Function | ast.ClassDef | ast.Assign | ast.AnnAssign


class Looked(NamedTuple):
    """What a test does with what it gives.

    Attributes:
        enters: whether the test prepares the block of what it gives.
        counts: whether it looks at the commits of what it gives, or has them fail.
        closes: whether it looks at the closes.
        is_plain: whether it gives a mock, or what makes real sessions.
        raises: whether calling what it gives is an error.
    """

    enters: bool
    counts: bool
    closes: bool
    is_plain: bool
    raises: bool


class _Running(NamedTuple):
    """What may run while a patch holds.

    Attributes:
        words: its words.
        looks: whether it prepares blocks, looks at commits, and looks at closes.
        values: what its names stand for.
    """

    words: frozenset[str]
    looks: tuple[bool, bool, bool]
    values: Values


class Code:
    """The code of a test's file, looked at for what it gives in the place of a name.

    Args:
        tree: its syntax tree.
        text: its text.
    """

    def __init__(self, tree: ast.Module, text: str) -> None:
        self._tree = tree
        self._text = text
        self._lines = text.split("\n")
        classes = [part for part in tree.body if isinstance(part, ast.ClassDef)]
        bodies = [tree.body, *(cls.body for cls in classes)]
        self._functions = [n for body in bodies for n in body if isinstance(n, DEFINED)]
        self._always = [f for f in self._functions if _runs_always(f)]
        self._helpers: dict[str, list[_Part]] = {}
        for part in (*self._functions, *classes, *tree.body):
            for name in _names_of(part):
                if not name.startswith(("test", "Test")):
                    self._helpers.setdefault(name, []).append(part)  # type: ignore[arg-type]
        self._told: dict[Function | None, _Running] = {}

    @cached_property
    def words(self) -> frozenset[str]:
        """All words of the file."""
        return frozenset(re.findall(r"\w+", self._text))

    @cached_property
    def patches(self) -> list[Patch]:
        """What the file patches."""
        return patches(self._tree)

    def names_of(self, module: Path) -> set[str]:
        """Give the names by which the file has a module, or something of it."""
        return {name for dotted, name in self._imports if is_module(module, dotted)}

    @cached_property
    def _imports(self) -> set[tuple[str, str]]:
        found = set()
        for node in nodes_in(self._tree):
            match node:
                case ast.Import(names=aliases):
                    for alias in aliases:
                        found.add((alias.name, alias.asname or alias.name.partition(".")[0]))
                case ast.ImportFrom(module=package, names=aliases):
                    for alias in aliases:
                        for dotted in (package or "", f"{package}.{alias.name}"):
                            found.add((dotted, alias.asname or alias.name))
        return found

    def may_run(self, line: int, names: Set[str]) -> bool:
        """Tell whether something may run while a patch holds, as far as the file tells.

        Args:
            line: the line of the patch.
            names: the names that it has in the file, one of which stands there.

        Returns:
            True where a name stands in the test around the patch, in what that calls or is given,
            or in what runs for every test. What a test is given by another file may be anything.
        """
        return not names.isdisjoint(self._running_at(line).words)

    def looked(self, patch: Patch) -> Looked:
        """Tell what a test does with what it gives."""
        running = self._running_at(patch.line)
        options = {option.arg: option.value for option in patch.options}
        given = patch.given or options.get("return_value") or options.get("side_effect")
        return Looked(
            *running.looks,
            is_plain=given is None or running.values.is_plain(given),
            raises=is_error(options.get("side_effect"), self._errors),
        )

    def _running_at(self, line: int) -> _Running:
        """Give the code that runs while a patch holds."""
        around = [f for f in self._functions if _first(f) <= line <= (f.end_lineno or 0)]
        start = around[0] if around else None
        if start not in self._told:
            parts = self._running(start) if start is not None else None
            if parts is None:
                text, nodes = self._text, nodes_in(self._tree)
            else:
                text, nodes = self._text_of(parts), [n for part in parts for n in nodes_in(part)]
            is_whole = parts is None or any(map(self._is_given_more, parts))
            words = re.findall(r"\w+", self._text if is_whole else text)
            values = Values(nodes, set(self._helpers), self._errors)
            self._told[start] = _Running(frozenset(words), _looks(text), values)
        return self._told[start]

    def _running(self, function: Function) -> list[_Part] | None:
        tests = [function] if function.name.startswith("test") else self._users_of(function)
        if not tests or function in self._always or any(t in self._always for t in tests):
            return None
        waiting: list[_Part] = [*tests, *self._always]
        seen: dict[_Part, None] = {}
        while waiting:
            part = waiting.pop()
            if part not in seen:
                seen[part] = None
                words = set(re.findall(r"\w+", self._text_of([part])))
                waiting += [p for word in words & self._helpers.keys() for p in self._helpers[word]]
        return [*seen]

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
        return "\n".join("\n".join(self._lines[_first(p) - 1 : p.end_lineno]) for p in parts)

    @cached_property
    def _errors(self) -> set[str]:
        imports = (s for s in nodes_in(self._tree) if isinstance(s, ast.ImportFrom))
        errors = (s.names for s in imports if s.module == "sqlalchemy.exc")
        return {alias.asname or alias.name for names in errors for alias in names}


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


def _first(node: _Part) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(each.lineno for each in decorators)])


def _looks(text: str) -> tuple[bool, bool, bool]:
    """Tell whether a text prepares blocks, looks at commits, and looks at closes."""
    enters = _ENTERS.search(_ENTERS_ITSELF.sub("", text))
    found = (enters, _COUNTS_COMMITS.search(text), _COUNTS_CLOSES.search(text))
    return found[0] is not None, found[1] is not None, found[2] is not None
