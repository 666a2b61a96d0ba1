"""Which expressions of a function tell the keys of which of its mapped objects."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cached_property

from flake8_dbsession.analysis.effects.work.block import Block
from flake8_dbsession.analysis.effects.work.columns import declared
from flake8_dbsession.analysis.effects.work.forms import bindings_of
from flake8_dbsession.analysis.library.queries import COLUMN_MAKERS
from flake8_dbsession.analysis.names.scopes import Annotated, Assigned, How, last_segment
from flake8_dbsession.analysis.names.values import ClassValue, InstanceValue
from flake8_dbsession.analysis.nodes import arguments, dotted_name, is_name, nodes_in, unawaited
from flake8_dbsession.named_tuples import NamedTuple

KEYS = frozenset({"id", "pk", "uid", "uuid"})
"""The names of keys, where no class says which attribute is its own."""

# What gives a value as another type, or puts values together.
_TURNING = frozenset(
    {"UUID", "dict", "dumps", "frozenset", "int", "list", "set", "sorted", "str", "tuple"}
)
_NAMING = frozenset({"filter_by", "values"})
_SELECTING = frozenset({"insert", "query", "select", "update"})
_LISTING = frozenset({"add", "append", "appendleft", "extend", "insert"})
_FEW = 2  # values in a dictionary that tells of a row, and no more
_PUTTING = frozenset({"add", "append", "extend", "insert", "update"})


class Tells(NamedTuple):
    """What an expression tells.

    Attributes:
        objects: the objects whose keys it tells, as they are written.
        names: the plain names whose values it tells.
    """

    objects: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()

    def __or__(self, other: Tells) -> Tells:
        """Give both."""
        return Tells(self.objects | other.objects, self.names | other.names)


TELLS_NOTHING = Tells()


class RowKeys:
    """Answers what the expressions of a function tell of its objects.

    Args:
        block: the function's statements.
    """

    def __init__(self, block: Block) -> None:
        self._block = block
        self._scope = block.callees.scope
        self._inference = block.callees.inference

    def told(self, expressions: Iterable[ast.expr], *, by_events: bool = True) -> Tells:
        """Tell of which objects some expressions tell the keys, and of which names the values.

        Args:
            expressions: the expressions.
            by_events: whether dictionaries count that tell more than a row's key.
        """
        told = TELLS_NOTHING
        for expression in expressions:
            told |= self._told(expression, frozenset(), by_events)
        return told

    def objects(self, expression: ast.expr) -> frozenset[str]:
        """Give the names of what an expression is, or is one of: ``job``, or ``jobs`` of that."""
        return frozenset(self._objects(expression, frozenset()))

    def lists_with(self, name: str) -> Iterator[str]:
        """Give the names of the lists into which an object is put."""
        for container, values in self._listed.items():
            if any(is_name(value, name) for value in values):
                yield container

    def keys_of(self, name: str) -> frozenset[str]:
        """Give the names that hold an object's key before it is made or loaded.

        ``Job(id=job_id)``, ``db.get(Job, job_id)``, ``select(Job).where(Job.id == job_id)``
        """
        return frozenset(key for value in self._block.assigned(name) for key in self.keys_in(value))

    def keys_in(self, value: ast.expr) -> Iterator[str]:
        """Give the names that an expression says to be the key of what it makes or selects."""
        if isinstance(value, ast.Call):
            yield from _keys_given(value)
        calls = [node for node in nodes_in(value) if isinstance(node, ast.Call)]
        for call in calls:
            if last_segment(call.func) in _NAMING:
                yield from _keys_given(call)
            elif _gets_by_key(call):
                yield from _names_of(call.args[-1])
        selected = {dotted_name(call.args[0]) for call in calls if _selects(call)}
        for node in nodes_in(value):
            match node:
                case ast.Attribute(value=model, attr="query"):
                    selected.add(dotted_name(model))
                case ast.Compare(
                    left=ast.Attribute(value=owner, attr=key),
                    ops=[ast.Eq()],
                    comparators=[value],
                ) if key in KEYS and dotted_name(owner) in selected:
                    yield from _names_of(value)

    def _told(self, expression: ast.expr, seen: frozenset[str], by_events: bool) -> Tells:
        match expression:
            case ast.Name(id=name):
                named = Tells(names=frozenset({name}))
                return named | self._told_by_name(name, seen, by_events)
            case ast.Attribute(value=owner, attr=attribute):
                return (
                    Tells(self.objects(owner)) if self._is_key(owner, attribute) else TELLS_NOTHING
                )
            case ast.Call() if not self._turns(expression):
                return TELLS_NOTHING
            case ast.Compare() | ast.Lambda():
                return TELLS_NOTHING
            case ast.JoinedStr() if _is_prose(expression):
                return TELLS_NOTHING
            case ast.Dict(values=values) if len(values) > _FEW and not by_events:
                return TELLS_NOTHING
        told = TELLS_NOTHING
        for part in _parts(expression):
            told |= self._told(part, seen, by_events)
        return told

    def _told_by_name(self, name: str, seen: frozenset[str], by_events: bool) -> Tells:
        told = TELLS_NOTHING
        if name not in seen:
            for value in (*self._bound.get(name, ()), *self._put_into.get(name, ())):
                told |= self._told(value, seen | {name}, by_events)
        return told

    def _turns(self, call: ast.Call) -> bool:
        """Tell whether a call gives what it is given, as another type or in an object."""
        if last_segment(call.func) in _TURNING:
            return True
        return isinstance(self._inference.value(call.func, self._scope), ClassValue)

    def _objects(self, expression: ast.expr, seen: frozenset[str]) -> Iterator[str]:
        match expression:
            case ast.Name(id=name) if name not in seen:
                yield name
                for value in (*self._same_as(name), *self._listed.get(name, ())):
                    yield from self._objects(value, seen | {name})
            case ast.Attribute():
                yield dotted_name(expression)
            case ast.Subscript(value=inner) | ast.Await(value=inner) | ast.NamedExpr(value=inner):
                yield from self._objects(inner, seen)
            case ast.List(elts=parts) | ast.Tuple(elts=parts):
                for part in parts:
                    yield from self._objects(part, seen)

    def _same_as(self, name: str) -> Iterator[ast.expr]:
        """Give what a name is bound to that is, or holds, the same object."""
        for value in self._bound.get(name, ()):
            value = unawaited(value)
            if isinstance(value, (ast.Name, ast.Subscript, ast.NamedExpr, ast.List)):
                yield value

    @cached_property
    def _bound(self) -> dict[str, list[ast.expr]]:
        found: dict[str, list[ast.expr]] = {}
        for node in self._block.nodes:
            for target, value in bindings_of(node):
                if isinstance(target, ast.Name) and not isinstance(node, ast.withitem):
                    found.setdefault(target.id, []).append(value)
        return found

    @cached_property
    def _put_into(self) -> dict[str, list[ast.expr]]:
        """What is put into the lists and dictionaries of the function."""
        found: dict[str, list[ast.expr]] = {}
        for node in self._block.nodes:
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)):
                    if method in _PUTTING:
                        found.setdefault(name, []).extend(arguments(node))
                case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=name))], value=value):
                    found.setdefault(name, []).append(value)
        return found

    @cached_property
    def _listed(self) -> dict[str, list[ast.expr]]:
        """What is put into the lists and sets of the function, which hold objects of one kind."""
        found: dict[str, list[ast.expr]] = {}
        for call in self._block.calls:
            match call.func:
                case ast.Attribute(value=ast.Name(id=name), attr=method) if method in _LISTING:
                    found.setdefault(name, []).extend(arguments(call))
        return found

    def _is_key(self, owner: ast.expr, attribute: str) -> bool:
        """Tell whether an attribute of an object is its key."""
        hows = self._declared(owner, attribute)
        return attribute in KEYS or any(_is_unique(how, attribute) for how in hows)

    def _declared(self, owner: ast.expr, attribute: str) -> list[How]:
        cls = self._class_of(owner)
        return declared(cls, attribute, self._inference) if cls is not None else []

    def _class_of(self, owner: ast.expr) -> ClassValue | None:
        match self._inference.value(owner, self._scope):
            case InstanceValue(cls=cls):
                return cls
        for name in self._objects(owner, frozenset()):
            for value in self._block.assigned(name):
                for node in nodes_in(value):
                    if isinstance(node, ast.Name):
                        named = self._inference.value(node, self._scope)
                        if isinstance(named, ClassValue):
                            return named
        return None


def _is_unique(how: How, attribute: str) -> bool:
    """Tell whether a column is a primary key, or another one that is there to find a row by."""
    match how:
        case Assigned(value=ast.Call() as call) | Annotated(value=ast.Call() as call):
            options = {"primary_key", "unique"} if attribute.endswith("id") else {"primary_key"}
            return last_segment(call.func) in COLUMN_MAKERS and any(
                option.arg in options
                and isinstance(option.value, ast.Constant)
                and bool(option.value.value)
                for option in call.keywords
            )
    return False


def _is_prose(text: ast.JoinedStr) -> bool:
    """Tell whether a text is written for people, and not to find a row by."""
    parts = (part.value for part in text.values if isinstance(part, ast.Constant))
    return any(" " in str(part) for part in parts)


def _keys_given(call: ast.Call) -> Iterator[str]:
    for option in call.keywords:
        if option.arg in KEYS:
            yield from _names_of(option.value)


def _names_of(key: ast.expr) -> Iterator[str]:
    """Give the name of a key, also of one that is turned into another type: ``UUID(job_id)``."""
    match key:
        case ast.Name(id=name):
            yield name
        case ast.Call(args=[ast.Name(id=name)]) if last_segment(key.func) in _TURNING:
            yield name


def _selects(call: ast.Call) -> bool:
    """Tell whether the first argument of a call is the class whose rows are meant."""
    return last_segment(call.func) in _SELECTING and bool(call.args)


def _gets_by_key(call: ast.Call) -> bool:
    """Tell whether a call is ``db.get(Job, key)`` or ``db.query(Job).get(key)``."""
    match call:
        case ast.Call(func=ast.Attribute(attr="get" | "get_one"), args=[cls, _]):
            return last_segment(cls)[:1].isupper()
        case ast.Call(func=ast.Attribute(value=ast.Call() as query, attr="get"), args=[_]):
            return any(isinstance(n, ast.Call) and _selects(n) for n in nodes_in(query))
        case ast.Call(func=ast.Attribute(value=query, attr="get" | "get_or_404"), args=[_]):
            return isinstance(query, ast.Attribute) and query.attr == "query"
    return False


def _parts(expression: ast.expr) -> Iterator[ast.expr]:
    """Give the expressions that an expression is made of, but for the callee of a call."""
    for node in ast.iter_child_nodes(expression):
        part = node.value if isinstance(node, ast.keyword) else node
        is_callee = isinstance(expression, ast.Call) and expression.func is part
        if isinstance(part, ast.expr) and not is_callee:
            yield part
