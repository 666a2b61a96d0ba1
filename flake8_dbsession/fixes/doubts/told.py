"""Code that a function runs only where it is told one of certain texts: `if tool == "search":`."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import TypeAlias

from flake8_dbsession.analysis.names.functions import decorator_names
from flake8_dbsession.analysis.names.scopes import last_segment
from flake8_dbsession.analysis.nodes import nodes_in
from flake8_dbsession.fixes.doubts.values import Function
from flake8_dbsession.named_tuples import NamedTuple

_DISPLAYS = (ast.Dict, ast.List, ast.Set, ast.Tuple)  # equal to no text


class Choice(NamedTuple):
    """What a function has to be told, for some code in it to run.

    Attributes:
        function: the function's name.
        position: which argument tells it, counted from 0; of a method without its object.
        parameter: the name of that.
        texts: the texts, one of which it has to be.
    """

    function: str
    position: int
    parameter: str
    texts: frozenset[str]


Choices: TypeAlias = frozenset[Choice]


class Branches:
    """The code in a function that runs only where it is told certain texts.

    Args:
        function: the function, which stands in no other.
        is_method: whether it stands in a class.
    """

    def __init__(self, function: Function, *, is_method: bool) -> None:
        self._function = function
        self._is_method = is_method

    def choice_at(self, line: int) -> Choice | None:
        """Tell what it has to be told for the code on a line; None where that is not plain."""
        around = [each for each in self._branches if each.first <= line <= each.last]
        return around[-1].choice if around else None

    def choices_of(self, lines: Iterable[int]) -> Choices | None:
        """Tell what it has to be told for the code on some lines; None for nothing."""
        found = {self.choice_at(line) for line in lines} if self._branches else {None}
        return joined(choice for choice in found if choice) if None not in found else None

    @cached_property
    def _branches(self) -> list[_Branch]:
        """The branches, the inner ones after those around them."""
        function = self._function
        given = [each.arg for each in (*function.args.posonlyargs, *function.args.args)]
        given = given[self._is_method and "staticmethod" not in decorator_names(function) :]
        conditions = [*_conditions(function)]
        bound = _bound_in(function) if conditions else Counter()
        found = [
            _Branch(body[0].lineno, body[-1].end_lineno or 0, choice)
            for body, name, texts in conditions
            if name in given and bound[name] == 1
            for choice in [Choice(function.name, given.index(name), name, texts)]
        ]
        return sorted(found, key=lambda branch: branch.first)


class _Branch(NamedTuple):
    first: int
    last: int
    choice: Choice


def joined(choices: Iterable[Choice]) -> Choices:
    """Put together what the same function has to be told by the same argument."""
    texts: dict[tuple[str, int, str], frozenset[str]] = {}
    for choice in choices:
        told_by = choice.function, choice.position, choice.parameter
        texts[told_by] = texts.get(told_by, frozenset()) | choice.texts
    return frozenset(Choice(*told_by, known) for told_by, known in texts.items())


class Mentions:
    """Where some code names functions, and what it tells them there.

    Args:
        nodes: the code.
    """

    def __init__(self, nodes: Sequence[ast.AST]) -> None:
        self._nodes = nodes
        self._named: dict[str, list[ast.AST]] = {}

    def choosing(self, choice: Choice) -> list[int]:
        """Give the lines on which it may tell a function what that has to be told.

        There is none where it only calls the function at once, with another text.
        """
        if choice.function not in self._named:
            self._named[choice.function] = [n for n in self._nodes if _names(n, choice.function)]
        named = self._named[choice.function]
        return [
            node.lineno  # type: ignore[attr-defined]
            for node in named
            if node not in self._calls or _may_tell(self._calls[node], choice)
        ]

    @cached_property
    def _calls(self) -> dict[ast.AST, ast.Call]:
        return {node.func: node for node in self._nodes if isinstance(node, ast.Call)}


def _names(node: ast.AST, function: str) -> bool:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name, asname=str()):
            return name == function
        case ast.Constant(value=str(text)):
            return function in text and function in re.findall(r"\w+", text)
    return False


def _may_tell(call: ast.Call, choice: Choice) -> bool:
    """Tell whether a call may tell a function one of some texts; one of a class has its object."""
    owner = last_segment(call.func.value) if isinstance(call.func, ast.Attribute) else ""
    is_of_class = owner[:1].isupper()
    if is_of_class or any(isinstance(each, ast.Starred) for each in call.args):
        return True
    told = {keyword.arg: keyword.value for keyword in call.keywords}
    by_position = call.args[choice.position :]
    match by_position[0] if by_position else told.get(choice.parameter):
        case ast.Constant(value=value):
            return value in choice.texts
        case value:
            return not isinstance(value, _DISPLAYS)


def _conditions(function: Function) -> Iterator[tuple[list[ast.stmt], str, frozenset[str]]]:
    """Give code with a name that has to be one of some texts for it to run."""
    for node in nodes_in(function):
        if isinstance(node, ast.If) and _is_below(node.body, node.test):
            for name, texts in _required(node.test):
                yield node.body, name, texts
        elif isinstance(node, ast.Match) and isinstance(node.subject, ast.Name):
            for case in node.cases:
                texts = _texts_of(case.pattern)
                if texts and _is_below(case.body, case.guard or case.pattern):
                    yield case.body, node.subject.id, texts


def _is_below(body: Sequence[ast.stmt], head: ast.expr | ast.pattern) -> bool:
    return (head.end_lineno or 0) < body[0].lineno


def _required(test: ast.expr) -> Iterator[tuple[str, frozenset[str]]]:
    """Give the names that have to be one of some texts for a condition to hold."""
    match test:
        case ast.BoolOp(op=ast.And(), values=values):
            for value in values:
                yield from _required(value)
        case ast.BoolOp(op=ast.Or(), values=values):
            found = [next(_required(value), None) for value in values]
            known = [each for each in found if each is not None]
            if len(known) == len(found) and len({name for name, _ in known}) == 1:
                yield known[0][0], frozenset().union(*(texts for _, texts in known))
        case ast.Compare(left=ast.Name(id=name), ops=[op], comparators=[right]):
            parts = getattr(right, "elts", []) if isinstance(op, ast.In) else [right]
            texts = _texts_in(parts) if isinstance(op, (ast.Eq, ast.In)) else frozenset()
            if texts:
                yield name, texts


def _texts_in(parts: Sequence[ast.expr]) -> frozenset[str]:
    """Give the texts that are written in some places; none where there is anything else."""
    values = [part.value if isinstance(part, ast.Constant) else None for part in parts]
    texts = [value for value in values if isinstance(value, str)]
    return frozenset(texts) if len(texts) == len(parts) else frozenset()


def _texts_of(pattern: ast.pattern) -> frozenset[str]:
    match pattern:
        case ast.MatchValue(value=value):
            return _texts_in([value])
        case ast.MatchOr(patterns=patterns):
            found = [_texts_of(each) for each in patterns]
            return frozenset().union(*found) if all(found) else frozenset()
    return frozenset()


def _bound_in(function: Function) -> Counter[str]:
    """Count how often a function binds its names."""
    bound: Counter[str] = Counter()
    for node in nodes_in(function):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
                bound[name] += 1
            case (
                ast.ExceptHandler(name=str(name))
                | ast.MatchAs(name=str(name))
                | ast.MatchStar(name=str(name))
                | ast.MatchMapping(rest=str(name))
            ):
                bound[name] += 1
            case ast.alias(name=name, asname=new):
                bound[new or name.partition(".")[0]] += 1
    return bound
