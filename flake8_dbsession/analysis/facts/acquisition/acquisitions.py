"""Acquisitions: the expressions whose value is a new session or connection, and who holds it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from enum import Enum

from flake8_dbsession.analysis.library.methods import CLOSERS
from flake8_dbsession.analysis.library.running import RELAYS
from flake8_dbsession.analysis.library.wrappers import (
    FIELD_CLASSES,
    FIELD_FACTORIES,
    FIELDS,
    STACK_ENTRIES,
    TRANSPARENT,
)
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.inference import Inference, relayed
from flake8_dbsession.analysis.names.scopes import Parameter, Scope, declared, last_segment
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.names.values import Role, RoleValue, TupleValue
from flake8_dbsession.analysis.nodes import is_name, nodes_in, own_nodes, shown
from flake8_dbsession.named_tuples import NamedTuple

_RELAYS = frozenset(name.rpartition(".")[2] for name in RELAYS)


class Holder(Enum):
    """Where an acquisition's value goes first."""

    BLOCK = "with block"
    LOCAL = "local name"
    MODULE = "module-level name"
    MAIN = "name under the main guard"
    CLASS = "class attribute"
    INSTANCE = "attribute of self"
    ATTRIBUTE = "attribute of another object"
    GLOBAL = "global name"
    ITEM = "item of a container"
    DEFAULT = "parameter's default"
    RETURN = "return"
    YIELD = "yield"
    ARGUMENT = "call's argument"
    DISCARDED = "nothing"

    @property
    def words(self) -> str:
        """The holder with its article, such as ``a local name``."""
        name: str = self.value
        if self is Holder.DISCARDED:
            return name
        return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def local_name(written: str, other: str = "db") -> str:
    """Give the name that a block can bind in the place of what holds a session now.

    Args:
        written: what holds it, as it is written; empty for nothing.
        other: the name to use where that is no plain name.
    """
    return written if written.isidentifier() else other


class Acquisition(NamedTuple):
    """A new session or connection.

    Attributes:
        node: the call that opens it.
        known: what is opened, and (``known.source``) by what kind of callable.
        scope: the scope in which it is opened.
        holder: where its value goes first.
        name: the name or dotted text of the holder; empty where it has none.
        target: the node that holds it: the assignment's target, the with item, the outer call.
        part: which part of the call's value it is; None where it is the value itself.
        beside: for each part of that value the constants that it can be, where it is always one.
    """

    node: ast.Call
    known: RoleValue
    scope: Scope
    holder: Holder
    name: str
    target: ast.AST | None
    part: int | None = None
    beside: tuple[tuple[object, ...], ...] = ()

    @property
    def text(self) -> str:
        """The call as it is written, its arguments left out where they are long."""
        return shown(self.node)

    @property
    def local_name(self) -> str:
        """The local name that holds it, or a registry's one session; ``db`` where none does."""
        is_registry = self.known.source is Role.REGISTRY_MAKER
        if is_registry and self.name[:1].isupper():  # it is named as a factory is
            return local_name(_given_by(self.name, self.scope))
        return local_name((is_registry and _given_by(self.name, self.scope)) or self.name)

    @property
    def block(self) -> str:
        """What a ``with`` block can enter: for a registry the call of its factory."""
        if self.known.source is Role.REGISTRY_MAKER and self.node.args:
            return f"{ast.unparse(self.node.args[0])}()"
        return ast.unparse(self.node)


def _given_by(registry: str, scope: Scope) -> str:
    """Give the name of what a registry is called for: ``db`` of ``db = registry()``."""
    function = scope.function()
    for node in own_nodes(function.node) if function is not None else ():
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=made)
                | ast.AnnAssign(target=ast.Name(id=name), value=made)
            ) if isinstance(made, ast.Call) and is_name(made.func, registry):
                return name
    return ""


