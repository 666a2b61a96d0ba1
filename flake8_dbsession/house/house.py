"""The ways to a session that the project of one file has, asked for a place."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from flake8_dbsession.analysis.effects.giving import giving_of
from flake8_dbsession.analysis.effects.needs import is_needed
from flake8_dbsession.analysis.facts.framework.handlers import enclosing_handler, framework_of
from flake8_dbsession.analysis.facts.framework.held_work import works_after
from flake8_dbsession.analysis.facts.framework.streams import returns_stream
from flake8_dbsession.analysis.file import SourceFile
from flake8_dbsession.analysis.library.drivers import BlockEnd, driver_of
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.dotted import expression_of
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.modules import Module
from flake8_dbsession.analysis.names.scopes import Defined, Imported, Scope
from flake8_dbsession.analysis.names.values import (
    ClassValue,
    FunctionValue,
    InstanceValue,
    ModuleValue,
    Resource,
    Role,
    RoleValue,
    Value,
)
from flake8_dbsession.analysis.nodes import nodes_in
from flake8_dbsession.house.block_ends import leaving_of
from flake8_dbsession.house.habits import Habits
from flake8_dbsession.house.identity import NOTHING, Resources, resources_of, resources_of_way
from flake8_dbsession.house.imports import Imports
from flake8_dbsession.house.model import AT_HAND, BESIDE, Leaving, OpeningPlace, Reach, Way
from flake8_dbsession.house.options import options_unseen
from flake8_dbsession.house.sanctions import STYLES, is_at_hand, located, value_of
from flake8_dbsession.policy.model import Layer, Policy, Sanctioned, Style

WRITE_ONE = "a provider, which closes it (`dbsession explain providers` writes one)"
"""What takes the place of an accessor where the project has nothing better yet."""

_INJECTING = ("fastapi", None)  # the frameworks, or an unknown one, that resolve ``Depends``


class House:
    """The ways that a file can use.

    Args:
        file: the file.
        policy: its policy.
        layers: the policy's layers, each with its style.
        layer: that of the file; None for none.

    Attributes:
        memory: answers already given about the file's places.
    """

    def __init__(
        self, file: SourceFile, policy: Policy, layers: Sequence[Layer], layer: Layer | None
    ) -> None:
        self._file = file
        self.inference = file.inference
        self._policy = policy
        self._layers = layers
        self._layer = layer
        self._imports = Imports(file)
        self.memory: dict[object, Any] = {}

    @remembered
    def ways(self, place: OpeningPlace) -> list[Way]:
        """Give the ways that can be used at a place, the best first.

        The file's own layer comes first where the user declares it, then the other layers that the
        user declares, then what is found: beside the factory, on objects at hand, in the modules
        that the file imports; last what a preset names. Of a layer's ways the one that fits what
        the code does goes before: one that commits where the code changes data.

        Args:
            place: where a session or connection is wanted.

        Returns:
            The ways. None of them needs an argument or an object that is not there, gives another
            kind of session or that of another factory, or loses what the code relies on.
        """
        found: dict[tuple[str, Style], Way] = {}
        for way in self._candidates(place):
            if not self.obstacle(way, place):
                found.setdefault((way.expression, way.style), way)
        return sorted(found.values(), key=lambda way: bool(way.missing))

    def best(self, place: OpeningPlace) -> Way | None:
        """Give the best way for a place; None where there is none."""
        return next(iter(self.ways(place)), None)

    def own(self, place: OpeningPlace) -> Way | None:
        """Give the way of the file's own layer, where it can be used at a place."""
        layer = self._layer
        if layer is None:
            return None
        ways = self._of_layer(layer, place) if layer.declared else self._of_preset(layer, place)
        return next((way for way in ways if not self.obstacle(way, place)), None)

    def is_meant(self, layer: Layer) -> bool:
        """Tell whether the user's policy says what a layer uses.

        Args:
            layer: one of its layers.

        Returns:
            True where it names that, and where it names the preset that gives each request its own.
        """
        return layer.declared or (self._policy.chosen and layer.style is Style.REQUEST)

    def dependency(self, place: OpeningPlace) -> Way | None:
        """Give the dependency that a handler would be given what a place opens by.

        Args:
            place: where it is opened, or handed to the framework.

        Returns:
            The user's own, that of the file's layer first, else one that is found; None for none.
        """
        ways = self._dependencies(place)
        return next((way for way in ways if not self._misfit(way, place)), None)

    def is_unfit(self, dependency: ast.expr, place: OpeningPlace) -> bool:
        """Tell whether a dependency, as the file writes it, is none to be given at a place.

        It is none where it opens or may open another database, where it is not known to open what
        only the place can, and where it would go wrong there.

        Args:
            dependency: what the file hands to the framework.
            place: what it would take the place of.
        """
        scope = self._file.module.scope
        value = self.inference.value(dependency, scope)
        known = self.inference.role(value)
        if known is None:
            return False
        way = Way(ast.unparse(dependency), style=Style.DEPENDENCY)
        found = self._of_code(way, value, known, place._replace(scope=scope))
        is_unlike = place.is_special and not found.is_same
        is_other = is_unlike or found.is_other or found.may_be_other
        return is_other or bool(self._fault(found, place))

    def why_no_dependency(self, place: OpeningPlace) -> str:
        """Say why there is no dependency for what a place opens."""
        misfits = (self._misfit(way, place) for way in self._dependencies(place))
        return next(filter(None, misfits), "the project has no session dependency")

    def _dependencies(self, place: OpeningPlace) -> Iterator[Way]:
        layers = sorted(self._layers, key=lambda layer: layer is not self._layer)
        declared = [w for layer in layers if layer.declared for w in self._of_layer(layer, place)]
        sources = (self._beside_factory(place), self._imported(place), self._injected(place))
        found = [way for source in sources for way in source]
        yield from (way for way in declared if way.style is Style.DEPENDENCY)
        yield from self._by_habit([way for way in found if way.style is Style.DEPENDENCY], place)

    def connection(self, place: OpeningPlace) -> Way | None:
        """Give the policy's way to connections that can be used at a place, and fits it best."""
        way = self.named_connection(place)
        return way if way is not None and not self.obstacle(way, place) else None

    def named_connection(self, place: OpeningPlace) -> Way | None:
        """Give the policy's way to connections that fits a place best, usable there or not.

        Args:
            place: where a connection is wanted.

        Returns:
            The way; None where the policy names none, or a preset one that is not there.
        """
        layer = Layer("", (), self._policy.connections, Style.CONTEXT)
        is_meant = self._policy.connections_declared
        if not is_meant and not is_at_hand(layer, place.known, place.scope, self._file):
            return None
        ways = self._of_layer(layer, place)
        usable = (way for way in ways if not self.obstacle(way, place))
        return next(usable, next(iter(ways), None))

    def connection_to_use(self, place: OpeningPlace) -> Way | None:
        """Give the policy's way to connections, else one that is found to open just the same."""
        named = self.connection(place)
        if named is not None or self._policy.connections_declared:
            return named
        ways = (way for way in self.ways(place) if way.is_same and not way.unseen)
        return next((way for way in ways if way.style is Style.CONTEXT), None)

    def why_none(self, place: OpeningPlace) -> str:
        """Say why there is no way for a place."""
        obstacles = (self.obstacle(way, place) for way in self._candidates(place))
        return next(filter(None, obstacles), "the project has no session provider")

    def obstacle(self, way: Way, place: OpeningPlace) -> str:
        """Say why a way cannot be used at a place; empty where it can."""
        if way.style is Style.DEPENDENCY and not self.is_injectable(place.scope):
            return f"`{way.expression}` is no context manager"
        return self._misfit(way, place)

    def _misfit(self, way: Way, place: OpeningPlace) -> str:
        """Say what a way gives, needs or does that does not fit a place; empty for nothing."""
        if way.missing and not way.is_trusted:
            return way.missing
        known = place.known
        if place.is_special and not way.is_same:
            return "it is opened in a way of its own"
        if way.is_found:
            if way.resource is not known.resource:
                return f"`{way.expression}` gives a {way.resource.value}"
            if way.is_async != known.is_async:
                return f"`{way.expression}` is {'' if way.is_async else 'not '}asynchronous"
            if way.function is not None and needs_arguments(way.function):
                return f"`{way.expression}` needs arguments"
            if way.is_other:
                return f"`{way.expression}` opens another database"
            if way.style is Style.CONTEXT and _is_coroutine(way) and not way.is_async:
                return f"`{way.expression}` is asynchronous, and gives a plain session"
        fault = self._fault(way, place)
        if fault:
            return fault
        if _is_taken(way, place.scope, self.inference):
            return f"`{way.expression}` is another function here"
        if way.leaving.commits is False and place.needs_commit:
            return f"`{way.expression}` would not commit"
        return ""

    def _fault(self, way: Way, place: OpeningPlace) -> str:
        """Say what would go wrong with a way though it gives the right thing; empty for nothing."""
        if way.given_by is not None and is_needed(place.scope, way.given_by, self.inference):
            return f"`{way.expression}` runs what stands here"
        if way.function is None:
            return ""
        giving = giving_of(way.function, self.inference)
        if giving.may_be_none:
            return f"`{way.expression}` may give None"
        return f"`{way.expression}` yields again after an error" if giving.yields_again else ""

    def is_injectable(self, scope: Scope) -> bool:
        """Tell whether a scope is a request handler's own body, whose parameters are injected.

        One that returns a stream is none: it would hold what it is given till the stream ends.
        """
        handler = enclosing_handler(scope, self.inference)
        function = scope.function()
        if handler is None or function is None or function.parent is None:
            return False
        if returns_stream(scope, self.inference):
            return False
        return framework_of(handler, function.parent, self.inference) in _INJECTING

    def outlasts(self, opening: ast.expr, scope: Scope) -> bool:
        """Tell whether a function waits for other work after the block over an opening.

        A session that it is injected would keep its connection over that.
        """
        statement, function = self._file.tree.statement(opening), scope.function()
        is_block = isinstance(statement, ast.With | ast.AsyncWith)
        if statement is None or function is None or not is_block:
            return False
        return works_after(statement, function, self.inference)

    def _candidates(self, place: OpeningPlace) -> Iterator[Way]:
        own = self._layer
        others = [each for each in self._layers if each is not own]
        declared = [each for each in others if each.declared and each.uses]
        if own is not None and own.declared:
            yield from self._of_layer(own, place)
        elif own is not None and self.is_meant(own):
            yield from self._of_preset(own, place)
        if not declared:
            yield from self._found(place)
        if own is not None and not own.declared:
            yield from self._of_preset(own, place)
        for layer in declared:
            yield from self._blocks_of(layer, place)
        if declared:
            yield from self._found(place)
        for layer in others:
            if not layer.declared:
                ways = self._of_preset(layer, place)
                yield from (w for w in ways if w.style is Style.CONTEXT and not w.reach.bind)

    def _blocks_of(self, layer: Layer, place: OpeningPlace) -> Iterator[Way]:
        return (way for way in self._of_layer(layer, place) if way.style is Style.CONTEXT)

    def _of_preset(self, layer: Layer, place: OpeningPlace) -> Iterator[Way]:
        if is_at_hand(layer, place.known, place.scope, self._file):
            ways = self._of_layer(layer, place)
            is_meant = self._policy.chosen
            yield from (way for way in ways if is_meant or not way.may_be_other)

    def _of_layer(self, layer: Layer, place: OpeningPlace) -> list[Way]:
        """Give the ways of a layer, those first that fit what the code does."""
        return _fitting([self._sanctioned(use, layer, place) for use in layer.uses], place)

    def instead(self, replacement: str, place: OpeningPlace) -> Way | None:
        """Give the way that takes the place of a legacy accessor.

        Args:
            replacement: what the policy says, for where the layer has no way of its own.
            place: where the accessor is called.

        Returns:
            The layer's own; else what the policy names, or what is found by that name alone; for
            what a preset names and the project has not, the best way. None where there is none,
            or the policy says in words what to do.
        """
        own = self.own(place)
        if own is not None:
            return own
        if not all(part.isidentifier() for part in re.split(r"[.:]", replacement)):
            return None
        use = Sanctioned.parse(replacement)
        layer = Layer("", (), (use,), Style.CONTEXT)
        is_own = replacement in self._policy.own_replacements
        if not is_own and not is_at_hand(layer, place.known, place.scope, self._file):
            return self.best(place)
        named = self._sanctioned(use, layer, place)
        if not self.obstacle(named, place):
            return named
        last = use.expression.rpartition(".")[2]
        found = (way for way in self.ways(place) if way.expression.rpartition(".")[2] == last)
        return next(found, named)

    def said_instead(self, replacement: str) -> str:
        """Give the policy's own words for what replaces an accessor; a preset's name nothing."""
        if replacement in self._policy.own_replacements:
            return replacement
        return WRITE_ONE

    def _sanctioned(self, use: Sanctioned, layer: Layer, place: OpeningPlace) -> Way:
        guard = ""
        use = located(use, self._policy, self.inference)
        if layer.fallback:
            guard = use.expression.rpartition(".")[0] or use.expression
        if use.module is not None:
            value = value_of(use, self._policy, self.inference)
            reached = self._imports.spelling(use.module, use.expression)
            way = Way(*reached, style=_style(layer, self.inference.role(value)), guard=guard)
            return self._described(way, value, use, place)
        return self._expressed(use, layer, place, guard)

    def _expressed(self, use: Sanctioned, layer: Layer, place: OpeningPlace, guard: str) -> Way:
        """Give the way that is an expression, where its object is at hand."""
        expression = expression_of(use.expression)
        root, _, rest = use.expression.partition(".")
        scope = place.scope
        reach, missing, is_trusted = AT_HAND, "", True
        home = place.known.home.module if place.known.home is not None else None
        if root == "self":
            cls = scope.enclosing_class()
            if cls is None or not self._has_attribute(cls, rest.partition(".")[0]):
                owner = use.expression.rpartition(".")[0]
                missing, is_trusted = f"the class has no `{owner}`", False
        elif scope.lookup(root):
            if self.inference.is_missing(expression, scope):
                missing, is_trusted = f"the module of `{root}` does not have it", False
        elif layer.bind and layer.bind.partition("=")[0].strip() == root:
            reach = Reach(bind=layer.bind)
        elif home is not None and home.bindings(root):
            scope = home.scope
            reach = AT_HAND if home is self._file.module else BESIDE
        else:
            missing = f"`{root}` is not known here; the policy's `use` can say `module:{root}`"
        value = self.inference.value(expression, scope)
        written = self._beside(use.expression, place) if reach.is_beside else use.expression
        style = _style(layer, self.inference.role(value))
        way = Way(written, reach, style=style, missing=missing, is_trusted=is_trusted, guard=guard)
        return self._described(way, value, use, place)

    def _described(
        self, way: Way, value: Value | None, use: Sanctioned, place: OpeningPlace
    ) -> Way:
        """Add to a way what its function does, or else what the policy says of it."""
        known = self.inference.role(value)
        if known is not None and (isinstance(value, FunctionValue) or known.home is not None):
            return self._of_code(way, value, known, place)
        for said in self._policy.ways:
            if said.use.qualified == use.qualified:
                leaving = Leaving(said.commits, said.rolls_back)
                unseen = self._unseen(None, place)
                return way._replace(is_async=said.is_async, leaving=leaving, unseen=unseen)
        # What the policy names and nobody can follow is taken to give what is wanted here.
        return way._replace(
            is_async=place.known.is_async,
            resource=place.known.resource,
            unseen=self._unseen(None, place),
        )

    def _of_code(self, way: Way, value: Value | None, known: RoleValue, place: OpeningPlace) -> Way:
        """Add to a way what its code tells."""
        function = value if isinstance(value, FunctionValue) else None
        if not _fits(known.role, way.style):
            kind = "dependency" if way.style is Style.DEPENDENCY else "context manager"
            way = way._replace(missing=f"`{way.expression}` is no {kind}", is_trusted=False)
        elif way.style is Style.CONTEXT and _is_left_open(known):
            missing = f"the block over `{way.expression}()` leaves the connection open"
            way = way._replace(missing=missing, is_trusted=False)
        wanted = self._wanted(place)
        given = NOTHING
        if function is not None:
            written = expression_of(way.expression)
            given = resources_of_way(function, written, place.scope, self.inference)
        return way._replace(
            resource=known.resource,
            is_async=known.is_async,
            leaving=leaving_of(function, known, self.inference),
            function=function,
            given_by=known if function is None else function,
            is_found=True,
            is_same=wanted.is_same(given),
            is_other=wanted.is_other(given),
            may_be_other=wanted.may_be_other(given),
            unseen=self._unseen(function, place),
            is_pooled=place.connect is not None and bool(given.makers or given.engines),
        )

    def _unseen(self, function: FunctionValue | None, place: OpeningPlace) -> tuple[str, ...]:
        call = place.connect
        return options_unseen(call, function, self.inference) if call is not None else ()

    def _wanted(self, place: OpeningPlace) -> Resources:
        """Tell what a place opens, as far as that is written there."""
        if place.factory is None:
            return NOTHING
        return resources_of(place.factory, place.scope, self.inference)

    def _found(self, place: OpeningPlace) -> Iterator[Way]:
        """Find the ways to what a place opens in the modules around it."""
        sources = (self._beside_factory(place), self._of_objects(place), self._imported(place))
        found = [self._sorted(list(source), place) for source in sources]
        blocks = [way for ways in found for way in ways if way.style is Style.CONTEXT]
        if not self.is_injectable(place.scope):
            yield from blocks
            return
        ways = [way for ways in (*found, self._injected(place)) for way in ways]
        injected = self._by_habit([w for w in ways if w.style is Style.DEPENDENCY], place)
        is_long = place.opened is not None and self.outlasts(place.opened[0].node, place.scope)
        yield from (*blocks, *injected) if is_long else (*injected, *blocks)

    def _sorted(self, ways: list[Way], place: OpeningPlace) -> list[Way]:
        """Put those of some ways first that fit what the code does, those in use before others.

        One that is not seen to open the same comes after those that are.
        """
        blocks = [way for way in ways if way.style is Style.CONTEXT]
        if len(blocks) > 1:
            ways = sorted(ways, key=lambda way: way in blocks and not self._habits.uses(way))
            ways = sorted(ways, key=lambda way: way in blocks and not way.is_same)
        return _fitting(ways, place)

    def _by_habit(self, ways: list[Way], place: OpeningPlace) -> list[Way]:
        """Put those of some dependencies first that the project injects, and most of all.

        One that nothing injects is no habit of the house, however well it fits.
        """
        if len(ways) < 2:
            return ways
        uses = {way: self._habits.uses(way) for way in ways}
        ways = _fitting(sorted(ways, key=lambda way: -uses[way]), place)
        return sorted(ways, key=lambda way: not uses[way])

    @cached_property
    def _habits(self) -> Habits:
        return Habits(self._file.module, self.inference)

    def _beside_factory(self, place: OpeningPlace) -> Iterator[Way]:
        home = place.known.home
        if home is None:
            return
        for name, function, known in _givers_of(home.module.scope, inference=self.inference):
            way = Way(*self.named_in(home.module, name, place), style=STYLES[known.role])
            way = self._of_code(way, function, known, place)
            if not way.may_be_other:
                yield way

    def named_in(self, module: Module, name: str, place: OpeningPlace) -> tuple[str, Reach]:
        """Tell how the file writes a name of a factory's or dependency's module, and gets it.

        Args:
            module: the module.
            name: the name there.
            place: where it is wanted, at which the factory or dependency is written.
        """
        bound = self._imports.bound(module, name)
        if bound or module is self._file.module:
            return bound or name, AT_HAND
        return self._beside(name, place), BESIDE

    def _imported(self, place: OpeningPlace) -> Iterator[Way]:
        """Find the ways here and in imported modules that surely open what the place opens."""
        home, here = place.known.home, self._file.module
        is_known = self._wanted(place).is_known
        for dotted, module in [("", here), *self._imports.modules().items()] if is_known else ():
            if home is not None and module is home.module:
                continue
            for name, function, known in _givers_of(module.scope, inference=self.inference):
                reached = self._imports.spelling(dotted, name) if dotted else (name, AT_HAND)
                way = Way(*reached, style=STYLES[known.role])
                way = self._of_code(way, function, known, place)
                if way.is_same and not (dotted and self._habits.is_private(way)):
                    yield way

    def _injected(self, place: OpeningPlace) -> Iterator[Way]:
        """Find the dependencies of other modules that the project injects for what is opened."""
        if not self._wanted(place).is_known:
            return
        known_here = {self._file.module, *self._imports.modules().values()}
        if place.known.home is not None:
            known_here.add(place.known.home.module)
        for each in self._habits.injected:
            if each.dotted and each.function.scope.module not in known_here:
                way = Way(*self._imports.spelling(each.dotted, each.name), style=Style.DEPENDENCY)
                known = self.inference.role(each.function)
                assert known is not None
                way = self._of_code(way, each.function, known, place)
                if way.is_same:
                    yield way

    def _of_objects(self, place: OpeningPlace) -> Iterator[Way]:
        """Find the methods of objects at hand: of ``self``, and of what the module names."""
        is_known = self._wanted(place).is_known
        for written, instance in self._objects(place.scope) if is_known else ():
            cls = instance.cls.scope.child(instance.cls.node)
            for name, method, known in _providers_of(cls, inference=self.inference):
                way = self._of_code(Way(f"{written}.{name}"), method, known, place)
                if way.is_same:
                    yield way

    def _objects(self, scope: Scope) -> Iterator[tuple[str, InstanceValue]]:
        cls = scope.enclosing_class()
        if cls is not None and isinstance(cls.node, ast.ClassDef) and cls.parent is not None:
            yield from _objects_of_self(cls, inference=self.inference)
        for name, value in self._objects_here:
            # The methods of a class work with their own object.
            if cls is None or value.cls.node is not cls.node:
                yield name, value

    @cached_property
    def _objects_here(self) -> list[tuple[str, InstanceValue]]:
        """The objects that the file imports or makes, by their names."""
        module = self._file.module
        return [
            (name, value)
            for name in (*self._imports.names(), *_made_by(module))
            for value in self.inference.values(name, module.scope)
            if isinstance(value, InstanceValue)
        ]

    def _beside(self, name: str, place: OpeningPlace) -> str:
        """Write a name of the factory's module as the factory is written."""
        factory = place.factory
        if isinstance(factory, ast.Attribute):
            module = self.inference.value(factory.value, place.scope)
            if isinstance(module, ModuleValue):
                return f"{ast.unparse(factory.value)}.{name}"
        return name

    def _has_attribute(self, cls: Scope, name: str) -> bool:
        """Tell whether a class or one of its bases has an attribute; True for an unknown base."""
        if cls.attributes(name) or not isinstance(cls.node, ast.ClassDef):
            return True
        bases = [self.inference.value(base, cls.parent or cls) for base in cls.node.bases]
        return any(
            not isinstance(base, ClassValue)
            or self._has_attribute(base.scope.child(base.node), name)
            for base, written in zip(bases, cls.node.bases, strict=True)
            if ast.unparse(written) not in ("object", "ABC", "abc.ABC")
        )


