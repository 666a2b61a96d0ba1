"""By which names the code at a place is run, as far as its module and some others tell."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence, Set
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

from flake8_dbsession.analysis.library.wrappers import CONTEXT_MANAGERS, PLAIN_DECORATORS
from flake8_dbsession.analysis.names.functions import decorator_names
from flake8_dbsession.analysis.names.scopes import last_segment
from flake8_dbsession.analysis.nodes import blocks, nodes_in, own_nodes
from flake8_dbsession.fixes.doubts.neighbours import is_module
from flake8_dbsession.fixes.doubts.told import Branches, Choices, Mentions, joined
from flake8_dbsession.fixes.doubts.values import DEFINED, Function
from flake8_dbsession.named_tuples import NamedTuple

# A function under any other decorator may be kept by it, and be called by whoever gets it there.
_KEPT_NOWHERE = PLAIN_DECORATORS | CONTEXT_MANAGERS | {"cached_property", "property", "setter"}
# What reads attributes or names by texts, which may be put together.
_READERS = frozenset({"__getattribute__", "attrgetter", "getattr", "methodcaller"})
_TABLES = frozenset({"globals", "vars"})
_NAMES = re.compile(r"[\w.:]+")  # what a text may name; sentences name nothing
_ANY = "*"  # stands among words for one that cannot be read; before what is known of that
_MADE = "()"  # stands there for the class of an object at hand, of which another one is made
_BEGINS = frozenset({"__init__", "__post_init__"})  # run when an object is made by its class
_MAKES = _BEGINS | {"__new__"}  # run when an object is made, once

_LATER = (*DEFINED, ast.GeneratorExp, ast.Lambda)
Names: TypeAlias = frozenset[str] | None
"""Names one of which stands wherever some code is run; None where it may be run without any."""


class Runners(NamedTuple):
    """What stands wherever some code is run.

    Attributes:
        names: names, one of which does whatever functions are told.
        choices: what else does: functions, where they are told certain texts.
        made: those of the names that are of classes, and run it only where an object is made.
    """

    names: Names
    choices: Choices = frozenset()
    made: frozenset[str] = frozenset()

    @property
    def all(self) -> Names:
        """The names, one of which stands there."""
        if self.names is None:
            return None
        return self.names.union(choice.function for choice in self.choices)

    @property
    def plain(self) -> frozenset[str]:
        """The names that run it wherever they stand."""
        return (self.names or frozenset()) - self.made

    def with_more(self, more: Runners) -> Runners:
        """Add others."""
        if self.names is None or more.names is None:
            return Runners(None)
        names, choices = self.names | more.names, joined([*self.choices, *more.choices])
        return Runners(names, choices, names - self.plain - more.plain)


class Use(NamedTuple):
    """A place where code uses something of another module.

    Attributes:
        name: its name there; empty where that is not known.
        attribute: the attribute of it that is read; empty for itself.
        line: the line.
        is_late: whether a function imports it, each time that it is called.
    """

    name: str
    attribute: str
    line: int
    is_late: bool


class _Outer(NamedTuple):
    """A function that stands in no other, with the names by which it can be run.

    Attributes:
        node: the function.
        names: its own name; for a method with a special name that of its class.
        words: all names and words of texts in it.
        is_kept: whether something may call it that need not name it.
        is_method: whether it stands in a class.
    """

    node: Function
    names: frozenset[str]
    words: frozenset[str]
    is_kept: bool
    is_method: bool

    @property
    def made(self) -> frozenset[str]:
        """The name of the class of which it begins an object; none where it does not."""
        return self.names if self.is_method and self.node.name in _BEGINS else frozenset()


class Functions:
    """The functions of a module, and which of them name which.

    Args:
        tree: the module's syntax tree.
    """

    def __init__(self, tree: ast.Module) -> None:
        self._tree = tree
        self._bound: dict[Function, set[str]] = {}
        self._branches: dict[Function, Branches] = {}
        self._mentions: dict[Function, Mentions] = {}
        self._named_in: dict[Function, list[tuple[int, frozenset[str]]]] = {}
        self._read_on: dict[str, list[int]] = {}
        self._entered: dict[tuple[str, Function], bool] = {}
        self._uses: dict[Path, list[Use]] = {}
        self._inside: dict[int, Names] = {}
        self._not_at_once: dict[Function, frozenset[str]] = {}
        self._naming: dict[Runners, Runners] = {}
        self._at: dict[int, _Outer | None] = {}

    def is_imported(self, name: str, line: int) -> bool:
        """Tell whether a function imports a name on a line, perhaps by another one."""
        around = self._around(line)
        nodes = nodes_in(around.node) if around is not None else []
        aliases = (node for node in nodes if isinstance(node, ast.alias))
        return any((alias.name, alias.lineno) == (name, line) for alias in aliases)

    def is_late(self, name: str, line: int) -> bool:
        """Tell whether a name that is read on a line is bound in the function around it."""
        around = self._around(line)
        if around is None:
            return False
        if around.node not in self._bound:
            self._bound[around.node] = _bound_in(around.node)
        return name in self._bound[around.node]

    def names_around(self, name: str, line: int) -> bool:
        """Tell whether a name stands in the function around a line."""
        around = self._around(line)
        return around is not None and name in around.words

    def lines_of(self, name: str) -> list[int]:
        """Give the lines on which the module's code reads a name."""
        if name not in self._read_on:
            names = (node for node in self._nodes if isinstance(node, ast.Name))
            reads = (n for n in names if n.id == name and isinstance(n.ctx, ast.Load))
            self._read_on[name] = [read.lineno for read in reads]
        return self._read_on[name]

    def only_enters(self, name: str, line: int) -> bool:
        """Tell whether all that the function around a line gets by a name is entered there."""
        around = self._around(line)
        if around is None:
            return False
        asked = name, around.node
        if asked not in self._entered:
            self._entered[asked] = _only_enters(name, around.node)
        return self._entered[asked]

    def runners_at(self, line: int) -> Runners:
        """Give what stands elsewhere where the function around a line is called for that."""
        around = self._around(line)
        return self._runners(around, [line]) if around is not None else Runners(None)

    def naming(self, runners: Runners) -> Runners:
        """Give what stands wherever some code is run by code of this module."""
        if runners not in self._naming:
            self._naming[runners] = self._found_naming(runners)
        return self._naming[runners]

    def _found_naming(self, runners: Runners) -> Runners:
        found, named = Runners(frozenset()), runners.all or frozenset()
        for function in self._outer:
            known = (runners.names or frozenset()) if function.made else runners.plain
            is_known = not function.is_kept and function.names <= known
            if not is_known and self._may_name(function.words, named):
                lines = self._lines_naming(runners, function)
                found = found.with_more(self._runners(function, lines)) if lines != [] else found
        for words, bound in self._outside:
            if self._may_name(words, named):
                found = found.with_more(Runners(bound))
        return found

    def _runners(self, function: _Outer, lines: list[int] | None) -> Runners:
        """Give what stands where a function is called for some of its lines; None for any."""
        if function.is_kept:
            return Runners(None)
        branches = self._branches_of(function)
        choices = branches.choices_of(lines) if branches and lines is not None else None
        if choices is None:
            return Runners(function.names, made=function.made)
        return Runners(frozenset(), choices)

    def _branches_of(self, function: _Outer) -> Branches | None:
        if function.names != {function.node.name}:
            return None
        if function.node not in self._branches:
            branches = Branches(function.node, is_method=function.is_method)
            self._branches[function.node] = branches
        return self._branches[function.node]

    def _lines_naming(self, runners: Runners, function: _Outer) -> list[int] | None:
        """Give the lines of a function on which it may run some code; None where it may on any."""
        names, all_names = runners.names or frozenset(), runners.all or frozenset()
        if self._may_name(function.words - all_names, all_names):
            return None
        node = function.node
        if node not in self._mentions:
            nodes = [each for each in nodes_in(node) if hasattr(each, "lineno")]
            self._mentions[node] = Mentions(nodes)
            self._named_in[node] = [(each.lineno, _words([each])) for each in nodes]
        told = [line for c in runners.choices for line in self._mentions[node].choosing(c)]
        return told + [line for line, words in self._named_in[node] if not words.isdisjoint(names)]

    def ends_at(self, line: int) -> bool:
        """Tell whether the code on a line has run when the call of the function around it ends."""
        around = self._around(line)
        if around is None or not _is_ended(around.node):
            return False
        inner = (node for node in nodes_in(around.node)[1:] if isinstance(node, _LATER))
        return not any(node.lineno <= line <= (node.end_lineno or 0) for node in inner)

    def leaving(self, names: Set[str], later: Set[str]) -> frozenset[str]:
        """Give the names of all that may end before what it names of some, or may keep that.

        Args:
            names: the names.
            later: those of which it is known that what they run may go on after them.
        """
        found: set[str] = set()
        for function in self._outer:
            if self._may_name(function.words, names) and (
                not _is_ended(function.node)
                or not function.words.isdisjoint(later)
                or self._may_name(self._kept_in(function.node), names)
            ):
                found |= function.names
        for words, bound in self._outside:
            if self._may_name(words, names):
                found |= bound or names
        return frozenset(found)

    def _kept_in(self, function: Function) -> frozenset[str]:
        """Give the words of a function, but for the names that are called at once in it."""
        if function not in self._not_at_once:
            called = {call.func for call in called_at_once(function)}
            nodes = [node for node in nodes_in(function) if node not in called]
            self._not_at_once[function] = _words(nodes)
        return self._not_at_once[function]

    def _may_name(self, words: Set[str], names: Set[str]) -> bool:
        if not words.isdisjoint(names) or (_MADE in words and not self._classes.isdisjoint(names)):
            return True
        return _ANY in words and any(_may_be(name, words) for name in self._defined & names)

    @cached_property
    def words(self) -> frozenset[str]:
        """All names and words of texts in the module."""
        return _words(self._nodes)

    @cached_property
    def plain(self) -> frozenset[str]:
        """The names of its functions that are no methods, and of nothing else in it."""
        outer = {f for f in self._tree.body if isinstance(f, DEFINED)}
        inner = (f for f in self._outer if f.node not in outer)
        return frozenset(f.name for f in outer).difference(*(f.names for f in inner))

    @cached_property
    def bases(self) -> frozenset[str]:
        """The names of what its classes derive from."""
        classes = (n for n in self._nodes if isinstance(n, ast.ClassDef))
        return frozenset(last_segment(base) for cls in classes for base in cls.bases)

    @cached_property
    def imports(self) -> list[tuple[str, int, str]]:
        """What it imports: a package, how many dots stand before that, and a name of it."""
        found: list[tuple[str, int, str]] = []
        for node in self._nodes:
            match node:
                case ast.Import(names=aliases):
                    found += ((alias.name, 0, "") for alias in aliases)
                case ast.ImportFrom(module=package, level=level, names=aliases):
                    found += ((package or "", level, alias.name) for alias in aliases)
        return found

    def runners_of(self, line: int) -> Names:
        """Give the names one of which stands in the module wherever it runs the code on a line."""
        if line not in self._inside:
            self._inside[line] = runners(line, self, ()).all
        return self._inside[line]

    def uses_of(self, module: Path) -> list[Use]:
        """Give the places where the module's code uses something of another one."""
        if module not in self._uses:
            self._uses[module] = list(self._using(module))
        return self._uses[module]

    def _using(self, module: Path) -> Iterator[Use]:
        nodes = self._nodes
        for node in nodes:
            match node:
                case ast.Import(names=aliases):
                    if any(is_module(module, alias.name) for alias in aliases):
                        yield Use("", "", node.lineno, self._is_late(node))
                case ast.ImportFrom(module=package, names=aliases):
                    for alias in aliases:
                        dotted = f"{package}.{alias.name}" if package else alias.name
                        is_named = is_module(module, package or "")
                        if is_named and not alias.asname and alias.name != "*":
                            yield from _used(alias.name, nodes, is_late=self._is_late(node))
                        elif is_named or is_module(module, dotted):
                            yield Use("", "", node.lineno, self._is_late(node))

    def _is_late(self, node: ast.Import | ast.ImportFrom) -> bool:
        return self._around(node.lineno) is not None

    @cached_property
    def _defined(self) -> frozenset[str]:
        return frozenset().union(*(function.names for function in self._outer))

    @cached_property
    def _classes(self) -> frozenset[str]:
        return frozenset(n.name for n in self._nodes if isinstance(n, ast.ClassDef))

    @cached_property
    def _outer(self) -> list[_Outer]:
        return list(_outer_in(self._tree.body, ""))

    @cached_property
    def _outside(self) -> list[tuple[frozenset[str], frozenset[str] | None]]:
        return list(_outside(self._tree.body))

    @cached_property
    def _nodes(self) -> list[ast.AST]:
        return nodes_in(self._tree)

    def _around(self, line: int) -> _Outer | None:
        if line not in self._at:
            ends = ((f, f.node.lineno, f.node.end_lineno or 0) for f in self._outer)
            self._at[line] = next((f for f, first, last in ends if first <= line <= last), None)
        return self._at[line]


