"""What a policy says of names, in the form in which the analysis takes it."""

from __future__ import annotations

from collections.abc import Iterator

from flake8_dbsession.analysis.names.inference import Vocabulary
from flake8_dbsession.analysis.names.values import Resource, Role, RoleValue
from flake8_dbsession.policy.model import Policy, Sanctioned, Style

_ROLES = {
    Style.CONTEXT: Role.PROVIDER,
    Style.DEPENDENCY: Role.DEPENDENCY,
    Style.REQUEST: Role.LENDER,
}


def vocabulary_of(policy: Policy) -> Vocabulary:
    """Tell what the names in a policy stand for.

    Args:
        policy: the policy.

    Returns:
        Its factories, what its layers sanction, its legacy accessors and its retired names.
    """
    return Vocabulary(
        factories=frozenset(name for name in policy.factories if "." in name),
        bare=frozenset(name for name in policy.factories if "." not in name),
        named=tuple(dict.fromkeys(_named(policy))),
        accessors=tuple(dict(policy.legacy)),
        watched=frozenset(dict(policy.retired)),
    )


def _named(policy: Policy) -> Iterator[tuple[str, RoleValue]]:
    for way in policy.ways:
        resource = Resource.CONNECTION if way.is_connection else Resource.SESSION
        known = RoleValue(
            _ROLES[way.style],
            resource,
            way.is_async,
            name=way.use.qualified,
            commits=way.commits,
        )
        yield from _spellings(way.use, known)
    for pattern in dict(policy.legacy):
        yield pattern, _known(Role.ACCESSOR, pattern)
    for layer in policy.layers:
        if layer.fallback:
            fallback = layer.fallback.removesuffix("()")
            yield fallback, _known(Role.ACCESSOR, fallback)
        for use in layer.uses:
            yield from _sanctioned(use, _ROLES[layer.style or Style.CONTEXT])
    for use in policy.connections:
        yield from _sanctioned(use, Role.PROVIDER)


def _sanctioned(use: Sanctioned, role: Role) -> Iterator[tuple[str, RoleValue]]:
    yield from _spellings(use, _known(role, use.qualified))


def _spellings(use: Sanctioned, known: RoleValue) -> Iterator[tuple[str, RoleValue]]:
    yield use.qualified, known
    if "." not in use.qualified:
        yield f"*.{use.qualified}", known


def _known(role: Role, name: str) -> RoleValue:
    """Say what a name is of which only the name is known."""
    last = name.rpartition(".")[2].lower()
    resource = Resource.CONNECTION if "conn" in last else Resource.SESSION
    return RoleValue(role, resource, is_async="async" in last)
