"""What a policy's sanctioned ways to a session are, as far as its own project tells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from flake8_dbsession.analysis.effects import inference_over
from flake8_dbsession.analysis.names.project import Project
from flake8_dbsession.analysis.names.values import Resource, Role
from flake8_dbsession.analysis.source.locations import repository_root
from flake8_dbsession.house.sanctions import located, styled, value_of
from flake8_dbsession.policy.model import TESTS_LAYER, Layer, Policy, Sanctioned, Style
from flake8_dbsession.policy.vocabulary import vocabulary_of


@dataclass(frozen=True, slots=True)
class StandardWay:
    """A sanctioned way to a session or connection.

    Attributes:
        use: what gives it.
        style: how that is used.
        is_async: whether what it gives is asynchronous.
        is_connection: whether it gives a connection instead of a session.
        commits: whether it commits when its block ends; None where the project does not tell.
        call: what its block enters, where that is more than a call of ``use`` without arguments.
        lines: the lines that import what ``call`` needs.
        library: the package that opens it in the end; empty where the project does not tell.
        is_at_hand: whether it is the session itself, which nobody opens: an extension's.
    """

    use: Sanctioned
    style: Style
    is_async: bool = False
    is_connection: bool = False
    commits: bool | None = None
    call: str = ""
    lines: tuple[str, ...] = ()
    library: str = ""
    is_at_hand: bool = False

    @property
    def entered(self) -> str:
        """What a block enters."""
        return self.call or f"{self.use.expression}()"

    @property
    def imports(self) -> str:
        """The lines that import what is used; empty where it is at hand."""
        if self.call:
            return "\n".join(self.lines)
        if self.use.module is None:
            return ""
        return f"from {self.use.module} import {self.use.expression.partition('.')[0]}"

    @property
    def is_of_object(self) -> bool:
        """Whether it hangs on ``self``, so that only a method can use it."""
        return self.use.expression.startswith("self.")

    @property
    def owner(self) -> str:
        """The object that it is called on; for a plain function, that itself."""
        return self.use.expression.rpartition(".")[0] or self.use.expression

    @property
    def name(self) -> str:
        """The usual name of what it gives."""
        if self.is_at_hand:
            return self.use.expression
        return "conn" if self.is_connection else "db"


class StandardWays:
    """The ways of a policy, looked up in the project that the policy stands in.

    Args:
        policy: the policy.
        own: what is used where the policy names nothing: ways to sessions, then to connections,
            the usual one first.
    """

    def __init__(self, policy: Policy, own: Sequence[StandardWay] = ()) -> None:
        self._policy = policy
        self.own = own
        self._inference = inference_over(
            Project(repository_root(policy.root)), vocabulary_of(policy)
        )
        self._named = dict(reversed(vocabulary_of(policy).named))

    def of_layer(self, layer: Layer) -> StandardWay | None:
        """Give a layer's usual way; None where it has none."""
        return next(iter(self.all_of_layer(layer)), None)

    def all_of_layer(self, layer: Layer) -> list[StandardWay]:
        """Give a layer's ways, the usual one first.

        Where nothing is named, what the house uses then is the way, if there is anything, to
        sessions before connections; so is the factory's block where the layer allows it.
        """
        if layer.uses:
            style = styled(layer, self._policy, self._inference).style
            return [self._way(use, style or Style.CONTEXT) for use in layer.uses]
        if layer.name == TESTS_LAYER:
            return []
        if self.own:
            return self.unnamed
        if "DBS102" in layer.allow:
            return [StandardWay(self.factory, Style.CONTEXT, commits=False)]
        return []

    @property
    def unnamed(self) -> list[StandardWay]:
        """The ways of a layer for which nothing is named."""
        return [way for way in self.own if not way.is_connection] or list(self.own)

    @property
    def factory(self) -> Sanctioned:
        """The house's factory, as the policy names it or as it stands beside a way's own module."""
        for way in self.own[:1]:
            if not (way.call or way.is_connection or way.is_at_hand):
                return way.use
        bare = []
        for name in self._policy.factories:
            module, _, last = name.rpartition(".")
            if module:
                return Sanctioned(module, last)
            bare.append(Sanctioned(None, name))
        modules = [layer.use.module for layer in self._policy.layers if layer.use]
        beside = (Sanctioned(m, use.expression) for m in modules if m for use in bare)
        return next((use for use in beside if self._is_factory(use)), bare[0])

    def _is_factory(self, use: Sanctioned) -> bool:
        known = self._inference.role(value_of(use, self._policy, self._inference))
        return known is not None and known.role is Role.FACTORY

    def to_connections(self) -> list[StandardWay]:
        """Give the ways to plain connections, the usual one first."""
        named = [self._way(use, Style.CONTEXT) for use in self._policy.connections]
        return named or [way for way in self.own if way.is_connection]

    def beside_layers(self) -> list[StandardWay]:
        """Give the ways to plain connections that no layer has for its own."""
        of_layers = {way for layer in self._policy.layers for way in self.all_of_layer(layer)}
        return [way for way in self.to_connections() if way not in of_layers]

    def all(self) -> Iterator[StandardWay]:
        """Give the ways of the layers, in their order, then those to connections."""
        for layer in self._policy.layers:
            yield from self.all_of_layer(layer)
        yield from self.to_connections()

    def _way(self, use: Sanctioned, style: Style) -> StandardWay:
        use = located(use, self._policy, self._inference)
        found = self._inference.role(value_of(use, self._policy, self._inference))
        known = found or self._named[use.qualified]
        return StandardWay(
            use,
            style,
            is_async=known.is_async,
            is_connection=known.resource is Resource.CONNECTION,
            commits=found.commits if found else None,
            library=found.library if found else "",
        )
