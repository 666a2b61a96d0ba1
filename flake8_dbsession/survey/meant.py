"""The standard that a house without a policy of its own keeps, in names that exist."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from flake8_dbsession.analysis.library.drivers import BlockEnd, driver_of
from flake8_dbsession.analysis.names.values import Resource, Role
from flake8_dbsession.house.house import WRITE_ONE
from flake8_dbsession.policy.model import TESTS_LAYER, Layer, Policy, SaidWay, Sanctioned, Style
from flake8_dbsession.standard.ways import StandardWay
from flake8_dbsession.survey.model import FileSurvey, Giver, Survey, Use
from flake8_dbsession.survey.places import pattern_of
from flake8_dbsession.survey.proposal import Proposal, Unserved, propose


def declares_ways(policy: Policy) -> bool:
    """Tell whether the user's policy itself names all that is sanctioned."""
    working = (layer for layer in policy.layers if layer.name != TESTS_LAYER)
    return all(layer.uses and layer.declared for layer in working)


def ways_unnamed(policy: Policy, survey: Survey) -> tuple[StandardWay, ...]:
    """Give what a house uses where its policy and its providers of sessions name nothing.

    Args:
        policy: its policy, some of whose accessors may be given up.
        survey: what was found in the code.

    Returns:
        The sessions of its extensions and the blocks of its factories, else that of the session
        class or of the accessor that is called most; then its ways to plain connections, else the
        block of its driver's.
    """
    proposal = propose(survey)
    factories = [each for each in proposal.unserved if _is_for_others(each, survey)]
    made = map(_of_factory, factories or proposal.unserved)
    sessions = (*map(_of_extension, proposal.extensions), *made)
    sessions = sessions or tuple(_without_factory(policy, survey))
    return *sessions, *_to_connections(proposal, survey)


def _is_for_others(factory: Unserved, survey: Survey) -> bool:
    """Tell whether a factory is more than what one file, such as a script, made for itself."""
    if any(factory.path in file.modules for file in survey.files):
        return True
    own = (file for file in survey.files if file.path == factory.path)
    return any(giver.role is not Role.FACTORY for file in own for giver in file.givers)


def _of_extension(use: Sanctioned) -> StandardWay:
    return StandardWay(use, Style.REQUEST, commits=False, is_at_hand=True)


def _of_factory(factory: Unserved) -> StandardWay:
    use = Sanctioned(factory.module, factory.name)
    return StandardWay(use, Style.CONTEXT, factory.is_async, commits=False)


def _without_factory(policy: Policy, survey: Survey) -> Iterator[StandardWay]:
    working = [file for file in survey.files if not file.is_test]
    if any(source is Role.SESSION_CLASS for file in working for source, *_ in file.raw):
        yield _OF_CLASS
        return
    uses = (use for file in working for use in file.uses if _is_accessor_to_call(use))
    accessors = Counter(use.written for use in uses if not policy.legacy_replacement(use.written))
    for written, _ in accessors.most_common(1):
        yield StandardWay(Sanctioned(None, written), Style.CONTEXT, commits=False)


def _to_connections(proposal: Proposal, survey: Survey) -> Iterator[StandardWay]:
    working = [file for file in survey.files if not file.is_test]
    if proposal.connections:
        for use in proposal.connections:
            yield _of_giver(use, working)
        return
    if proposal.accessor is not None:
        yield _of_accessor(proposal.accessor)
        return
    raw = Counter(each for file in working for each in file.raw)
    for (_, resource, library), _ in raw.most_common():
        way = _of_driver(library) if resource is Resource.CONNECTION else None
        if way is not None:
            yield way
            return


def _of_accessor(use: Sanctioned) -> StandardWay:
    lines = ("from contextlib import closing", f"from {use.module} import {use.expression}")
    call = f"closing({use.expression}())"
    return StandardWay(
        use, Style.CONTEXT, is_connection=True, commits=False, call=call, lines=lines
    )


def _of_giver(use: Sanctioned, files: list[FileSurvey]) -> StandardWay:
    """Describe a way to connections as the code that defines it does."""
    name = use.expression.rpartition(".")[2]
    givers = (giver for file in files for giver in file.givers)
    giver = next(each for each in givers if each.name == name and each.gives_connections)
    return StandardWay(
        use,
        Style.CONTEXT,
        giver.is_async,
        is_connection=True,
        commits=giver.commits,
        library=giver.library,
    )


def _is_accessor_to_call(use: Use) -> bool:
    """Tell whether sessions are got from an accessor, and how that is called is known."""
    giver = use.giver
    if giver is None or giver.role is not Role.ACCESSOR or giver.resource is not Resource.SESSION:
        return False
    is_of_import = "." in use.written and use.qualified != use.written
    return not giver.is_method or is_of_import


_OF_CLASS = StandardWay(
    Sanctioned("sqlalchemy.orm", "Session"),
    Style.CONTEXT,
    commits=False,
    call="Session(engine)",
    lines=("from sqlalchemy.orm import Session",),
)


def _of_driver(library: str) -> StandardWay | None:
    """Give the block that closes what a driver's connect function gives."""
    driver = driver_of(library)
    is_async = not driver.connects
    connect = next(iter((*driver.connects, *driver.async_connects)), "")
    closes = BlockEnd.CLOSES in driver.block
    if not connect or (is_async and not closes):
        return None
    module, _, name = connect.rpartition(".")
    call = f"{'await ' if driver.is_awaited else ''}{module}.{name}({_DATABASE})"
    lines = [f"import {module}"]
    if not closes:
        call, lines = f"closing({call})", [*lines, "from contextlib import closing"]
    return StandardWay(
        Sanctioned(module, name),
        Style.CONTEXT,
        is_async,
        is_connection=True,
        commits=False,
        call=call,
        lines=tuple(lines),
        library=library,
    )


