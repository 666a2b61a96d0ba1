"""The standard that a house without a policy of its own keeps, in names that exist."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from flake8_dbsession.analysis.names.values import Role
from flake8_dbsession.policy.model import Layer, Policy, Sanctioned
from flake8_dbsession.survey.model import Survey
from flake8_dbsession.survey.proposal import Proposal, propose


def declares_ways(policy: Policy) -> bool:
    """Tell whether the user's policy itself names all that is sanctioned."""
    return not any(layer.uses and not layer.declared for layer in policy.layers)


def as_found(policy: Policy, survey: Survey) -> Policy:
    """Put what a house's code does in the place of what only a preset names.

    Args:
        policy: a policy of whose ways some are only a preset's.
        survey: what was found in the code.

    Returns:
        The policy with the ways that exist; where there is nothing at all yet, a preset that the
        user chose stands as it is, and any other names nothing.
    """
    working = [file for file in survey.files if not file.is_test]
    if not any(file.givers or file.raw for file in working):
        return policy if policy.chosen else replace(policy, layers=_without_uses(policy))
    proposal = propose(survey)
    if any(layer.declared and layer.uses for layer in policy.layers):
        return replace(policy, layers=tuple(_beside_own(policy, proposal)))
    names = {layer.name for layer in proposal.layers}
    rest = [layer for layer in _without_uses(policy) if layer.name not in names]
    paths = {layer.name: layer.paths for layer in policy.layers}
    named = [
        layer._replace(paths=layer.paths or paths.get(layer.name, ("*",)))
        for layer in proposal.layers
    ]
    factories = tuple(
        Sanctioned.parse(name).qualified.replace(":", ".")
        for name, part in proposal.found
        if part == Role.FACTORY.value
    )
    return replace(
        policy,
        layers=(*named, *(layer for layer in rest if not _is_shadowed(layer, named))),
        factories=(*factories, *policy.factories),
        connections=policy.connections if policy.connections_declared else proposal.connections,
        legacy=(*policy.legacy, *proposal.legacy),
    )


def _beside_own(policy: Policy, proposal: Proposal) -> Iterator[Layer]:
    """Keep the user's layers, and give a preset's the ways that the code has for it."""
    found = {layer.name: layer for layer in proposal.layers}
    for layer in policy.layers:
        if layer.declared or not layer.uses:
            yield layer
        else:
            named = found.get(layer.name)
            yield layer._replace(
                uses=named.uses if named else (),
                style=named.style if named else layer.style,
                fallback=None,
                bind=None,
            )


def _without_uses(policy: Policy) -> tuple[Layer, ...]:
    return tuple(layer._replace(uses=(), fallback=None, bind=None) for layer in policy.layers)


def _is_shadowed(layer: Layer, named: list[Layer]) -> bool:
    """Tell whether a layer is never reached, for one before it takes every path."""
    return any("*" in each.paths for each in named) and not layer.allow
