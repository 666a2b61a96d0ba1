"""Engines: the calls of ``create_engine`` and ``create_async_engine``, and what they are given."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from flake8_dbsession.analysis.facts.engine.urls import DatabaseUrl, default_url_of, url_of
from flake8_dbsession.analysis.library.pools import SIZES
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope, last_segment
from flake8_dbsession.analysis.names.texts import followed
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.names.values import ClassValue, External, Role
from flake8_dbsession.analysis.nodes import keyword_of, shown
from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.patterns import regex

_UPDATED = regex(r"(?:\b(\w+)\s*=|['\"](\w+)['\"]\s*:)\s*([\w.]*)")
_NAMES = frozenset({"create_engine", "create_async_engine"})


class Option(NamedTuple):
    """A keyword argument of an engine.

    Attributes:
        name: the keyword.
        node: what it is given, names followed.
        scope: the scope in which that is read.
        literal: its value: a literal's own, or the name of a class; None where it is neither.
    """

    name: str
    node: ast.expr
    scope: Scope
    literal: bool | int | float | str | None


class Engine(NamedTuple):
    """A call that makes an engine.

    Attributes:
        node: the call.
        scope: the scope it stands in.
        is_async: whether it makes an asynchronous engine.
        url: the URL; None where not even its dialect is literal.
        default_url: the URL that counts where the environment names no other; None where the
            text shows none.
        options: the keyword arguments that the text shows, in its order.
        has_more: whether it may be given others (``**options``).
    """

    node: ast.Call
    scope: Scope
    is_async: bool
    url: DatabaseUrl | None
    default_url: DatabaseUrl | None
    options: tuple[Option, ...]
    has_more: bool

    @property
    def text(self) -> str:
        """The call as it is written, its arguments left out where they are long."""
        return shown(self.node)

    def option(self, name: str) -> Option | None:
        """Give an option by its name; None where the text does not show it."""
        return next((option for option in self.options if option.name == name), None)


def engines(tree: Tree, inference: Inference) -> Iterator[Engine]:
    """Find the calls that make engines.

    Args:
        tree: the visited part of a file.
        inference: answers what is called, and follows names.

    Yields:
        The engines, in the order of the text.
    """
    for call, scope in tree.find(ast.Call):
        if _may_make(call, scope):
            maker = inference.known(call.func, scope)
            if maker is not None and maker.role is Role.ENGINE_MAKER:
                url = _url(call)
                yield Engine(
                    call,
                    scope,
                    maker.is_async,
                    url_of(url, scope, inference) if url is not None else None,
                    default_url_of(url, scope, inference) if url is not None else None,
                    tuple(options_of(call, scope, inference)),
                    any(keyword.arg is None for keyword in call.keywords),
                )


def _may_make(call: ast.Call, scope: Scope) -> bool:
    """Tell whether a callee goes by the name of a maker, also where an import renamed it."""
    name = last_segment(call.func)
    if name in _NAMES:
        return True
    if not isinstance(call.func, ast.Name) or not name.endswith("engine"):
        return False
    return any(getattr(binding.how, "name", None) in _NAMES for binding in scope.lookup(name))


def _url(call: ast.Call) -> ast.expr | None:
    if call.args:
        return call.args[0]
    return keyword_of(call, "url")


def options_of(call: ast.Call, scope: Scope, inference: Inference) -> Iterator[Option]:
    """Give the keyword arguments of a call that the text shows, those of ``**options`` included."""
    for keyword in call.keywords:
        if keyword.arg is not None:
            yield _option(keyword.arg, keyword.value, scope, inference)
        else:
            mapping, where = followed(keyword.value, scope, inference)
            for name, value in entries(mapping):
                yield _option(name, value, where, inference)


def pool_class_of(call: ast.Call, scope: Scope, inference: Inference) -> object:
    """Give the name of the pool's class that a call of an engine's maker asks for, as written."""
    options = {option.name: option.literal for option in options_of(call, scope, inference)}
    added = dict(_added_to_mappings(call, scope))
    return options.get("poolclass", added.get("poolclass"))


def sizes_in(call: ast.Call, scope: Scope, inference: Inference) -> tuple[str, ...]:
    """Give the options of a call that only a pool of several connections takes."""
    names = [option.name for option in options_of(call, scope, inference)]
    names += [name for name, _ in _added_to_mappings(call, scope)]
    return tuple(dict.fromkeys(name for name in names if name in SIZES))


def _added_to_mappings(call: ast.Call, scope: Scope) -> Iterator[tuple[str, str]]:
    """Give what a module adds, on some way, to the mappings that a call is given as ``**options``.

    It is read from the text, since a module that is only followed is not parsed as a whole.

    Yields:
        The option's name, and the last segment of the name that it is given, or nothing.
    """
    for keyword in call.keywords:
        if keyword.arg is None and isinstance(keyword.value, ast.Name):
            mapping, text = rf"(?m)^[ \t]*{re.escape(keyword.value.id)}", scope.module.text
            for each in re.finditer(rf"{mapping}\[['\"](\w+)['\"]\]\s*=(?!=)\s*([\w.]*)", text):
                yield each[1], each[2].rpartition(".")[2]
            for given in re.findall(rf"{mapping}\.update\(([^()]*)\)", text):
                for each in _UPDATED.finditer(given):
                    yield each[1] or each[2], each[3].rpartition(".")[2]


def entries(mapping: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """Give the entries of a mapping that is written out: ``{"a": 1}`` or ``dict(a=1)``."""
    match mapping:
        case ast.Dict(keys=keys, values=values):
            for key, value in zip(keys, values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield key.value, value
        case ast.Call(func=ast.Name(id="dict"), keywords=keywords):
            for keyword in keywords:
                if keyword.arg is not None:
                    yield keyword.arg, keyword.value


def _option(name: str, value: ast.expr, scope: Scope, inference: Inference) -> Option:
    node, where = followed(value, scope, inference)
    return Option(name, node, where, _literal(node, where, inference))


def _literal(node: ast.expr, scope: Scope, inference: Inference) -> bool | int | float | str | None:
    match node:
        case ast.Constant(value=bool() | int() | float() | str() as value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -value
        case ast.Name() | ast.Attribute():
            cls = inference.value(node, scope)
            if isinstance(cls, External):
                return cls.name.rpartition(".")[2]
            return cls.node.name if isinstance(cls, ClassValue) else None
    return None
