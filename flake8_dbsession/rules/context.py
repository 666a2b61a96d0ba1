"""What a rule may ask of the file and the policy around a fact."""

from __future__ import annotations

import ast
from functools import cached_property

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition
from flake8_dbsession.analysis.facts.acquisition.held_otherwise import (
    is_entered_next,
    is_guarded_below,
    is_of_a_built_query,
)
from flake8_dbsession.analysis.facts.acquisition.openings import Opening
from flake8_dbsession.analysis.facts.framework.migrations import is_migration
from flake8_dbsession.analysis.facts.framework.request_sessions import is_kept_for_request
from flake8_dbsession.analysis.facts.lifetime.endings import Ending
from flake8_dbsession.analysis.facts.scope.expired_objects import returns_objects
from flake8_dbsession.analysis.file import SourceFile
from flake8_dbsession.analysis.names.scopes import Scope
from flake8_dbsession.analysis.names.values import Resource, Role, RoleValue
from flake8_dbsession.house.advice import (
    Advice,
    advice_beside,
    advice_for,
    advice_instead,
    advice_of_own_block,
    place_of,
)
from flake8_dbsession.house.fitting import fitted
from flake8_dbsession.house.house import House
from flake8_dbsession.house.model import AT_HAND, OpeningPlace, Way
from flake8_dbsession.house.sanctions import styled
from flake8_dbsession.policy.model import Layer, Policy, Style

RETURN_VALUES = ", and return values: the block's commit expires objects"
"""What follows the advice to open a block that commits, where an object leaves it."""