_DATABASE = "database"  # what a connect function is told, whatever that is


def as_found(policy: Policy, survey: Survey) -> Policy:
    """Put what a house's code does in the place of what only a preset names.

    Args:
        policy: a policy of whose ways some are only a preset's.
        survey: what was found in the code.

    Returns:
        The policy with the ways that exist, without a preset's layers that no file lies in; where
        there is nothing at all yet, a preset that the user chose stands as it is, and any other
        names nothing.
    """
    return _without_empty(_named_as_found(policy, survey), survey)


def _named_as_found(policy: Policy, survey: Survey) -> Policy:
    working = [file for file in survey.files if not file.is_test]
    if not any(file.givers or file.raw for file in working):
        return policy if policy.chosen else policy._replace(layers=_without_uses(policy))
    proposal = propose(survey)
    policy = _with_names_found(policy, proposal)
    if any(layer.declared and layer.uses for layer in policy.layers):
        return policy._replace(layers=tuple(_beside_own(policy, proposal)))
    names = {layer.name for layer in proposal.layers}
    rest = [layer for layer in _without_uses(policy) if layer.name not in names]
    paths = {layer.name: layer.paths for layer in policy.layers}
    named = [
        layer._replace(paths=layer.paths or paths.get(layer.name, ("*",)))
        for layer in proposal.layers
    ]
    ways = {use for layer in named for use in layer.uses} | {*proposal.connections}
    local = list(_local_ways(survey, ways))
    named = [*(layer for layer, _ in local), *named]
    return policy._replace(
        ways=(*policy.ways, *(way for _, way in local)),
        layers=(*named, *(layer for layer in rest if not _is_shadowed(layer, named))),
        legacy=(*_legacy(policy, named), *proposal.legacy),
    )


def _with_names_found(policy: Policy, proposal: Proposal) -> Policy:
    """Name the factories that the code has, and of a preset's ways to connections those alone."""
    factories = (
        Sanctioned.parse(name).qualified.replace(":", ".")
        for name, part in proposal.found
        if part == Role.FACTORY.value
    )
    is_meant = policy.connections_declared
    kept = (use for use in policy.connections if is_meant or use in proposal.connections)
    return policy._replace(factories=(*factories, *policy.factories), connections=tuple(kept))


def _legacy(policy: Policy, named: list[Layer]) -> Iterator[tuple[str, str]]:
    """Give what takes the place of legacy accessors; what a preset names may not be there."""
    uses = [use.written for layer in named for use in layer.uses]
    for pattern, replacement in policy.legacy:
        is_own = replacement in policy.own_replacements
        yield pattern, replacement if is_own else next(iter(uses), WRITE_ONE)


def _local_ways(survey: Survey, named: set[Sanctioned]) -> Iterator[tuple[Layer, SaidWay]]:
    """Give the providers that only the code of one file uses, each as a layer of that file."""
    seen: set[str] = set()
    for use in (use for file in survey.files if not file.is_test for use in file.uses):
        giver = use.giver
        is_local = giver is not None and giver.role is Role.PROVIDER and giver.path == use.path
        way = Sanctioned(None, use.written)
        if giver is None or not is_local or use.path in seen or way in named:
            continue
        if not giver.is_method or any(_names(each, giver) for each in named):
            continue
        seen.add(use.path)
        said = SaidWay(
            way,
            Style.CONTEXT,
            is_connection=giver.resource is Resource.CONNECTION,
            is_async=giver.is_async,
            commits=giver.commits,
        )
        yield Layer(use.path, (pattern_of(use.path),), (way,), Style.CONTEXT), said


def _names(use: Sanctioned, giver: Giver) -> bool:
    """Tell whether a way to all the house is a provider, whichever object it is called on."""
    return use.expression.rpartition(".")[2] == giver.name


def _without_empty(policy: Policy, survey: Survey) -> Policy:
    """Leave out the layers of a preset that no file lies in."""
    found = {policy.layer_of(policy.root / path) for path in survey.paths}
    names = {layer.name for layer in found if layer is not None} | {TESTS_LAYER}
    kept = [layer for layer in policy.layers if layer.declared or layer.name in names]
    return policy._replace(layers=tuple(kept)) if survey.paths else policy


def _beside_own(policy: Policy, proposal: Proposal) -> Iterator[Layer]:
    """Keep the user's layers, and give a preset's the ways that the code has for it."""
    found = {layer.name: layer for layer in proposal.layers}
    general = next((layer for layer in proposal.layers if _is_general(layer)), None)
    for layer in policy.layers:
        if layer.declared or not layer.uses:
            yield layer
        else:
            named = found.get(layer.name, general)
            yield layer._replace(
                uses=named.uses if named else (),
                style=named.style if named else layer.style,
                fallback=None,
                bind=None,
            )


def _is_general(layer: Layer) -> bool:
    """Tell whether a layer's ways can be used anywhere."""
    return bool(layer.uses) and not layer.paths and layer.style in (None, Style.CONTEXT)


def _without_uses(policy: Policy) -> tuple[Layer, ...]:
    return tuple(layer._replace(uses=(), fallback=None, bind=None) for layer in policy.layers)


def _is_shadowed(layer: Layer, named: list[Layer]) -> bool:
    """Tell whether a layer is never reached, for one before it takes every path."""
    return any(each.takes_all for each in named) and not layer.allow