@remembered
def acquisitions(tree: Tree, inference: Inference) -> list[Acquisition]:
    """Find the acquisitions among the visited calls.

    Args:
        tree: the visited part of a file.
        inference: answers what the calls stand for.

    Returns:
        The acquisitions, in the order of the text.
    """
    found = []
    for call, scope in tree.find(ast.Call):
        value = opened_by(call, scope, tree, inference)
        if value is not None:
            holder, name, target = holder_of(call, scope, tree)
            if not value.is_assumed or is_closed_by_hand(name, scope):
                found.append(Acquisition(call, value, scope, holder, name, target))
        elif (kept := _kept_of_registry(call, scope, tree, inference)) is not None:
            found.append(kept)
        elif _is_field(call) and _is_fields_class(scope):
            found += _made_for_each_instance(call, scope, tree, inference)
    return found


def unpacked(tree: Tree, inference: Inference) -> Iterator[Acquisition]:
    """Find what is opened by functions of the project that give something along with it.

    Args:
        tree: the visited part of a file.
        inference: answers what the calls give.

    Yields:
        The acquisitions of ``conn, cursor = connected(path)`` in functions.
    """
    for call, scope in tree.find(ast.Call):
        parent = tree.parent(call)
        match tree.parent(parent) if isinstance(parent, ast.Await) else parent:
            case ast.Assign(targets=[ast.Tuple(elts=targets)]) if scope.function() is not None:
                value = inference.value(call, scope)
                if isinstance(value, TupleValue) and len(value.items) == len(targets):
                    yield from _parts(call, scope, targets, value)


def _parts(
    call: ast.Call, scope: Scope, targets: list[ast.expr], value: TupleValue
) -> Iterator[Acquisition]:
    for index, (target, item) in enumerate(zip(targets, value.items, strict=True)):
        match target, item:
            case ast.Name(id=name), RoleValue(role=Role.OPENED, is_assumed=False):
                known = item._replace(source=Role.ACCESSOR)
                yield Acquisition(
                    call, known, scope, Holder.LOCAL, name, target, index, value.constants
                )


def _kept_of_registry(
    call: ast.Call, scope: Scope, tree: Tree, inference: Inference
) -> Acquisition | None:
    """Find what a registry gives where a ``global`` name keeps it: one thread's plain session."""
    if not tree.is_of_interest(last_segment(call.func)):
        return None
    match inference.value(call, scope):
        case RoleValue(role=Role.LENT, source=Role.REGISTRY) as lent:
            holder, name, target = holder_of(call, scope, tree)
            if holder is Holder.GLOBAL:
                opened = lent._replace(role=Role.OPENED)
                return Acquisition(call, opened, scope, holder, name, target)
    return None


def is_closed_by_hand(name: str, scope: Scope) -> bool:
    """Tell whether a function closes a name: then what that holds is the function's own."""
    function = scope.function()
    return function is not None and name in _closed_by_hand(function)


@remembered
def _closed_by_hand(function: Scope) -> frozenset[str]:
    return frozenset(
        node.value.id
        for node in own_nodes(function.node)
        if isinstance(node, ast.Attribute)
        and node.attr in CLOSERS
        and isinstance(node.value, ast.Name)
    )


def _made_for_each_instance(
    field: ast.Call, scope: Scope, tree: Tree, inference: Inference
) -> Iterator[Acquisition]:
    """Find what a field's ``default_factory`` opens, as the call that it stands for."""
    for keyword in field.keywords:
        if keyword.arg in FIELD_FACTORIES and not isinstance(keyword.value, ast.Lambda):
            made = ast.copy_location(ast.Call(keyword.value, [], []), keyword.value)
            value = opened_by(made, scope, tree, inference)
            if value is not None:
                yield Acquisition(made, value, scope, *_instances(field, tree))


def opened_by(call: ast.Call, scope: Scope, tree: Tree, inference: Inference) -> RoleValue | None:
    """Tell what a call itself opens.

    Args:
        call: the call.
        scope: the scope it stands in.
        tree: tells which names are worth resolving.
        inference: answers what the call stands for.

    Returns:
        The new session or connection; None where the call opens none, or only passes one through.
    """
    function = _run(call, scope, inference)
    if not tree.is_of_interest(last_segment(function)):
        return None
    callee = inference.known(function, scope)
    value = inference.value(call, scope) if callee is not None else None
    if not isinstance(value, RoleValue) or callee is None:
        return None
    if callee.role is Role.REGISTRY_MAKER and _is_used_as_session(call, scope, tree):
        return value._replace(role=Role.OPENED, source=callee.role)
    return value if value.role is Role.OPENED and value.source is callee.role else None