class Context:
    """A file, the policy that it is held to, and the layer that it belongs to.

    Args:
        file: the file.
        policy: the policy found for it.
    """

    def __init__(self, file: SourceFile, policy: Policy) -> None:
        self.file = file
        self.policy = policy

    @cached_property
    def is_test(self) -> bool:
        """Whether the file lies among the tests."""
        return self.policy.is_test(self.file.path)

    @cached_property
    def layers(self) -> list[Layer]:
        """The policy's layers, each with its style."""
        return [styled(layer, self.policy, self.file.inference) for layer in self.policy.layers]

    @cached_property
    def layer(self) -> Layer | None:
        """The layer that the file lies in, with its style."""
        found = self.policy.layer_of(self.file.path)
        if found is None:
            return None
        return next((layer for layer in self.layers if layer.name == found.name), None)

    @cached_property
    def is_migration(self) -> bool:
        """Whether the file changes a schema, run once by a tool that gives it its connection."""
        return is_migration(self.file.module, self.file.inference.project.root)

    def may_open(self, scope: Scope, known: RoleValue | None = None) -> bool:
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

    @cached_property
    def house(self) -> House:
        """The ways to a session that the file can use."""
        return House(self.file, self.policy, self.layers, self.layer)

    def has_provider(self, acquisition: Acquisition) -> bool:
        """Tell whether there is a provider to use instead of a factory's own ``with`` block.

        Args:
            acquisition: what is opened.

        Returns:
            True where the policy names a way that can be used there, and where the project
            defines one.
        """
        return any(map(_is_block, self._ways(acquisition)))

    def _ways(self, acquisition: Acquisition) -> list[Way]:
        return self.house.ways(place_of(acquisition, self.file.inference))

    @cached_property
    def is_declared(self) -> bool:
        """Whether the policy says how sessions are opened: by a layer's way, or by its preset."""
        return self.policy.chosen or any(layer.declared for layer in self.layers)

    def asked_ways(self, acquisition: Acquisition) -> list[Way]:
        """Give the ways that should be used even in the place of what is closed well.

        That is a matter of the house's taste; many mature projects use a provider and the
        factory's own block side by side.

        Args:
            acquisition: what is opened.

        Returns:
            The ways that can be used there, where the policy says how sessions are opened; else
            those that the file has at hand already, imported or its own.
        """
        ways = self._ways(acquisition)
        return ways if self.is_declared else [way for way in ways if way.reach == AT_HAND]

    def asks_for_block(self, acquisition: Acquisition) -> bool:
        """Tell whether one of the asked ways can stand in the place of a ``with`` block."""
        return any(map(_is_block, self.asked_ways(acquisition)))

    def is_held_otherwise(self, acquisition: Acquisition) -> bool:
        """Tell whether what is opened by hand needs nobody to close it by hand.

        Args:
            acquisition: what is opened.

        Returns:
            True where the next statement is a ``with`` block over it, where one below is over what
            closes it, where it is kept for a request whose end closes it, and where it only builds
            a query for other sessions.
        """
        file = self.file
        return (
            is_entered_next(acquisition, file.tree)
            or is_guarded_below(acquisition, file.tree, file.inference)
            or is_kept_for_request(acquisition, file.inference)
            or is_of_a_built_query(acquisition, file.tree, file.inference)
        )

    def advice(self, acquisition: Acquisition, *, by_others: bool = False) -> Advice:
        """Advise what to write instead of opening something by hand: one thing for all codes.

        Args:
            acquisition: what is opened.
            by_others: whether others are to open it, so that what may be done here is no matter.

        Returns:
            What the policy has in the place of a legacy accessor; the own block of what tests and
            owners open; the session that the function was given already; else the best way of the
            house.
        """
        replacement = self.legacy_replacement(acquisition.node, acquisition.scope)
        if replacement is not None:
            place = place_of(acquisition, self.file.inference)
            return advice_instead(replacement, place, self.house)
        is_owner = not by_others and self.may_open(acquisition.scope, acquisition.known)
        if self.is_test or is_owner:
            return advice_of_own_block(acquisition, self.file.inference)
        beside = self._beside.get(id(acquisition.node))
        return advice_beside(beside) if beside else advice_for(acquisition, self.house)

    def connection_way(self, acquisition: Acquisition) -> Way | None:
        """Give the house's way to a connection, for the place of one that is opened by hand.

        Args:
            acquisition: what is opened.

        Returns:
            The way; None where the house has none that can be used there and loses nothing, and
            where connections may be opened by hand.
        """
        if self.may_open(acquisition.scope, acquisition.known):
            return None
        return self.house.connection_to_use(place_of(acquisition, self.file.inference))

    @cached_property
    def _beside(self) -> dict[int, Opening]:
        """What functions open beside parameters that are to be used in its place."""
        return {id(each.node): each for each in self.file.facts(Opening) if each.is_second}

    def acquisition_of(self, call: ast.Call) -> Acquisition | None:
        """Give the acquisition that a call is; None for another call."""
        return self._acquisitions.get(id(call))

    @cached_property
    def _acquisitions(self) -> dict[int, Acquisition]:
        found: dict[int, Acquisition] = {}
        for each in self.file.facts(Acquisition):
            found.setdefault(id(each.node), each)
        return found

    def way_out(self, acquisition: Acquisition, *, by_others: bool = False) -> str:
        """Say what to write instead of opening a session by hand, in the house's own names.

        Args:
            acquisition: what is opened.
            by_others: as for ``advice``.

        Returns:
            The advised code between backticks, with what has to change around it.
        """
        advice = self.advice(acquisition, by_others=by_others)
        if is_kept_for_request(acquisition, self.file.inference):
            return f"{advice.words} where it is needed"
        is_kept = any(
            ending.is_kept
            for ending in self.file.facts(Ending)
            if ending.acquisition.node is acquisition.node
        )
        fitting = fitted(advice.words, acquisition, self.file.tree, is_kept=is_kept)
        left_out = _left_out(acquisition) if advice.way is not None else ""
        return f"{fitting}{left_out}{RETURN_VALUES * self._expires(advice, acquisition)}"

    def _expires(self, advice: Advice, acquisition: Acquisition) -> bool:
        """Tell whether the commit of an advised block expires the objects that leave it."""
        is_expiring = acquisition.known.keeps_loaded is False
        if advice.way is None or not advice.way.leaving.commits or not is_expiring:
            return False
        function, name = acquisition.scope.function(), acquisition.name
        return function is not None and returns_objects(name, function, self.file.inference)

    def pattern(
        self, known: RoleValue, name: str, scope: Scope, factory: ast.expr | None = None
    ) -> str | None:
        """Spell the house's own way to what is opened by hand.

        Args:
            known: what is opened.
            name: the name that it is to have.
            scope: where it is opened.
            factory: what it is opened from, as it is written; None where that is not told.

        Returns:
            The advised code between backticks; None where the house has no way for that place.
        """
        way = self.house.best(OpeningPlace(known, scope, name, factory))
        return Advice(way, way.written(name)).words if way is not None else None

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
        names = self.file.inference.accessor_names(call.func, scope)
        found = map(self.policy.legacy_replacement, names)
        return next((replacement for replacement in found if replacement is not None), None)

    def is_legacy(self, acquisition: Acquisition) -> bool:
        """Tell whether DBS104 speaks of an acquisition, and the general rules need not."""
        return self.legacy_replacement(acquisition.node, acquisition.scope) is not None


def _is_block(way: Way) -> bool:
    """Tell whether a way can stand in the place of a ``with`` block."""
    return way.style is not Style.DEPENDENCY


def _left_out(acquisition: Acquisition) -> str:
    """Say which options of an opening a way does not take; empty for none."""
    if acquisition.known.resource is not Resource.SESSION:
        return ""
    is_class = acquisition.known.source is Role.SESSION_CLASS
    options = [each for each in acquisition.node.keywords if not (is_class and each.arg == "bind")]
    written = ", ".join(f"`{ast.unparse(each)}`" for each in options)
    return f", which does not take {written}" if written else ""


def quoted(replacement: str) -> str:
    """Put a policy's replacement between backticks, unless it is words rather than code."""
    return replacement if " " in replacement else f"`{replacement}`"
