"""The places where a test replaces something of a module, in all the ways that there are."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence

from flake8_dbsession.analysis.names.scopes import last_segment
from flake8_dbsession.analysis.nodes import dotted_name
from flake8_dbsession.fixes.doubts.looped import looped_texts
from flake8_dbsession.named_tuples import NamedTuple

HOLE = "\0"
"""Stands in a text for what cannot be read."""

_READ = frozenset(
    {ast.Call, ast.Assign, ast.AugAssign, ast.Import, ast.ImportFrom, ast.For, ast.arg}
)
_PATCHERS = frozenset({"patch", "setattr"})


class Patch(NamedTuple):
    """A place where a test replaces a name of a module.

    Attributes:
        module: the module, as far as it can be read.
        name: what is replaced in it; ``*`` for the whole module.
        target: the plain text that names it, with or without its module; None where none does.
        given: what takes its place; None for a mock that the patch makes.
        options: the keyword arguments, such as ``return_value``.
        line: its line.
        owner: the expression that stands for the module beside a text that names no module, where
            a text could stand for both.
        holder: the expression of what the name is replaced in; None for a module that a text names.
    """

    module: str
    name: str
    target: ast.Constant | None
    given: ast.expr | None
    options: tuple[ast.keyword, ...]
    line: int
    owner: ast.expr | None = None
    holder: ast.expr | None = None


def patches(nodes: Sequence[ast.AST]) -> list[Patch]:
    """Find what a test's file patches.

    Args:
        nodes: all nodes of its syntax tree.
    """
    return list(_Reader(nodes).found())


class _Reader:
    def __init__(self, nodes: Sequence[ast.AST]) -> None:
        self._nodes = [node for node in nodes if type(node) in _READ]
        bound = self._bound()
        self._texts = _only_one(bound, _text_in)
        self._originals = _only_one(bound, _attribute_in)
        self._looped = looped_texts(nodes)
        self._modules = dict(self._imported())
        self._named = list(_dotted_texts(nodes))

    def found(self) -> Iterator[Patch]:
        for node in self._nodes:
            if isinstance(node, ast.Call):
                yield from self._by_call(node)
            elif isinstance(node, (ast.Assign, ast.AugAssign)):
                yield from self._by_assignment(node)

    def _by_call(self, call: ast.Call) -> Iterator[Patch]:
        name, owner = last_segment(call.func), getattr(call.func, "value", None)
        first = call.args[0] if call.args else _keyword(call, "target")
        by_patch = last_segment(owner) == "patch" if owner is not None else False
        if name in _PATCHERS and first is not None:
            yield from self._by_target(call, first)
        elif by_patch and name == "object" and len(call.args) > 1:
            yield from self._by_object(call)
        elif by_patch and name == "multiple" and first is not None:
            module = self._text(first) if _is_text(first) else self._module(first)
            for keyword in call.keywords:
                if keyword.arg is None:
                    yield from self._of_dictionary(call, module, keyword.value)
                elif keyword.arg not in ("spec", "create", "spec_set", "autospec", "target"):
                    found = self._patch(call, module, keyword.arg or "", 99)
                    yield found._replace(given=keyword.value, options=())
        elif name in ("dict", "setitem") and first is not None and self._is_sys_modules(first):
            yield from self._whole(call.args[1:])
        elif name in ("setdefault", "update") and owner is not None and self._is_sys_modules(owner):
            yield from self._whole(call.args)

    def _of_dictionary(self, call: ast.Call, module: str, given: ast.expr) -> Iterator[Patch]:
        if isinstance(given, ast.Dict):
            for key, value in zip(given.keys, given.values, strict=True):
                name = self._text(key) if key is not None else HOLE
                where = HOLE if name == HOLE else module
                yield Patch(where, name, None, value, (), call.lineno)
        else:
            yield Patch(HOLE, HOLE, None, None, (), call.lineno)

    def _is_sys_modules(self, expression: ast.expr) -> bool:
        return "sys.modules" in (dotted_name(expression), self._text(expression))

    def _by_target(self, call: ast.Call, first: ast.expr) -> Iterator[Patch]:
        text = self._text(first) if _is_text(first) or self._is_constant(first) else None
        if text is not None:
            module, _, name = text.rpartition(".")
            found = self._patch(call, module, name, 1)
            yield found._replace(target=first if isinstance(first, ast.Constant) else None)
        elif last_segment(call.func) == "setattr" and len(call.args) > 1:
            for found in self._by_object(call):
                if found.name != HOLE or isinstance(call.func, ast.Attribute):
                    yield found
        elif isinstance(call.func, ast.Name) or _is_mock(call.func):
            yield self._patch(call, HOLE, HOLE, 1)

    def _by_object(self, call: ast.Call) -> Iterator[Patch]:
        module, name = call.args[:2]
        target = name if isinstance(name, ast.Constant) else None
        owner = module if isinstance(call.func, ast.Attribute) else None
        for text in self._looped.get(name, [self._text(name)]):
            found = self._patch(call, self._module(module), text, 2)
            yield found._replace(target=target, owner=owner, holder=module)

    def _by_assignment(self, node: ast.Assign | ast.AugAssign) -> Iterator[Patch]:
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            match target:
                case ast.Attribute(value=base, attr=name):
                    module = self._known_module(base)
                    if module is not None and not self._puts_back(node.value, target):
                        yield Patch(module, name, None, node.value, (), node.lineno)
                case ast.Subscript(value=base, slice=key) if dotted_name(base) == "sys.modules":
                    yield from self._whole([key, node.value])

    def _puts_back(self, value: ast.expr, target: ast.expr) -> bool:
        """Tell whether an attribute gets what it had before."""
        original = self._originals.get(value.id) if isinstance(value, ast.Name) else None
        return original == ast.unparse(target)

    def _whole(self, given: list[ast.expr]) -> Iterator[Patch]:
        """Give the modules that are replaced: each that a text names, if it is not known which."""
        keys: list[ast.expr | None] = list(given[:1])
        if given and isinstance(given[0], ast.Dict):
            keys = given[0].keys
        for key in keys:
            if key is not None and HOLE not in self._text(key):
                target = key if isinstance(key, ast.Constant) else None
                yield Patch(self._text(key), "*", target, given[-1], (), key.lineno)
            else:
                for text, named in self._named:
                    yield Patch(text, "*", named, None, (), named.lineno)

    def _patch(self, call: ast.Call, module: str, name: str, position: int) -> Patch:
        given = call.args[position] if len(call.args) > position else _keyword(call, "new")
        given = given or _keyword(call, "value") or _keyword(call, "new_callable")
        return Patch(module, name, None, given, tuple(call.keywords), call.lineno)

    def _module(self, expression: ast.expr) -> str:
        """Give the module that an expression stands for; a hole where that is not known."""
        return self._known_module(expression) or HOLE

    def _known_module(self, expression: ast.expr) -> str | None:
        match expression:
            case ast.Call(args=[first, *_]) if last_segment(expression.func) in _IMPORTERS:
                return self._text(first)
            case ast.Subscript(value=base, slice=key) if dotted_name(base) == "sys.modules":
                return self._text(key)
        return self._modules.get(dotted_name(expression))

    def _imported(self) -> Iterator[tuple[str, str]]:
        for node in self._nodes:
            match node:
                case ast.Import(names=aliases):
                    for alias in aliases:
                        yield alias.asname or alias.name, alias.name
                case ast.ImportFrom(module=package, names=aliases):
                    for alias in aliases:
                        dotted = f"{package}.{alias.name}" if package else alias.name
                        yield alias.asname or alias.name, dotted
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as call):
                    if last_segment(call.func) in _IMPORTERS and call.args:
                        yield name, self._text(call.args[0])

    def _bound(self) -> dict[str, list[ast.expr | None]]:
        """Give the names with what they are bound to; None for what is not known."""
        found: dict[str, list[ast.expr | None]] = {}
        for node in self._nodes:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    found.setdefault(name, []).append(value)
                case ast.arg(arg=name) | ast.For(target=ast.Name(id=name)):
                    found.setdefault(name, []).append(None)
        return found

    def _is_constant(self, expression: ast.expr) -> bool:
        return isinstance(expression, ast.Name) and expression.id in self._texts

    def _text(self, expression: ast.expr) -> str:
        """Give a text, with a hole for each part of it that cannot be read."""
        match expression:
            case ast.Constant(value=str(text)):
                return text
            case ast.Name(id=name):
                return self._texts.get(name, HOLE)
            case ast.JoinedStr(values=parts):
                return "".join(map(self._text, parts))
            case ast.FormattedValue(value=value):
                return self._text(value)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._text(left) + self._text(right)
        return HOLE


_MOCKS = frozenset({"mock", "mocker"})
_IMPORTERS = frozenset({"import_module", "__import__", "reload"})


def _only_one(
    bound: dict[str, list[ast.expr | None]], read: Callable[[ast.expr | None], str]
) -> dict[str, str]:
    """Give the names that are bound to one thing that can be read, and to nothing else."""
    found = {name: {read(value) for value in values} for name, values in bound.items()}
    known = {name: texts.pop() for name, texts in found.items() if len(texts) == 1}
    return {name: text for name, text in known.items() if text != HOLE}


def _text_in(value: ast.expr | None) -> str:
    known = value.value if isinstance(value, ast.Constant) else HOLE
    return known if isinstance(known, str) else HOLE


def _attribute_in(value: ast.expr | None) -> str:
    return ast.unparse(value) if isinstance(value, ast.Attribute) else HOLE


def _is_mock(function: ast.expr) -> bool:
    """Tell whether it is ``mock.patch`` or a fixture's, and no request to a server."""
    return isinstance(function, ast.Attribute) and last_segment(function.value) in _MOCKS


def _is_text(expression: ast.expr) -> bool:
    match expression:
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _is_text(left) or _is_text(right)
        case ast.JoinedStr() | ast.Constant(value=str()):
            return True
    return False


def _dotted_texts(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, ast.Constant]]:
    """Give the texts that may be names of modules, with what holds them."""
    for node in nodes:
        match node:
            case ast.Constant(value=str(text)):
                if all(map(str.isidentifier, text.split("."))):
                    yield text, node


def _keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)
