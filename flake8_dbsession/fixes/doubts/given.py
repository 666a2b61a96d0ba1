"""What a test gives in the place of what it patches, and what it looks at of that."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from flake8_dbsession.analysis.names.scopes import last_segment
from flake8_dbsession.analysis.nodes import nodes_in
from flake8_dbsession.fixes.doubts.beside import Repatch
from flake8_dbsession.fixes.doubts.fakes import are_counted, fake_of
from flake8_dbsession.fixes.doubts.handed import Way, handed
from flake8_dbsession.fixes.doubts.imported import Imported
from flake8_dbsession.fixes.doubts.patches import HOLE, Patch, patches
from flake8_dbsession.fixes.doubts.runs import Runs
from flake8_dbsession.fixes.doubts.sources import READER, Look, looks_in
from flake8_dbsession.fixes.doubts.suite import Suite
from flake8_dbsession.fixes.doubts.values import DEFINED, Function, Values, is_error
from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.patterns import regex

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
        is_real: whether it gives what makes real sessions or connections.
        may_be_real: whether that may be a real session, which the test has made as it likes.
        may_expire: whether a commit of that may expire what was loaded.
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
    is_real: bool
    may_be_real: bool
    may_expire: bool
    is_entered: bool
    raises: bool
    may_raise: bool
    reads: frozenset[str]


class _Running(NamedTuple):
    """What may run while a patch holds.

    Attributes:
        looks: whether it prepares blocks, looks at commits, at closes, and at notes of these.
        values: what its names stand for.
        texts: the words of its texts, its comments left out.
        text: all of it.
        enterers: the names of which it prepares the blocks; ``""`` for others.
    """

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

    Attributes:
        imported: what the file imports.
    """

    def __init__(
        self, tree: ast.Module, text: str, shared: Sequence[tuple[ast.Module, str]] = ()
    ) -> None:
        self._tree = tree
        self._text = text
        self._suite = Suite(tree, text, shared)
        self.imported = Imported(self._suite.nodes)
        self._told: dict[Function | None, _Running] = {}
        self._looks: dict[Path, list[Look]] = {}
        self._repatched: dict[tuple[int, str, str, bool, bool], bool] = {}

    @cached_property
    def words(self) -> frozenset[str]:
        """All words of the file."""
        return frozenset(re.findall(r"\w+", self._text))

    @cached_property
    def patches(self) -> list[Patch]:
        """What the file patches."""
        return patches(self._suite.nodes)

    @cached_property
    def runs(self) -> Runs:
        """What its tests may run."""
        return Runs(self._suite, self.imported, self.patches)

    def looks_into(self, module: Path) -> list[Look]:
        """Give what the tests look for in the source of a module, or of something in it."""
        if module not in self._looks:
            self._looks[module] = self._looking_into(module)
        return self._looks[module]

    def _looking_into(self, module: Path) -> list[Look]:
        others = self.imported.names_of_others(module)
        around = (f for f in self._readers if self.runs.may_name(f.lineno, module))
        looks = (look for f in around for look in looks_in(nodes_in(f), self._called_in(f)))
        return [look for look in looks if look.subject.partition(".")[0] not in others]

    def _called_in(self, function: Function) -> list[list[ast.AST]]:
        """Give the code of each function of the file that another one may hand something."""
        names = {last_segment(n.func) for n in nodes_in(function) if isinstance(n, ast.Call)}
        helpers = [each for name in names for each in self._suite.helpers.get(name, ())]
        return [nodes_in(each) for each in helpers if isinstance(each, DEFINED)]

    @cached_property
    def _readers(self) -> list[Function]:
        """Give the functions that read a source."""
        return [f for f in self._suite.functions if READER in self._suite.text_of([f])]

    def may_be_named(self, patch: Patch, name: str) -> bool:
        """Tell whether what a patch replaces may have a name, for it cannot be read."""
        if patch.name != HOLE:
            return False
        return patch.module == HOLE or name in self._running_at(patch.line).texts

    def is_of_a_mock(self, patch: Patch) -> bool:
        """Tell whether a patch replaces something of a mock, which is no module's."""
        if patch.module != HOLE or not isinstance(patch.holder, ast.Name):
            return False
        inner, name = self._suite.inner(patch.line), patch.holder.id
        nodes = nodes_in(inner) if inner is not None else []
        lambdas = (node for node in nodes if isinstance(node, ast.Lambda))
        given = {each.arg for node in lambdas for each in node.args.args}
        return name not in given and self._running_at(patch.line).values.is_mock(name, inner)

    def since(self, patch: Patch) -> int:
        """Give the line from which a test replaces what its patch puts back, or replaces."""
        match patch.given:
            case ast.Name(id=name) if name in self._originals.get(patch.name, ()):
                around = self._suite.around(patch.line)
                same = (p for p in self.patches if p[:2] == patch[:2])
                return min(p.line for p in same if self._suite.around(p.line) is around)
        return patch.line

    @cached_property
    def _originals(self) -> dict[str, set[str]]:
        """The names that keep attributes, by the names of these."""
        found: dict[str, set[str]] = {}
        for node in self._suite.nodes:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Attribute(attr=attribute)):
                    found.setdefault(attribute, set()).add(name)
        return found

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
        held = (p for p in others if self._suite.holds_at(p.line, line))
        return all(_is_same(other, patch) for other in held)

    def patched_at(self, line: int, name: str) -> list[str]:
        """Give the modules of which a name is patched where the code on a line may run."""
        same = (p for p in self.patches if p.name == name)
        return [p.module for p in same if self._suite.holds_at(p.line, line)]

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
        if closes and not self.imported.can_have("contextlib.closing", self.words):
            return False
        patch = Repatch(self._tree, self._text, line, old, new, "closing" if closes else "")
        if stays:
            return patch.beside() is not None
        return not closes or patch.instead() is not None

    def _is_used_beside(self, owner: ast.expr, line: int, patched: str) -> bool:
        """Tell whether a module is named elsewhere than in patches of a name of it."""
        name = ast.unparse(owner).partition(".")[0]
        around = self._suite.around(line)
        inside = nodes_in(around) if around is not None else []
        imports = (node for node in inside if isinstance(node, (ast.Import, ast.ImportFrom)))
        imported = {alias.asname or alias.name for each in imports for alias in each.names}
        nodes = inside if name in imported else self._suite.nodes
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
        looks, inner = running.looks, self._suite.inner(patch.line)
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
            is_real=is_real,
            may_be_real=running.values.may_be_real(given, inner),
            may_expire=running.values.may_expire(given, inner),
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
        given = [(value, value.lineno) for value in handed(name, ways, self._tree)]
        return any(
            not self._running_at(line).values.is_real(value, self._suite.inner(line))
            for value, line in given
        )

    @cached_property
    def _items(self) -> list[ast.withitem]:
        return [node for node in self._suite.nodes if isinstance(node, ast.withitem)]

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
        parts = self._suite.parts_at(line)
        start = self._suite.around(line) if parts is not None else None
        if start not in self._told:
            text, nodes = self._text, self._suite.nodes
            if parts is not None:
                text = self._suite.text_of(parts)
                nodes = [node for part in parts for node in nodes_in(part)]
            values = Values(nodes, set(self._suite.helpers), self._errors)
            texts = frozenset(_texts_in(nodes))
            looks = _looks(text, nodes)
            enterers = frozenset(_ENTERERS.findall(_ENTERS_ITSELF.sub("", text)))
            running = _Running(looks, values, texts, text, enterers)
            self._told[start] = running
        return self._told[start]

    @cached_property
    def _errors(self) -> set[str]:
        imports = (s for s in self._suite.nodes if isinstance(s, ast.ImportFrom))
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