def _fitting(ways: list[Way], place: OpeningPlace) -> list[Way]:
    """Put those of some ways first that fit what the code does: that commit where it writes."""
    if len({way.leaving.commits for way in ways}) < 2 or place.writes is None:
        return ways
    return sorted(ways, key=lambda way: way.leaving.commits is not place.writes)


def _style(layer: Layer, known: RoleValue | None) -> Style:
    """Tell how one of a layer's ways is used, where it is not as the others."""
    if len(layer.uses) > 1 and known is not None and known.role in STYLES:
        return STYLES[known.role]
    return layer.style or Style.CONTEXT


def _fits(role: Role, style: Style) -> bool:
    """Tell whether what plays a part can be used in a style."""
    if style is Style.CONTEXT:
        return role in (Role.PROVIDER, Role.ACCESSOR, Role.FACTORY)
    return style is Style.REQUEST or role is Role.DEPENDENCY


def _is_left_open(known: RoleValue) -> bool:
    """Tell whether what a function gives is a connection that its own block does not close."""
    is_given = known.role is Role.ACCESSOR and known.resource is Resource.CONNECTION
    block = driver_of(known.library).block
    return is_given and not known.is_pooled and BlockEnd.CLOSES not in block


def _is_coroutine(way: Way) -> bool:
    return way.function is not None and isinstance(way.function.node, ast.AsyncFunctionDef)


