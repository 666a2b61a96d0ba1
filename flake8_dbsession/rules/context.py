"""What a rule may ask of the file and the policy around a fact."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.facts.acquisitions import Acquisition
from flake8_dbsession.analysis.file import SourceFile
from flake8_dbsession.analysis.names.scopes import Scope
from flake8_dbsession.analysis.names.values import Known, Role
from flake8_dbsession.policy.model import Layer, Policy, Style
from flake8_dbsession.rules.fitting import fitted

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

    def may_open(self, scope: Scope, known: Known | None = None) -> bool:
        """Tell whether a session or connection may be handled by hand in a scope.

        Args:
            scope: where it is opened or closed.
            known: what it is; None asks for the functions around alone.

        Returns:
            True in providers and dependencies, for they close what they hand out. Elsewhere what
            the policy says of the file decides, and where it names no owners, the part that the
            code plays. Request handlers never own.
        """
        if self.file.is_handing_out(scope):
            return True
        if self.file.is_handler_body(scope):
            return False
        named = self.policy.is_owner(self.file.path)
        return self.file.owns(scope, known) if named is None else named

    def has_provider(self, acquisition: Acquisition) -> bool:
        """Tell whether there is a provider to use instead of a factory's own ``with`` block.

        Args:
            acquisition: what is opened.

        Returns:
            True where the policy that the user chose names one, where the factory's module defines
            one, and where that module is imported but cannot be found, so that the name speaks for
            the standard. That of a parameter or attribute says nothing of a provider.
        """
        if self.declared_blocks():
            return True
        house = self.file.house(acquisition.known)
        if house is None:
            module, _, name = acquisition.known.name.rpartition(".")
            return bool(module) and name in self.policy.factories
        return house.provider is not None

    def way_out(self, acquisition: Acquisition) -> str:
        """Say what to write instead of opening a session by hand, in the house's own names.

        Args:
            acquisition: what is opened.

        Returns:
            The sanctioned code between backticks, or words where nothing better is known.
        """
        name = acquisition.name if acquisition.name.isidentifier() else "db"
        pattern = self.pattern(acquisition.known, name, acquisition.scope)
        keyword = "async with" if acquisition.known.is_async else "with"
        own_block = f"`{keyword} {ast.unparse(acquisition.node)} as {name}:`"
        return fitted(pattern or own_block, acquisition, self.file.tree)

    def pattern(self, known: Known, name: str, scope: Scope) -> str | None:
        """Spell the house's own way to what is opened by hand.

        Args:
            known: what is opened.
            name: the name that it is to have.
            scope: where it is opened.

        Returns:
            The sanctioned code between backticks, or words where no house is known; None where
            the house is known and has neither a provider nor, for a handler, a dependency.
        """
        declared = self.declared_pattern(name, scope)
        if declared is not None:
            return declared
        layers = self.declared_blocks()
        if layers:
            return spelled(layers[0], name, is_async=known.is_async)
        house = self.file.house(known)
        if house is None:
            return None if known.source is Role.SESSION_CLASS else UNKNOWN_PROVIDER
        if house.dependency and self.file.is_handler_body(scope):
            return f"`{name} = Depends({house.dependency})`"
        keyword = "async with" if known.is_async else "with"
        return f"`{keyword} {house.provider}() as {name}:`" if house.provider else None

    def declared_pattern(self, name: str, scope: Scope) -> str | None:
        """Spell what the user's policy names for the file's own layer.

        Args:
            name: the name that the session is to have.
            scope: where it is wanted; a dependency is of use only in a request handler.

        Returns:
            The code between backticks; None where the policy names nothing that can be used there.
        """
        layer = self.layer
        if layer is None or layer.use is None or not layer.declared:
            return None
        if layer.style is Style.DEPENDENCY and not self.file.is_handler_body(scope):
            return None
        return spelled(layer, name)

    def legacy_replacement(self, call: ast.Call, scope: Scope) -> str | None:
        """Give what replaces a call's callee where the policy lists that as legacy.

        Args:
            call: the call.
            scope: the scope it stands in.

        Returns:
            The policy's words; None for a callee that it does not list.
        """
        if not self.policy.legacy:
            return None
        found = map(self.policy.legacy_replacement, self.file.names(call.func, scope))
        return next((replacement for replacement in found if replacement is not None), None)

    def is_legacy(self, acquisition: Acquisition) -> bool:
        """Tell whether DBS104 speaks of an acquisition, and the general rules need not."""
        return self.legacy_replacement(acquisition.node, acquisition.scope) is not None

    def declared_blocks(self) -> list[Layer]:
        """Give the user's layers that sanction a ``with`` block, the file's own layer first."""
        layers = [
            layer
            for layer in self.policy.layers
            if layer.use and layer.style is Style.CONTEXT and layer.declared
        ]
        return sorted(layers, key=lambda layer: layer is not self.layer)


def spelled(layer: Layer, name: str, *, is_async: bool = False) -> str:
    """Write out a layer's sanctioned pattern.

    Args:
        layer: a layer with a ``use``.
        name: the name that the session is to have.
        is_async: whether it is an asynchronous one.

    Returns:
        The code between backticks.
    """
    assert layer.use is not None
    expression = layer.use.expression
    if layer.style is Style.DEPENDENCY:
        return f"`{name} = Depends({expression})`"
    if layer.style is Style.REQUEST:
        return f"`{name} = {expression}()`"
    return f"`{'async with' if is_async else 'with'} {expression}() as {name}:`"


def quoted(replacement: str) -> str:
    """Put a policy's replacement between backticks, unless it is words rather than code."""
    return replacement if " " in replacement else f"`{replacement}`"