def runners(line: int, module: Functions, others: Sequence[Functions]) -> Runners:
    """Give what stands wherever the code on a line is run.

    Args:
        line: the line.
        module: the module that it stands in.
        others: further modules, whose functions may call it.
    """
    known = module.runners_at(line)
    while known.names is not None:
        more = known
        for each in (module, *others):
            if each is module or not each.words.isdisjoint(more.all or ()):
                more = more.with_more(each.naming(more)) if more.names is not None else more
        if more == known:
            break
        known = more
    return known


def lasting(
    line: int, names: Set[str], module: Functions, others: Sequence[Functions]
) -> frozenset[str]:
    """Give those names of which the code on a line may run when the call by them has ended.

    Args:
        line: the line.
        names: the names by which it is run.
        module: the module that it stands in.
        others: further modules, whose functions may call it.
    """
    if not module.ends_at(line):
        return frozenset(names)
    found: frozenset[str] = frozenset()
    while True:
        more = found.union(*(each.leaving(names, found) for each in (module, *others)))
        if more == found:
            return found
        found = more


def called_at_once(function: Function) -> list[ast.Call]:
    """Give the calls that a function makes by itself, and not by what it makes for later."""
    own = own_nodes(function)
    lazy = {n for each in own if isinstance(each, ast.GeneratorExp) for n in nodes_in(each)}
    return [node for node in own if isinstance(node, ast.Call) and node not in lazy]