def _is_taken(way: Way, scope: Scope, inference: Inference) -> bool:
    """Tell whether the name that a way begins with is that of something else at a place."""
    name = way.expression.partition(".")[0]
    if not way.reach.module and not way.reach.is_beside:
        return _is_bound_anew(name, scope, inference)
    function = way.function.node if way.function is not None else None
    if any(isinstance(b.how, Defined) and b.how.node is not function for b in scope.lookup(name)):
        return True
    bound = inference.value(expression_of(name), scope) if "." not in way.expression else None
    return isinstance(bound, FunctionValue) and function not in (None, bound.node)


def _is_bound_anew(name: str, scope: Scope, inference: Inference) -> bool:
    """Tell whether a function gives a name of its module another meaning."""
    top = scope.module.scope
    if scope.defining(name) in (None, top) or not top.bindings(name):
        return False
    written = expression_of(name)
    is_imported = all(isinstance(binding.how, Imported) for binding in scope.lookup(name))
    return not is_imported or inference.value(written, scope) != inference.value(written, top)


def needs_arguments(function: FunctionValue) -> bool:
    """Tell whether a function, or a method of an object, cannot be called without arguments."""
    arguments = function.node.args
    given = 1 if function.owner is not None else 0
    positional = len(arguments.posonlyargs) + len(arguments.args) - given
    return positional > len(arguments.defaults) or None in arguments.kw_defaults


