"""What a policy selects, where flake8's own configuration names codes and is heard instead."""

from __future__ import annotations

from collections.abc import Iterable

from flake8_dbsession.policy.errors import PolicyError
from flake8_dbsession.policy.finding import of_run
from flake8_dbsession.policy.loading import Source, sources_of

SELECTING = ("select", "ignore", "extend-select", "per-file-ignores")
"""The keys of a policy that count only where flake8's configuration names no code of this tool."""


def overruled(sources: Iterable[Source]) -> str:
    """Say which of the user's keys do not count; empty where there are none.

    Args:
        sources: the tables that a policy is put together from, whose selection does not count.
    """
    given = {key for source in sources if source.is_own for key in source.data}
    keys = [f"`{key}`" for key in SELECTING if key in given]
    if not keys:
        return ""
    verb = "does" if len(keys) == 1 else "do"
    return (
        f"the policy's {', '.join(keys)} {verb} not count, for flake8's configuration names DBS "
        "codes; keep them in one of the two"
    )


def overruled_of(named: str | None) -> str:
    """Say what of a run's policy does not count, where flake8's configuration names codes.

    Args:
        named: the policy's file; None for the one found from the working directory upward.

    Returns:
        As ``overruled``; nothing for a policy that cannot be used, which is said where it is.
    """
    try:
        file = of_run(named, b"select", b"ignore")
        return "" if file is None else overruled(sources_of(file))
    except PolicyError:
        return ""