def ends_at_once(function: Function) -> bool:
    """Tell whether nothing is left to be run of a function when its call has ended."""
    is_plain = isinstance(function, ast.FunctionDef)
    yields = (ast.Yield, ast.YieldFrom)
    return is_plain and not any(isinstance(node, yields) for node in own_nodes(function))


def _is_ended(function: Function) -> bool:
    is_special = function.name.startswith("__") and function.name not in _MAKES
    return ends_at_once(function) and not is_special


def _used(name: str, nodes: Sequence[ast.AST], *, is_late: bool) -> Iterator[Use]:
    attributes = {n.value: n.attr for n in nodes if isinstance(n, ast.Attribute)}
    for node in nodes:
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load):
            yield Use(name, attributes.get(node, ""), node.lineno, is_late)


def _outer_in(body: Sequence[ast.stmt], cls: str) -> Iterator[_Outer]:
    for statement in body:
        if isinstance(statement, DEFINED):
            is_special = statement.name.startswith("__") and cls
            yield _Outer(
                statement,
                frozenset({cls if is_special else statement.name}),
                _words(nodes_in(statement)),
                is_kept=not decorator_names(statement) <= _KEPT_NOWHERE,
                is_method=bool(cls),
            )
        elif isinstance(statement, ast.ClassDef):
            yield from _outer_in(statement.body, statement.name)
        else:
            yield from _outer_in(_blocks_of(statement), cls)