def _method_names(cls: ClassValue) -> list[str]:
    outline = cls.scope.module.class_body(cls.node)
    if outline is not None:
        return outline.definitions()
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [node.name for node in cls.node.body if isinstance(node, functions)]


@remembered
def _givers_of(module: Scope, *, inference: Inference) -> list[tuple[str, Value | None, RoleValue]]:
    """Give the providers and dependencies that a module has for others."""
    values = [
        (name, inference.attribute(ModuleValue(module), name))
        for name in module.module.definitions("yield", "contextmanager")
        if not name.startswith("_")
    ]
    return [
        (name, value, known)
        for name, value in values
        if (known := inference.role(value)) is not None
        and known.role in (Role.PROVIDER, Role.DEPENDENCY)
    ]


@remembered
def _providers_of(
    cls: Scope, *, inference: Inference
) -> list[tuple[str, FunctionValue, RoleValue]]:
    """Give the methods of a class that are providers for others."""
    assert isinstance(cls.node, ast.ClassDef)
    own = ClassValue(cls.node, cls.parent or cls)
    values = [
        (name, inference.attribute(InstanceValue(own), name))
        for name in _method_names(own)
        if not name.startswith("_")
    ]
    return [
        (name, value, known)
        for name, value in values
        if isinstance(value, FunctionValue)
        and (known := inference.role(value)) is not None
        and known.role is Role.PROVIDER
    ]


@remembered
def _objects_of_self(cls: Scope, *, inference: Inference) -> list[tuple[str, InstanceValue]]:
    """Give the attributes of a class's object that are objects of the project themselves."""
    assert isinstance(cls.node, ast.ClassDef)
    own = InstanceValue(ClassValue(cls.node, cls.parent or cls))
    values = [(name, inference.attribute(own, name)) for name in _attributes_of_self(cls.node)]
    return [(f"self.{name}", value) for name, value in values if isinstance(value, InstanceValue)]


def _made_by(module: Module) -> list[str]:
    """Give the names that a linted module itself gives to what it makes, in the text's order."""
    return [
        target.id
        for statement in (module.tree.body if module.tree is not None else ())
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call)
        for target in statement.targets
        if isinstance(target, ast.Name)
    ]


def _attributes_of_self(cls: ast.ClassDef) -> list[str]:
    names = (
        node.attr
        for node in nodes_in(cls)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    )
    return list(dict.fromkeys(names))