def _is_used_as_session(registry: ast.Call, scope: Scope, tree: Tree) -> bool:
    """Tell whether a registry that a function makes serves it as a session, and goes no further.

    Its name is only worked with, yielded, or called for its one session: one that is stored, passed
    on, returned or configured is a registry, which may be bound to a connection at hand.
    """
    function, assignment = scope.function(), tree.parent(registry)
    match assignment:
        case ast.Assign(targets=[ast.Name(id=name)]) if function is not None:
            nodes = nodes_in(function.node)
            worked_with = {n.value for n in nodes if isinstance(n, (ast.Attribute, ast.Yield))}
            worked_with |= {n.func for n in nodes if isinstance(n, ast.Call)}
            reads = [n for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)]
            own = [read for read in reads if read.id == name]
            configured = {
                n.value for n in nodes if isinstance(n, ast.Attribute) and n.attr == "configure"
            }
            return bool(own) and worked_with.issuperset(own) and configured.isdisjoint(own)
    return False


def _run(call: ast.Call, scope: Scope, inference: Inference) -> ast.expr:
    """Give what names the function that a call runs, by itself or in a thread."""
    if last_segment(call.func) not in _RELAYS:
        return call.func
    run = relayed(inference.qualified_name(call.func, scope) or "", call)
    return call.func if run is None else run


def holder_of(call: ast.Call, scope: Scope, tree: Tree) -> tuple[Holder, str, ast.AST | None]:
    """Tell where the value of a call goes first.

    Args:
        call: the call.
        scope: the scope it stands in.
        tree: the visited part of the file.

    Returns:
        The kind of holder, its name or dotted text (empty where it has none), and its node.
    """
    node: ast.AST = call
    for parent in tree.ancestors(call):
        match parent:
            case ast.Await() | ast.Starred() | ast.BoolOp() | ast.Tuple() | ast.List():
                pass
            case ast.IfExp(test=test):
                if test is node:
                    return Holder.DISCARDED, "", parent
            case ast.NamedExpr(target=target):
                return _named(call, target.id, target, scope, tree)
            case ast.withitem(optional_vars=target):
                return Holder.BLOCK, _text(target), parent
            case ast.Assign(targets=targets, value=value):
                return _assigned(call, targets, value, scope, tree)
            case ast.AnnAssign() if _is_fields_class(scope) and not _is_of_class(parent):
                return Holder.DEFAULT, "", parent
            case ast.AnnAssign(target=target):
                return _assigned(call, [target], parent, scope, tree)
            case ast.Lambda() if _is_default_factory(parent, tree):
                return _instances(parent, tree)
            case ast.Return() | ast.Lambda():
                return Holder.RETURN, "", parent
            case ast.Yield():
                return Holder.YIELD, "", parent
            case ast.arguments():
                return Holder.DEFAULT, "", parent
            case ast.keyword():
                pass
            case ast.Call() if _is_field(parent) and _is_fields_class(scope):
                return Holder.DEFAULT, "", parent
            case ast.Call(func=function) if function is not node:
                if last_segment(function) in STACK_ENTRIES:
                    return Holder.BLOCK, "", parent
                if last_segment(function) not in TRANSPARENT:
                    return Holder.ARGUMENT, "", parent
            case ast.Dict() | ast.Set() | ast.ListComp() | ast.DictComp():
                return Holder.ITEM, "", parent
            case _:
                return Holder.DISCARDED, "", parent
        node = parent
    return Holder.DISCARDED, "", None