def _blocks_of(statement: ast.stmt) -> list[ast.stmt]:
    """Give the statements in the blocks of a statement that is no definition."""
    handlers = [handler.body for handler in getattr(statement, "handlers", ())]
    return [inner for block in (*blocks(statement), *handlers) for inner in block]


def _outside(body: Sequence[ast.stmt]) -> Iterator[tuple[frozenset[str], frozenset[str] | None]]:
    """Give the words of statements outside of functions, and what they bind; None for nothing."""
    for statement in body:
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                given = [*statement.args.defaults, *filter(None, statement.args.kw_defaults)]
                nodes = [n for d in (*given, *statement.decorator_list) for n in nodes_in(d)]
                yield _words(nodes), None
            case ast.ClassDef(name=name, bases=bases, body=inner, decorator_list=decorators):
                yield _words([n for each in decorators for n in nodes_in(each)]), None
                yield _words([n for each in bases for n in nodes_in(each)]), frozenset({name})
                yield from _outside(inner)
            case ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant()):
                pass
            case ast.Assign() | ast.AnnAssign():
                targets = getattr(statement, "targets", None) or [statement.target]  # type: ignore[union-attr]
                names = [n.id for t in targets for n in nodes_in(t) if isinstance(n, ast.Name)]
                yield _words(nodes_in(statement)), frozenset(names)
            case ast.If(test=test) if "__name__" in _words(nodes_in(test)):
                pass  # runs for nobody who imports the module
            case _:
                inner = _blocks_of(statement)
                heads = [] if inner else [statement]
                yield _words([n for head in heads for n in nodes_in(head)]), None
                yield from _outside(inner)


