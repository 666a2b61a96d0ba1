"""What a policy sanctions, looked up from one file: how it is used, and whether it is there."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.file import SourceFile
from flake8_dbsession.analysis.names.dotted import expression_of
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope
from flake8_dbsession.analysis.names.values import ModuleValue, Role, RoleValue, Value
from flake8_dbsession.policy.model import Layer, Policy, Sanctioned, Style

STYLES = {
    Role.PROVIDER: Style.CONTEXT,
    Role.DEPENDENCY: Style.DEPENDENCY,
    Role.LENDER: Style.REQUEST,
}
"""How what plays a part is used."""


_AT_LEAST = 2  # names that an expression in a file may have before it is a module's


def styled(layer: Layer, policy: Policy, inference: Inference) -> Layer:
    """Give a layer the style that its ``use`` tells, where the policy leaves it out.

    Args:
        layer: the layer.
        policy: its policy.
        inference: answers what the names stand for.

    Returns:
        The layer with a style: its usual one where nothing tells.
    """
    if layer.style is not None:
        return layer
    said = {way.use: way.style for way in policy.ways}
    for use in layer.uses:
        if use in said:
            return layer._replace(style=said[use])
        known = inference.role(value_of(use, policy, inference))
        if known is not None and known.role in STYLES:
            return layer._replace(style=STYLES[known.role])
    return layer._replace(style=layer.usual)


def located(use: Sanctioned, policy: Policy, inference: Inference) -> Sanctioned:
    """Give a dotted name that begins with a module of the project as what that module has.

    Args:
        use: what is sanctioned: ``core.db.connect``, say.
        policy: the policy, from whose folder the module is looked for.
        inference: its project has the module.

    Returns:
        The same as ``module:name`` says; anything else as it is. ``db.connect`` may begin with what
        a file calls an object.
    """
    parts = use.expression.split(".")
    if use.module is not None or len(parts) <= _AT_LEAST:
        return use
    for end in range(len(parts) - 1, 0, -1):
        module = ".".join(parts[:end])
        if inference.project.find(policy.root / "policy.py", module) is not None:
            return Sanctioned(module, ".".join(parts[end:]))
    return use


def value_of(use: Sanctioned, policy: Policy, inference: Inference) -> Value | None:
    """Tell what a policy's ``module:name`` stands for.

    Args:
        use: what is sanctioned.
        policy: the policy, from whose folder the module is looked for.
        inference: answers what names stand for.

    Returns:
        The value; None for an expression, and for what leads out of the project.
    """
    use = located(use, policy, inference)
    if use.module is None:
        return None
    module = inference.project.find(policy.root / "policy.py", use.module)
    value: Value | None = ModuleValue(module.scope) if module else None
    for name in use.expression.split("."):
        value = inference.attribute(value, name)
    return value


def is_at_hand(layer: Layer, known: RoleValue | None, scope: Scope, file: SourceFile) -> bool:
    """Tell whether what a preset's layer names is there at a place.

    Args:
        layer: the layer, whose ``use`` is an expression.
        known: what is opened there by hand; None where that is not known.
        scope: the scope of the place.
        file: the file.

    Returns:
        True where the name stands for such a way, and where its object's origin cannot be followed.
    """
    if layer.use is None:
        return False
    expression = expression_of(layer.use.expression)
    root, _, rest = layer.use.expression.partition(".")
    if root == "self":
        cls = scope.enclosing_class()
        return cls is not None and bool(cls.attributes(rest.partition(".")[0]))
    if scope.lookup(root):
        if not _is_defined(expression, scope, file.inference):
            return False
        found = file.inference.known(expression, scope)
        is_such = found is not None and found.role in STYLES
        return is_such and (known is None or known.is_async == getattr(found, "is_async", None))
    if layer.bind is not None and layer.bind.partition("=")[0].strip() == root:
        return scope.function() is not None and _is_kept(layer.bind, file)
    if known is None or known.home is None or not known.home.module.bindings(root):
        return False
    found = file.inference.known(expression, known.home.module.scope)
    return found is not None and found.role in STYLES and found.is_async == known.is_async


def _is_kept(bind: str, file: SourceFile) -> bool:
    """Tell whether the project stores what a line binds: ``x = current_app.manager``."""
    place = f".{bind.rpartition('.')[2].strip()} ="
    return place in file.module.text or any(file.inference.project.modules_with(place, file.path))


def _is_defined(expression: ast.expr, scope: Scope, inference: Inference) -> bool:
    """Tell whether a module of the project has what an expression reads of it."""
    if not isinstance(expression, ast.Attribute):
        return True
    owner = inference.value(expression.value, scope)
    return not isinstance(owner, ModuleValue) or bool(inference.attribute(owner, expression.attr))