def _is_fields_class(scope: Scope) -> bool:
    """Tell whether a scope is the body of a class whose annotations make fields."""
    if not isinstance(scope.node, ast.ClassDef):
        return False
    names = {last_segment(decorator) for decorator in scope.node.decorator_list}
    return not names.isdisjoint(FIELD_CLASSES)


def _is_field(node: ast.AST) -> bool:
    """Tell whether a call describes a field: ``field(...)`` of dataclasses, ``attr.ib(...)``."""
    return isinstance(node, ast.Call) and last_segment(node.func) in FIELDS


def _is_of_class(assignment: ast.AnnAssign) -> bool:
    annotation = assignment.annotation
    outer = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    return last_segment(outer) == "ClassVar"


def _is_default_factory(function: ast.AST, tree: Tree) -> bool:
    match tree.parent(function):
        case ast.keyword(arg=name) as keyword if name in FIELD_FACTORIES:
            above = tree.parent(keyword)
            return above is not None and _is_field(above)
    return False


def _instances(part: ast.AST, tree: Tree) -> tuple[Holder, str, ast.AST | None]:
    """Give the attribute that each instance has by the field that a node is a part of."""
    for above in tree.ancestors(part):
        match above:
            case (
                ast.AnnAssign(target=ast.Name(id=name) as target)
                | ast.Assign(targets=[ast.Name(id=name) as target])
            ):
                owner = ast.Name("self", ast.Load())
                attribute = ast.copy_location(ast.Attribute(owner, name, ast.Store()), target)
                return Holder.INSTANCE, f"self.{name}", attribute
    return Holder.RETURN, "", None


def _assigned(
    call: ast.Call, targets: list[ast.expr], value: ast.AST, scope: Scope, tree: Tree
) -> tuple[Holder, str, ast.AST | None]:
    """Choose, of several targets, the one that outlives the function."""
    held = [_target_of(call, target, value) for target in targets]
    longest = next((t for t in held if not isinstance(t, ast.Name)), held[0])
    match longest:
        case ast.Name(id=name):
            return _named(call, name, longest, scope, tree)
        case ast.Attribute(value=ast.Name(id=base)):
            holder = Holder.INSTANCE if is_self(base, scope) else Holder.ATTRIBUTE
            return holder, ast.unparse(longest), longest
        case ast.Attribute():
            return Holder.ATTRIBUTE, ast.unparse(longest), longest
    return Holder.ITEM, ast.unparse(longest), longest


def _target_of(call: ast.Call, target: ast.expr, value: ast.AST) -> ast.expr:
    """Match ``a, db = 1, SessionLocal()`` element by element."""
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for element, part in zip(target.elts, value.elts, strict=False):
            if any(node is call for node in nodes_in(part)):
                return element
    return target


def _named(
    call: ast.Call, name: str, target: ast.AST, scope: Scope, tree: Tree
) -> tuple[Holder, str, ast.AST | None]:
    function = scope.function()
    if function is not None:
        is_global = name in declared(function, ast.Global)
        return (Holder.GLOBAL if is_global else Holder.LOCAL), name, target
    if isinstance(scope.node, ast.ClassDef):
        return Holder.CLASS, name, target
    is_main = any(is_main_guard(ancestor) for ancestor in tree.ancestors(call))
    return (Holder.MAIN if is_main else Holder.MODULE), name, target


def is_main_guard(node: ast.AST) -> bool:
    """Tell whether a node is ``if __name__ == "__main__":``."""
    match node:
        case ast.If(
            test=ast.Compare(
                left=ast.Name(id="__name__"), comparators=[ast.Constant(value="__main__")]
            )
        ):
            return True
        case ast.If(
            test=ast.Compare(
                left=ast.Constant(value="__main__"), comparators=[ast.Name(id="__name__")]
            )
        ):
            return True
    return False


def is_self(name: str, scope: Scope) -> bool:
    """Tell whether a name is the object, or class, of the method around."""
    found = scope.lookup(name)
    return any(isinstance(each.how, Parameter) and each.how.is_receiver for each in found)


def _text(target: ast.expr | None) -> str:
    return ast.unparse(target) if target is not None else ""
