"""The policy that fits what was found in a repository."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import PurePosixPath

from flake8_dbsession.analysis.names.values import Resource, Role
from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.policy.loading import DEFAULT_PRESET, load
from flake8_dbsession.policy.model import TESTS_LAYER, Layer, Sanctioned, Style
from flake8_dbsession.survey.model import FileSurvey, Giver, Survey, Use
from flake8_dbsession.survey.places import pattern_of, patterns_of

_CONNECT_IN_TESTS = "DBS107"
_SESSIONS, _CONNECTIONS = Resource.SESSION, Resource.CONNECTION


class Unserved(NamedTuple):
    """A factory of a house that has no provider for it.

    Attributes:
        path: the file that makes it, relative to the root.
        module: the name by which that is imported.
        name: its name.
        is_async: whether its sessions are asynchronous.
        taken: the names by which the project hands out sessions in other ways.
    """

    path: str
    module: str
    name: str
    is_async: bool
    taken: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Proposal:
    """A policy, as far as it can be told from the code.

    Attributes:
        preset: the nearest preset.
        is_named: whether the policy names it; unnamed, its layers only say what files are like, and
            the names in them count for nothing.
        owners: the modules that may open sessions by hand.
        factories: the qualified names of the session factories.
        connections: the ways to plain connections, the usual one first.
        accessor: the function that most connections are got from by hand; None for none.
        retired: what calls itself deprecated, each with what replaces it.
        legacy: the accessors that a provider took the place of, each with what replaces it.
        layers: the layers; one without paths takes those of the preset's layer of that name.
        frameworks: the web frameworks found.
        doubtful: further accessors that may be legacy, each with what would replace it.
        others: what else the owners hand out, which no layer names.
        found: the ways that are there, each with the part that it plays.
        unserved: the factories beside which no provider stands: module, name, whether it is
            asynchronous, and the file.
        extensions: the sessions of extensions, such as ``db.session``.
    """

    preset: str
    is_named: bool
    owners: tuple[str, ...] = ()
    factories: tuple[str, ...] = ()
    connections: tuple[Sanctioned, ...] = ()
    accessor: Sanctioned | None = None
    retired: tuple[tuple[str, str], ...] = ()
    legacy: tuple[tuple[str, str], ...] = ()
    layers: tuple[Layer, ...] = ()
    frameworks: tuple[str, ...] = ()
    doubtful: tuple[tuple[str, str], ...] = ()
    others: tuple[str, ...] = ()
    found: tuple[tuple[str, str], ...] = ()
    unserved: tuple[Unserved, ...] = ()
    extensions: tuple[Sanctioned, ...] = ()


def propose(survey: Survey) -> Proposal:
    """Choose the policy that fits a repository.

    Args:
        survey: what was found in it.

    Returns:
        The proposal; that of the default preset where nothing was found.
    """
    return _Proposer(survey).proposal()


class _Proposer:
    """Chooses what a house means from what its code does most."""

    def __init__(self, survey: Survey) -> None:
        self._survey = survey
        self._files = [file for file in survey.files if not file.is_test]
        self._uses = [use for file in self._files for use in file.uses]
        self._retired_files = _retired_files(self._files)

    def proposal(self) -> Proposal:
        """Give the proposal."""
        found = self._of_sessions() if self._has_sessions else self._of_connections()
        frameworks = sorted({name for file in self._files for name in file.frameworks})
        return replace(
            found,
            owners=self._owners(found),
            factories=tuple(self._factories(found)),
            connections=tuple(self._connections()),
            accessor=self._accessor(),
            retired=tuple(self._retired()),
            layers=(self._tests(found.preset), *found.layers),
            frameworks=tuple(frameworks),
            doubtful=() if found.legacy else tuple(self._doubtful()),
            others=tuple(self._others(found)),
            found=tuple(self._found()),
            unserved=tuple(self._unserved()),
            extensions=tuple(self._extensions()),
        )

    def _found(self) -> Iterable[tuple[str, str]]:
        """Name what hands out sessions and connections, each with its part."""
        for file in self._files:
            for giver in file.givers:
                if not giver.name.startswith("_") and giver.name.isidentifier():
                    kind = " of connections" if giver.resource is _CONNECTIONS else ""
                    method = "method, " if giver.is_method else ""
                    name = f"{giver.cls}.{giver.name}" if giver.is_method else giver.name
                    yield f"{self._module(file.path)}:{name}", f"{method}{giver.role.value}{kind}"

    def _unserved(self) -> Iterable[Unserved]:
        """Give the factories of a house that has no provider of their kind."""
        givers = [giver for file in self._files for giver in file.givers]
        for giver in givers:
            is_factory = giver.role is Role.FACTORY and giver.resource is _SESSIONS
            is_plain = giver.name.isidentifier() and not giver.is_method
            is_served = any(other.serves(giver) and self._is_shared(other) for other in givers)
            if is_factory and is_plain and not is_served:
                module = self._module(giver.path)
                taken = frozenset(other.name for other in givers)
                yield Unserved(giver.path, module, giver.name, giver.is_async, taken)

    def _extensions(self) -> Iterable[Sanctioned]:
        """Give the sessions of extensions, which are attributes of them."""
        for file in self._files:
            for name in file.registries:
                if "." in name:
                    yield Sanctioned(self._module(file.path), name)

    @cached_property
    def _has_sessions(self) -> bool:
        kinds = [g.resource for file in self._files for g in file.givers]
        kinds += [resource for file in self._files for _, resource, _ in file.raw]
        return _SESSIONS in kinds or not kinds

    @cached_property
    def _provider(self) -> Giver | None:
        return self._main(Role.PROVIDER, self._resource)

    @cached_property
    def _dependency(self) -> Giver | None:
        return self._main(Role.DEPENDENCY, self._resource)

    @cached_property
    def _lender(self) -> Giver | None:
        """The request's accessor: a lender that files with request handlers use."""
        lender = self._main(Role.LENDER, _SESSIONS)
        handling = {file.path for file in self._files if file.frameworks}
        users = {use.path for use in self._uses if use.giver == lender}
        return lender if users & handling else None

    @property
    def _resource(self) -> Resource:
        return _SESSIONS if self._has_sessions else _CONNECTIONS

    def _main(self, role: Role, resource: Resource) -> Giver | None:
        """Choose the giver of a role that other files use most, else the first that is defined."""

        def fits(giver: Giver | None) -> bool:
            return (
                giver is not None
                and giver.role is role
                and giver.resource is resource
                and not giver.is_deprecated
                and giver.path not in self._retired_files
                and not giver.path.startswith("../")
                and not giver.needs_arguments
                and not giver.goes_wrong
                and self._reaches_out(giver)
            )

        uses = [use for use in self._uses if fits(use.giver)]
        outside = [use for use in uses if use.giver and use.giver.path != use.path]
        if uses:
            return Counter(use.giver for use in outside or uses).most_common(1)[0][0]
        defined = (giver for file in self._files for giver in file.givers)
        return next((giver for giver in defined if fits(giver) and giver.name[0] != "_"), None)

    def _reaches_out(self, giver: Giver) -> bool:
        """Tell whether a giver is for others, and no helper of one module or class."""
        if giver.name.startswith("_"):
            return any(use.giver == giver and use.path != giver.path for use in self._uses)
        if not giver.is_method:
            return giver.role is not Role.PROVIDER or self._is_shared(giver)
        return any(
            use.giver == giver
            and "." in use.written  # else it is called on what has no name: `manager().session()`
            and (use.path != giver.path or not use.written.startswith("self."))
            for use in self._uses
        )

    def _is_shared(self, giver: Giver) -> bool:
        """Tell whether a provider serves more than its own file, while others do without."""
        users = {use.path for use in self._uses if use.giver == giver}
        others = (file for file in self._files if file.path != giver.path)
        is_of_one = users == {giver.path} and not giver.is_method
        return not (is_of_one and any(self._opens(file, giver.resource) for file in others))

    def _opens(self, file: FileSurvey, resource: Resource) -> bool:
        """Tell whether a file gets sessions, or connections, for itself."""
        used = (use.giver.resource for use in file.uses if use.giver is not None)
        return resource in {*used, *(kind for _, kind, _ in file.raw)}

    def _accessor(self) -> Sanctioned | None:
        """Give the function that connections are got from by hand, where most are."""
        calls = Counter(use.giver for use in self._uses if _is_plain_accessor(use.giver))
        by_hand = sum(
            resource is _CONNECTIONS and role is Role.CONNECT
            for file in self._files
            for role, resource, _ in file.raw
        )
        for giver, number in calls.most_common(1):
            if giver is not None and number >= by_hand:
                return self._sanctioned(giver)
        return None

    def _of_sessions(self) -> Proposal:
        if self._lender is not None:
            return self._of_requests(self._lender)
        if self._provider is None and self._dependency is None:
            if any(file.raw for file in self._files):
                return Proposal("sqlalchemy", is_named=True)
            return Proposal(DEFAULT_PRESET, is_named=False)
        if self._provider is not None and self._provider.is_method:
            return self._of_manager(self._provider)
        layers = []
        if self._dependency is not None and any("fastapi" in f.frameworks for f in self._files):
            paths = self._paths(lambda file: "fastapi" in file.frameworks, "standard", "routes")
            uses = (
                self._sanctioned(self._dependency),
                *self._of_other_databases(self._dependency),
            )
            layers.append(Layer("routes", paths, uses, Style.DEPENDENCY))
        if self._provider is not None:
            use = self._sanctioned(self._provider)
            ways = (
                use,
                *self._counterparts(self._provider, use),
                *self._of_other_databases(self._provider),
            )
            layers.append(Layer("services", (), ways))
        return Proposal("standard", is_named=len(layers) == 2, layers=tuple(layers))

    def _of_requests(self, lender: Giver) -> Proposal:
        """Propose for a house whose requests share a session that is lent to them."""
        users = {use.path for use in self._uses if use.giver == lender}
        paths = self._paths(
            lambda file: bool(file.frameworks) or file.path in users, "flask", "requests"
        )
        layers = [Layer("requests", paths, (self._sanctioned(lender),), Style.REQUEST)]
        if self._provider is not None:
            layers.append(Layer("outside requests", (), (self._sanctioned(self._provider),)))
        return Proposal("flask", is_named=True, layers=tuple(layers))

    def _of_manager(self, provider: Giver) -> Proposal:
        """Propose for a house whose sessions come from the method of an object."""
        uses = [use for use in self._uses if use.giver == provider]
        preset = load(None, preset="unified")
        known = {layer.use.expression for layer in preset.layers if layer.use}
        is_unified = any(use.written in known for use in uses)
        layers = list(self._layers_of_methods(uses))
        plain = [use for use in uses if not use.written.startswith("self.")]
        if uses and (plain or not is_unified):
            name = "web" if is_unified else "services"
            layers.append(Layer(name, (), (self._most_written(plain or uses),)))
        replacement = layers[-1].use.written if layers and layers[-1].use else provider.name
        legacy = tuple((pattern, replacement) for pattern in self._accessors())
        if is_unified:
            return Proposal("unified", is_named=True, legacy=legacy, layers=tuple(layers))
        return Proposal("standard", is_named=False, legacy=legacy, layers=tuple(layers))

    def _layers_of_methods(self, uses: list[Use]) -> Iterable[Layer]:
        """Give a layer for each folder whose objects have a manager of their own."""
        folders = {str(PurePosixPath(use.path).parent) for use in uses} - {"."}
        for folder in sorted(folders):
            within = [use for use in uses if str(PurePosixPath(use.path).parent) == folder]
            written = Counter(use.written for use in within).most_common(1)[0][0]
            if written.startswith("self."):
                paths = (f"{pattern_of(folder)}/",)
                fallback = self._fallback(folder, written.rpartition(".")[0])
                yield Layer(f"{folder}/", paths, (Sanctioned(None, written),), fallback=fallback)

    def _fallback(self, folder: str, owner: str) -> str | None:
        """Give what a folder's code calls where the object that owns the provider is missing."""
        written = Counter(
            use.written
            for use in self._uses
            if use.path.startswith(f"{folder}/") and use.missing == owner
        )
        return written.most_common(1)[0][0] if written else None

    def _most_written(self, uses: list[Use]) -> Sanctioned:
        """Give the commonest spelling of a method's call, imported where its object is."""
        use = Counter((use.written, use.qualified) for use in uses).most_common(1)[0][0]
        written, qualified = use
        prefix = qualified.removesuffix(f".{written}")
        if prefix == qualified or written.startswith("self."):
            return Sanctioned(None, written)
        paths = {_dotted(path): path for path in self._survey.paths}
        spelled = next((paths[name] for name in paths if name.endswith(prefix)), None)
        return Sanctioned(self._module(spelled) if spelled else prefix, written)

    def _accessors(self) -> list[str]:
        """Give patterns for the accessors that are called beside the provider."""
        called = {
            ".".join(use.written.split(".")[-2:])
            for use in self._uses
            if use.giver is not None
            and use.giver.role is Role.ACCESSOR
            and use.giver.resource is _SESSIONS
            and use.path != use.giver.path
        }
        return [f"*{name}" if "." in name else name for name in sorted(called)]

    def _of_connections(self) -> Proposal:
        libraries = Counter(library for file in self._files for *_, library in file.raw)
        is_sqlite = any(name in libraries for name in ("sqlite3", "aiosqlite"))
        preset = "sqlite" if is_sqlite else "dbapi"
        if self._provider is None:
            return Proposal(DEFAULT_PRESET, is_named=False)
        layers = (Layer("services", (), tuple(self._connections())),)
        return Proposal(preset, is_named=True, layers=layers)

    def _connections(self) -> Iterable[Sanctioned]:
        """Give the ways to plain connections, the usual one first."""
        provider = self._main(Role.PROVIDER, _CONNECTIONS)
        if provider is None:
            return
        uses = [use for use in self._uses if use.giver == provider]
        outside = [use for use in uses if use.path != provider.path] or uses
        is_of_object = provider.is_method and outside
        use = self._most_written(outside) if is_of_object else self._sanctioned(provider)
        yield use
        yield from self._counterparts(provider, use)

    def _counterparts(self, provider: Giver, use: Sanctioned) -> Iterable[Sanctioned]:
        """Give the way that commits beside one that does not, or the other way round."""
        owner = use.expression.removesuffix(provider.name)
        for file in self._files:
            for giver in file.givers if file.path == provider.path else ():
                is_like = replace(giver, name=provider.name, commits=provider.commits) == provider
                is_other = is_like and giver.commits != provider.commits
                if is_other and not giver.goes_wrong and self._reaches_out(giver):
                    yield Sanctioned(use.module, f"{owner}{giver.name}")

    def _of_other_databases(self, main: Giver) -> Iterable[Sanctioned]:
        """Give what hands out sessions of the house's other databases as the main way does."""
        shown = [main]
        for giver in (giver for file in self._files for giver in file.givers):
            is_alike = (giver.role, giver.resource, giver.is_method) == (
                main.role,
                main.resource,
                main.is_method,
            )
            is_for_others = giver.name[0] != "_" and not giver.needs_arguments
            is_sound = is_for_others and not giver.goes_wrong
            is_meant = not giver.is_deprecated and giver.path not in self._retired_files
            if (
                is_alike
                and is_sound
                and is_meant
                and all(self._are_two(giver, other) for other in shown)
            ):
                shown.append(giver)
                yield self._sanctioned(giver)

    def _are_two(self, one: Giver, other: Giver) -> bool:
        """Tell whether two givers are seen to open two databases."""
        if one.path == other.path:
            return one.opens_another(other)
        return self._has_own_database(one) and self._has_own_database(other)

    def _has_own_database(self, giver: Giver) -> bool:
        """Tell whether the file of a giver makes engines, and the factory that it opens from."""
        file = next(file for file in self._files if file.path == giver.path)
        factories = (each for each in file.givers if each.role is Role.FACTORY)
        is_made = any(giver.makers & each.makers for each in factories)
        return is_made and bool(file.engines)

    def _paths(
        self, belongs: Callable[[FileSurvey], bool], preset: str, name: str
    ) -> tuple[str, ...]:
        """Give a layer's paths: the preset's that match anything, then folders, then single files.

        Of the single files only those matter that get sessions.
        """
        layer = next(layer for layer in load(None, preset=preset).layers if layer.name == name)
        members = {file.path: file for file in self._files if belongs(file)}
        others = [path for path in self._survey.paths if path not in members]
        patterns, rest = patterns_of(list(members), others, layer.paths)
        working = [path for path in rest if members[path].uses or members[path].raw]
        return (*patterns, *map(pattern_of, working)) or layer.paths

    def _sanctioned(self, giver: Giver) -> Sanctioned:
        return Sanctioned(self._module(giver.path), giver.name)

    def _module(self, path: str) -> str:
        """Give the name by which a module is imported."""
        spelled = [name for file in self._survey.files for at, name in file.spellings if at == path]
        if spelled:
            return Counter(spelled).most_common(1)[0][0]
        whole = _dotted(path)
        starts = Counter(
            _dotted(at).removesuffix(name)
            for file in self._survey.files
            for at, name in file.spellings
            if _dotted(at).endswith(name)
        )
        start = starts.most_common(1)[0][0] if starts else ""
        return whole.removeprefix(start)

    def _owners(self, found: Proposal) -> tuple[str, ...]:
        """Name the modules of what is sanctioned, of its factories, and of what it replaces."""
        givers = [self._provider, self._dependency, self._lender if self._has_sessions else None]
        if found.legacy:
            accessors = [use.giver for use in self._uses if use.giver is not None]
            givers += [giver for giver in accessors if giver.role is Role.ACCESSOR]
        paths = {giver.path for giver in givers if giver is not None}
        imported = {path for file in self._files if file.path in paths for path in file.modules}
        makers = {
            giver.path
            for file in self._files
            for giver in file.givers
            if giver.role is Role.FACTORY and not giver.is_method
        }
        paths |= imported & makers
        return tuple(sorted(path for path in paths - self._retired_files if "../" not in path))

    def _factories(self, found: Proposal) -> Iterable[str]:
        owners = self._owners(found)
        for file in self._files:
            for giver in file.givers:
                is_plain = giver.name.isidentifier() and not giver.is_method
                if giver.role is Role.FACTORY and is_plain and file.path in owners:
                    yield f"{self._module(file.path)}.{giver.name}"

    def _doubtful(self) -> Iterable[tuple[str, str]]:
        """Give the accessors of a house whose provider is a function, which took no one's place."""
        if self._provider is not None:
            for pattern in self._accessors():
                yield pattern, self._sanctioned(self._provider).written

    def _others(self, found: Proposal) -> Iterable[str]:
        """Name the functions of the owners that hand out sessions as well."""
        named = {layer.use.expression for layer in found.layers if layer.use}
        owners = self._owners(found)
        for file in self._files:
            for giver in file.givers if file.path in owners else ():
                is_named = giver.name in named or giver.is_deprecated or giver.is_method
                if giver.role is not Role.FACTORY and not is_named:
                    yield f"{self._module(file.path)}.{giver.name} ({giver.role.value})"

    def _retired(self) -> Iterable[tuple[str, str]]:
        main = self._provider or self._dependency or self._lender
        if main is None:
            return
        for path in sorted(self._retired_files - {main.path}):
            yield self._module(path), self._module(main.path)
        for file in self._files:
            for giver in file.givers if file.path not in self._retired_files else ():
                instead = self._main(giver.role, giver.resource)
                if giver.is_deprecated and not giver.is_method and instead is not None:
                    module = self._module(file.path)
                    yield f"{module}.{giver.name}", f"{self._module(instead.path)}.{instead.name}"

    def _tests(self, preset: str) -> Layer:
        """Give the layer of the tests, first of all, since others may hold theirs."""
        layers = load(None, preset=preset).layers
        tests = next(layer for layer in layers if layer.name == TESTS_LAYER)
        connects = any(
            role is Role.CONNECT and resource is _CONNECTIONS
            for file in self._survey.files
            if file.is_test
            for role, resource, _ in file.raw
        )
        if connects and not self._has_sessions:
            return tests._replace(allow=tests.allow | {_CONNECT_IN_TESTS})
        return tests


def _is_plain_accessor(giver: Giver | None) -> bool:
    """Tell whether what gives connections is a function that others can call as it is."""
    if giver is None or giver.role is not Role.ACCESSOR or giver.resource is not _CONNECTIONS:
        return False
    is_reachable = not giver.is_method and not giver.name.startswith("_")
    return is_reachable and not (giver.needs_arguments or giver.is_async or giver.is_deprecated)


def _retired_files(files: list[FileSurvey]) -> set[str]:
    """Find the modules that call themselves deprecated and have to do with sessions.

    A deprecated module that only imports another such module counts too.
    """
    deprecated = [file for file in files if file.is_deprecated]
    retired = {file.path for file in deprecated if file.givers or file.uses or file.raw}
    return retired | {file.path for file in deprecated if file.modules & retired}


def _dotted(path: str) -> str:
    """Give a file's path as a module's name."""
    return path.removesuffix("/__init__.py").removesuffix(".py").replace("/", ".")
