"""How the rules of this family name the way out."""

from __future__ import annotations

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition
from flake8_dbsession.analysis.names.values import Role
from flake8_dbsession.house.fitting import fitted
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.fallback import is_in_fallback

_FINALLY = "close it in a `finally`"


def closing_way_out(acquisition: Acquisition, context: Context) -> str:
    """Say how to have a session closed whatever happens.

    Args:
        acquisition: what is opened.
        context: the file and its policy.

    Returns:
        The house's own pattern; where a session may be opened by hand, its own ``with`` block.
    """
    if acquisition.part is not None or is_in_fallback(acquisition.node, acquisition.scope, context):
        return _FINALLY
    if context.is_test or context.may_open(acquisition.scope, acquisition.known):
        name = acquisition.name if acquisition.name.isidentifier() else "db"
        keyword = "async with" if acquisition.known.is_async else "with"
        opened = acquisition.text
        if acquisition.known.source is Role.REGISTRY_MAKER:
            opened = acquisition.block
        block = f"`{keyword} {opened} as {name}:`"
        return f"use {fitted(block, acquisition, context.file.tree)}"
    return f"use {context.way_out(acquisition)}"
