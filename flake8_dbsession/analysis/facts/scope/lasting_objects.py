"""Objects that live as long as the process, whose end closes what they keep."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition
from flake8_dbsession.analysis.facts.lifetime.process_end import is_script
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.call_sites import scoped
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope, last_segment
from flake8_dbsession.analysis.names.values import ClassValue


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
        into a container of a module.
    """
    cls = acquisition.scope.enclosing_class()
    return cls is not None and _are_kept(cls, inference=inference)


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
        isinstance(target, ast.Subscript) and _is_of_module(target.value, function)
        for target in making.targets
    )


def _is_of_module(container: ast.expr, function: Scope) -> bool:
    bindings = function.lookup(container.id) if isinstance(container, ast.Name) else []
    return bool(bindings) and all(isinstance(b.scope.node, ast.Module) for b in bindings)
