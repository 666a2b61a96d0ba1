"""How the rules of this family name the house's own way to get a session from a framework."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.facts.framework.injections import Injection
from flake8_dbsession.analysis.names.values import Resource, Role, RoleValue
from flake8_dbsession.house.model import OpeningPlace
from flake8_dbsession.policy.model import Style
from flake8_dbsession.rules.context import Context

UNKNOWN_DEPENDENCY = "the project's session dependency"


def dependency_names(context: Context) -> list[str]:
    """Give the dependencies that the policy names, that of the file's own layer first."""
    layers = [layer for layer in context.layers if layer.use and layer.style is Style.DEPENDENCY]
    layers.sort(key=lambda layer: (layer is not context.layer, not layer.declared))
    return [layer.use.expression for layer in layers if layer.use]


def injected_here(place: OpeningPlace, context: Context) -> str | None:
    """Name the dependency that a file injects already where it needs such a session.

    Args:
        place: what is opened, or handed to the framework. One that opens another database, or would
            go wrong there, is not named.
        context: the file and its policy.
    """
    for injection in context.file.facts(Injection):
        other = injection.known
        if (
            other is not None
            and other.role is Role.DEPENDENCY
            and other.is_async is place.known.is_async
            and not context.house.is_unfit(injection.handed, place)
        ):
            return ast.unparse(injection.handed)
    return None


def house_dependency(place: OpeningPlace, context: Context) -> str | None:
    """Name the dependency that gives what a place opens in this house.

    Args:
        place: what is opened, or handed to the framework.
        context: the file and its policy.

    Returns:
        The dependency that the user's policy names; else one beside the factory, or one of a module
        that the file imports. None where the project has none that fits.
    """
    way = context.house.dependency(place)
    return way.expression if way is not None else None


def injected(place: OpeningPlace, context: Context) -> str:
    """Say what to inject instead of something that opens a session: ``Depends(get_db)``."""
    name = house_dependency(place, context) or injected_here(place, context)
    return f"`Depends({name})`" if name else UNKNOWN_DEPENDENCY


def noun(known: RoleValue | None) -> str:
    """Say what is opened: a session or a connection."""
    return (known.resource if known else Resource.SESSION).value
