"""Which baseline a policy names, found without loading a policy that names none."""

from __future__ import annotations

from pathlib import Path

from flake8_dbsession.policy.errors import PolicyError
from flake8_dbsession.policy.finding import of_run


def baseline_of(named: str | None) -> Path | None:
    """Give the baseline that the policy of a run names.

    Args:
        named: the policy's file; None for the one found from the working directory upward.

    Returns:
        The baseline; None where none is named, and where the policy cannot be used, which is said
        where it is.
    """
    try:
        file = of_run(named, b"baseline")
        if file is None:
            return None
        from flake8_dbsession.policy.loading import load  # which most projects need not import

        return load(file).baseline
    except PolicyError:
        return None
