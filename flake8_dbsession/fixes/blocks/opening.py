"""Whether the opening of a session can fail, so that it matters which handlers stand around it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from flake8_dbsession.analysis.effects.work.forms import root_name
from flake8_dbsession.analysis.effects.work.generators import entered
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import (
    Assigned,
    Imported,
    Parameter,
    Scope,
    last_segment,
)
from flake8_dbsession.analysis.names.values import FunctionValue, Role
from flake8_dbsession.analysis.nodes import is_name, nodes_in, own_nodes
from flake8_dbsession.fixes.blocks.provision import Need, Provision
from flake8_dbsession.fixes.doubts.provider import FACTORIES, only_tells
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Swap


def swap_of(
    need: Need,
    provision: Provision,
    document: Document,
    *,
    enters: bool,
    lends: bool = False,
    stays: bool = True,
    differing: frozenset[str] | None = None,
    counts: bool = False,
    only_closes: bool = False,
) -> Swap | None:
    """Tell what is called instead of a factory, for tests that replace either.

    Args:
        need: what is opened by hand.
        provision: what is entered instead.
        document: the file.
        enters: whether the old code enters what it opens.
        lends: as ``Swap`` has it.
        stays: whether no handler gets an error of the opening that did not get it before.
        differing: as ``Swap`` has it.
        counts: whether the provider's commit takes the place of the code's own.
        only_closes: whether the code closed the session on all paths, and nothing but that goes.
    """
    if provision.is_own:
        return None if enters else entered_itself(need, document)
    generator = entered(provision.function, document.context.file.inference)
    if generator is None:
        return None
    old, original = last_segment(need.call.func), _original(need)
    nodes = own_nodes(generator.node)
    sources, is_given = _sources(need.call.func, need.scope)
    items = (item for node in nodes for item in getattr(node, "items", ()))
    entries = {item.context_expr for item in items}
    named = original or old
    calls = [n for n in nodes if isinstance(n, ast.Call) and last_segment(n.func) == named]
    home = need.known.home
    is_beside = home is not None and generator.scope.module is home.module
    return Swap(
        old=old,
        place=document.span(need.call)[0],
        line=need.call.lineno,
        new="" if provision.is_injected else provision.name,
        home=home.module.path if home is not None else None,
        enters=enters,
        reads_old=bool(calls) and is_beside,
        enters_old=any(call in entries for call in calls),
        commits=provision.commits and not counts,
        lends=lends,
        stays=stays and not provision.is_injected,
        only_closes=only_closes and _is_alike(need, provision),
        differing=None if provision.is_injected else differing,
        original=original,
        sources=sources,
        is_given=is_given,
    )


def _original(need: Need) -> str:
    """Give the name of what is called where that is defined; empty where it is called by it."""
    if not isinstance(need.call.func, ast.Name):
        return ""
    name = need.call.func.id
    hows = [binding.how for binding in need.scope.lookup(name)]
    names = {how.name or name if isinstance(how, Imported) else name for how in hows} - {name}
    return names.pop() if len(names) == 1 else ""


def _sources(expression: ast.expr, scope: Scope) -> tuple[tuple[str, ...], bool]:
    """Name what a chain of calls and attributes begins with, past what the code calls so.

    Returns:
        The name, with what the code takes of that to call it otherwise, and whether it is a
        parameter's.
    """
    name = root_name(expression)
    where = scope.defining(name) if name else None
    if where is None or where is scope.module.scope:
        return (name,) if name else (), False
    match [binding.how for binding in where.bindings(name)]:
        case [Assigned(value=ast.IfExp(body=value) | value)] if root_name(value) != name:
            names, is_given = _sources(value, where)
            return (*names, *_attributes(value)), is_given
        case [Parameter(is_receiver=True)]:
            return _kept_of(expression, name, where), False
        case [Parameter()]:
            return (name,), True
    return (name,), False


def _attributes(expression: ast.expr) -> Iterator[str]:
    """Give the attributes in a chain: ``get`` of ``manager.get(tenant)``."""
    match expression:
        case ast.Attribute(value=inner, attr=name):
            yield from _attributes(inner)
            yield name
        case ast.Subscript(value=inner) | ast.Call(func=inner):
            yield from _attributes(inner)


def _kept_of(expression: ast.expr, receiver: str, method: Scope) -> tuple[str, ...]:
    """Name what an object has an attribute of: ``sessionmaker`` for ``self._maker()``."""
    cls = method.enclosing_class()
    attributes = (n for n in nodes_in(expression) if isinstance(n, ast.Attribute))
    kept = next((node.attr for node in attributes if is_name(node.value, receiver)), "")
    for binding in cls.attributes(kept) if cls is not None else ():
        if isinstance(binding.how, Assigned):
            names, is_given = _sources(binding.how.value, binding.scope)
            if names and not is_given:
                return names
    return ()


def entered_itself(need: Need, document: Document) -> Swap:
    """Tell that what the code only called is entered, too, for tests that replace it.

    Args:
        need: what is opened by hand.
        document: the file.
    """
    name, home = last_segment(need.call.func), need.known.home
    sources, is_given = _sources(need.call.func, need.scope)
    return Swap(
        old=name,
        place=document.span(need.call)[0],
        line=need.call.lineno,
        new=name,
        home=home.module.path if home is not None else None,
        enters=False,
        reads_old=True,
        enters_old=True,
        commits=False,
        stays=True,
        sources=sources,
        is_given=is_given,
    )


def taken_away(need: Need, document: Document) -> Swap:
    """Tell that nothing is called instead of a factory, for tests that replace it.

    Args:
        need: what is opened by hand, and used by nothing.
        document: the file.
    """
    itself = entered_itself(need, document)
    return replace(itself, new="", reads_old=False, enters_old=False, opens=False)


def _is_alike(need: Need, provision: Provision) -> bool:
    """Tell whether both are called with nothing, and give what a plain ``with`` can close."""
    is_bare = not need.call.args and not need.call.keywords and provision.call.endswith("()")
    return is_bare and not provision.is_async and not provision.is_injected


def opens_quietly(need: Need, provision: Provision, document: Document) -> bool:
    """Tell whether neither the old opening nor the new one can fail.

    Args:
        need: what is opened by hand.
        provision: what is entered instead.
        document: the file.
    """
    if not opens_quietly_by_hand(need, document):
        return False
    inference = document.context.file.inference
    return provision.is_own or _enters_quietly(provision.function, inference)


def opens_quietly_by_hand(need: Need, document: Document) -> bool:
    """Tell whether the opening by hand cannot fail, and does nothing else."""
    return _is_quiet(need.call, need.scope, document.context.file.inference)


def _enters_quietly(function: FunctionValue | None, inference: Inference) -> bool:
    """Tell whether nothing that a provider does before its ``yield`` can fail."""
    generator = entered(function, inference)
    if generator is None:
        return False
    nodes = own_nodes(generator.node)
    yields = [node for node in nodes if isinstance(node, (ast.Yield, ast.YieldFrom))]
    if len(yields) != 1 or isinstance(yields[0], ast.YieldFrom):
        return False
    scope = generator.scope.child(generator.node)
    before = [n for n in nodes if getattr(n, "lineno", yields[0].lineno) < yields[0].lineno]
    calls = (node for node in before if isinstance(node, ast.Call))
    can_raise = any(isinstance(node, (ast.Raise, ast.Assert)) for node in before)
    return not can_raise and all(_is_quiet(call, scope, inference) for call in calls)


def _is_quiet(call: ast.Call, scope: Scope, inference: Inference) -> bool:
    known = inference.known(call.func, scope)
    if known is not None and known.role in FACTORIES:
        return not any(isinstance(node, ast.Call) for node in own_nodes(call))
    function = inference.value(call.func, scope)
    if isinstance(function, FunctionValue):
        return _enters_quietly(function, inference)
    match call.func:
        case ast.Attribute(value=owner, attr="begin"):
            made = inference.known(owner, scope)
            return made is not None and made.role in (*FACTORIES, Role.OPENED)
        case ast.Name(id="next" | "anext") if len(call.args) == 1:
            return isinstance(call.args[0], ast.Call) and _is_quiet(call.args[0], scope, inference)
    return only_tells(call, scope, inference)