def _only_enters(name: str, function: Function) -> bool:
    nodes = nodes_in(function)
    items = (item.context_expr for node in nodes for item in getattr(node, "items", ()))
    entered = {opened.func for opened in items if isinstance(opened, ast.Call)}
    reads = [n for n in nodes if isinstance(n, ast.Name) and n.id == name]
    return bool(reads) and all(n in entered for n in reads if isinstance(n.ctx, ast.Load))


def _bound_in(function: Function) -> set[str]:
    """Give the names that the imports and assignments in a function bind."""
    found: set[str] = set()
    for node in nodes_in(function):
        match node:
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                found |= {alias.asname or alias.name for alias in aliases}
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                found.add(name)
    return found


def _words(nodes: Sequence[ast.AST]) -> frozenset[str]:
    found: set[str] = set()
    docstrings = {node.value for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        match node:
            case ast.Constant() if node in docstrings:
                pass
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name):
                found.add(name.rpartition(".")[2])
            case ast.keyword(arg=str(name)):
                found.add(name)
            case ast.Constant(value=str(text)) if _NAMES.fullmatch(text):
                found.update(re.findall(r"\w+", text))
            case ast.Call() if _is_dynamic(node):
                found |= {_ANY, f"{_ANY}{_known_of(node, nodes)}"}
            case ast.Call(func=ast.Name(id="cls") | ast.Call(func=ast.Name(id="type"))):
                found.add(_MADE)
        if isinstance(node, ast.Attribute) and node.attr == "__class__":
            found.add(_MADE)
    return frozenset(found)


def _known_of(call: ast.Call, nodes: Sequence[ast.AST]) -> str:
    """Give what is known of a name that is read by a text; a star stands for the rest."""
    text = call.args[1] if last_segment(call.func) == "getattr" and len(call.args) > 1 else None
    if isinstance(text, ast.Name):
        stores = [n for n in nodes if isinstance(n, ast.Name) and n.id == text.id]
        is_given = any(isinstance(n, ast.arg) and n.arg == text.id for n in nodes)
        is_once = sum(not isinstance(n.ctx, ast.Load) for n in stores) == 1 and not is_given
        bound = [n for n in nodes if isinstance(n, ast.Assign) and n.targets[0] in stores]
        text = bound[0].value if is_once and bound else None
    if not isinstance(text, ast.JoinedStr):
        return _ANY
    return "".join(p.value if isinstance(p, ast.Constant) else _ANY for p in text.values)  # type: ignore[misc]


def _may_be(name: str, words: Set[str]) -> bool:
    """Tell whether one of the texts among some words that are put together may be a name."""
    begun = (word[len(_ANY) :] for word in words if word.startswith(_ANY) and word != _ANY)
    patterns = (".*".join(map(re.escape, known.split(_ANY))) for known in begun)
    return any(re.fullmatch(pattern, name) for pattern in patterns)


def _is_dynamic(call: ast.Call) -> bool:
    name = last_segment(call.func)
    is_read = all(isinstance(each, ast.Constant) for each in call.args[name == "getattr" :][:1])
    return name in _TABLES or (name in _READERS and not is_read)
