"""What a rule may ask of the file and the policy around a fact."""

from __future__ import annotations

import ast
from functools import cached_property

from flake8_dbsession.analysis.acquisitions import Acquisition
from flake8_dbsession.analysis.definitions import Definition
from flake8_dbsession.analysis.file import SourceFile
from flake8_dbsession.analysis.scopes import Scope
from flake8_dbsession.analysis.values import Role
from flake8_dbsession.policy.model import Layer, Policy, Style

UNKNOWN_PROVIDER = "the project's session provider"


class Context:
    """A file, the policy that it is held to, and the layer that it belongs to.

    Args:
        file: the file.
        policy: the policy found for it.
    """

    def __init__(self, file: SourceFile, policy: Policy) -> None:
        self.file = file
        self.policy = policy
        self.layer: Layer | None = policy.layer_of(file.path)
        self.is_test = policy.is_test(file.path)

    @cached_property
    def is_owner(self) -> bool:
        """Whether the file may open sessions by hand: named by the policy, or else found."""
        named = self.policy.is_owner(self.file.path)
        if named is not None:
            return named
        return any(
            definition.known.role is not Role.LENDER and not self._is_handler(definition)
            for definition in self.file.facts(Definition)
        )

    def may_open(self, scope: Scope) -> bool:
        """Tell whether a session may be opened by hand in a scope.

        Args:
            scope: where it is opened.

        Returns:
            True inside a provider or dependency, and anywhere in an owner but its handlers.
        """
        if self.file.is_handing_out(scope):
            return True
        return self.is_owner and not self.file.is_handler_body(scope)

    def has_provider(self, acquisition: Acquisition) -> bool:
        """Tell whether there is a provider to use instead of a factory's own ``with`` block.

        Args:
            acquisition: what is opened.

        Returns:
            True where the policy that the user chose names one, where the factory's module defines
            one, and where that module cannot be found, so that the bare name is all there is.
        """
        if self._layers(declared=True):
            return True
        house = self.file.house(acquisition.known)
        return house is None or house.provider is not None

    def way_out(self, acquisition: Acquisition) -> str:
        """Say what to write instead of opening a session by hand, in the house's own names.

        Args:
            acquisition: what is opened.

        Returns:
            The sanctioned code between backticks, or words where nothing better is known.
        """
        name = acquisition.name if acquisition.name.isidentifier() else "db"
        in_handler = self.file.is_handler_body(acquisition.scope)
        layer = self.layer
        applies = layer and (layer.style is not Style.DEPENDENCY or in_handler)
        if layer and layer.use and layer.declared and applies:
            return spelled(layer, name)
        declared = self._layers(declared=True)
        if declared:
            return spelled(declared[0], name)
        return self._found_way_out(acquisition, name, in_handler=in_handler)

    def _found_way_out(self, acquisition: Acquisition, name: str, *, in_handler: bool) -> str:
        house = self.file.house(acquisition.known)
        if house is None:
            preset = self._layers(declared=False)
            return spelled(preset[0], name) if preset else UNKNOWN_PROVIDER
        if in_handler and house.dependency:
            return f"`{name} = Depends({house.dependency})`"
        keyword = "async with" if acquisition.known.is_async else "with"
        if house.provider:
            return f"`{keyword} {house.provider}() as {name}:`"
        return f"`{keyword} {ast.unparse(acquisition.node)} as {name}:`"

    def _layers(self, *, declared: bool) -> list[Layer]:
        """Give the layers that sanction a ``with`` block, the file's own layer first."""
        layers = [
            layer
            for layer in self.policy.layers
            if layer.use and layer.style is Style.CONTEXT and layer.declared == declared
        ]
        return sorted(layers, key=lambda layer: layer is not self.layer)

    def _is_handler(self, definition: Definition) -> bool:
        return isinstance(
            definition.node, (ast.FunctionDef, ast.AsyncFunctionDef)
        ) and self.file.is_handler(definition.node, definition.scope)


def spelled(layer: Layer, name: str) -> str:
    """Write out a layer's sanctioned pattern.

    Args:
        layer: a layer with a ``use``.
        name: the name that the session is to have.

    Returns:
        The code between backticks.
    """
    assert layer.use is not None
    expression = layer.use.expression
    if layer.style is Style.DEPENDENCY:
        return f"`{name} = Depends({expression})`"
    if layer.style is Style.REQUEST:
        return f"`{name} = {expression}()`"
    return f"`with {expression}() as {name}:`"
