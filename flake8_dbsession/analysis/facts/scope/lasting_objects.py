"""Objects that live as long as the process, or hand on what they keep to something that does."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition, is_self
from flake8_dbsession.analysis.facts.lifetime.process_end import is_script
from flake8_dbsession.analysis.library.python import KEEPING
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.call_sites import scoped
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope, declared, last_segment
from flake8_dbsession.analysis.names.values import ClassValue
from flake8_dbsession.analysis.nodes import arguments, nodes_in, own_nodes, root_of
from flake8_dbsession.named_tuples import NamedTuple


class _Making(NamedTuple):
    """A place where an object is made.

    Attributes:
        call: the call of its class.
        scope: the scope that it stands in.
        targets: what it is assigned to.
    """

    call: ast.Call
    scope: Scope
    targets: list[ast.expr]


def is_kept_till_the_end(acquisition: Acquisition, inference: Inference) -> bool:
    """Tell whether what an object opens for itself is closed by the end of the process.

    Args:
        acquisition: what an attribute of ``self`` holds.
        inference: follows the name of the class.

    Returns:
        True where the project makes such objects, and all of them at the top level of a script or
        into a container of a module, and where the method that opens it puts it itself into what is
        the module's, or the class's: there it serves other objects too.
    """
    cls = acquisition.scope.enclosing_class()
    return cls is not None and (_are_kept(cls, inference=inference) or _is_handed_on(acquisition))


@remembered
def _are_kept(cls: Scope, *, inference: Inference) -> bool:
    makings = list(_makings(cls, inference))
    return bool(makings) and all(map(_is_kept, makings))


def _makings(cls: Scope, inference: Inference) -> Iterator[_Making]:
    """Find where the project makes objects of a class."""
    name: str = cls.node.name  # type: ignore[union-attr]
    for module in inference.project.modules_mentioning(f"{name}(", cls.module.path):
        nodes = list(scoped(module.statements_with(f"{name}("), module.scope))
        targets = {n.value: n.targets for n, _ in nodes if isinstance(n, ast.Assign)}
        for node, scope in nodes:
            if isinstance(node, ast.Call) and last_segment(node.func) == name:
                value = inference.value(node.func, scope)
                if isinstance(value, ClassValue) and value.scope.module.path == cls.module.path:
                    yield _Making(node, scope, targets.get(node, []))


def _is_kept(making: _Making) -> bool:
    function = making.scope.function()
    if function is None:
        return is_script(making.scope.module.scope)
    return any(
        isinstance(target, ast.Subscript) and _outlives(target.value, function)
        for target in making.targets
    )


def _is_handed_on(acquisition: Acquisition) -> bool:
    function, attribute = acquisition.scope.function(), acquisition.name
    return function is not None and any(
        _outlives(place, function) for place in _places(function, attribute)
    )


def _places(function: Scope, attribute: str) -> Iterator[ast.expr]:
    """Give what a function puts the value of an attribute into, or assigns it to besides."""
    for node in own_nodes(function.node):
        match node:
            case ast.Assign(targets=targets, value=value):
                if any(ast.unparse(part) == attribute for part in (*targets, value)):
                    yield from targets
            case ast.Call(func=ast.Attribute(value=owner, attr=method)) if method in KEEPING:
                if any(ast.unparse(argument) == attribute for argument in arguments(node)):
                    yield owner


def _outlives(place: ast.expr, function: Scope) -> bool:
    """Tell whether a place is a module's or a class's, or leads on from there."""
    match root_of(place):
        case ast.Name(id=name) if name in declared(function, ast.Global):
            return True
        case ast.Name(id=name) as root:
            bindings = function.lookup(name)
            is_of_module = all(isinstance(b.scope.node, ast.Module) for b in bindings)
            return bool(bindings and is_of_module) or _is_of_class(place, root, function)
        case ast.Call(func=ast.Name(id="type")):
            return True
    return False


def _is_of_class(place: ast.expr, owner: ast.Name, function: Scope) -> bool:
    """Tell whether a place of an object's is its class's: ``self.kept[key]``, made in its body."""
    cls = function.enclosing_class()
    first = next(
        (n.attr for n in nodes_in(place) if isinstance(n, ast.Attribute) and n.value is owner), ""
    )
    if cls is None or not is_self(owner.id, function):
        return False
    return first == "__class__" or 0 < len(cls.bindings(first)) == len(cls.attributes(first))
