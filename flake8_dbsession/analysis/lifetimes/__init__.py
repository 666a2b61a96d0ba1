"""Lifetimes: what happens to a session or connection on every path through a function."""

from flake8_dbsession.analysis.lifetimes.fates import Fate, Outcome
from flake8_dbsession.analysis.lifetimes.model import (
    FOR_GOOD,
    KEPT,
    Close,
    Closing,
    Handing,
    HandOn,
    Leak,
    Leaving,
    Lifetime,
    Opened,
    Traits,
    constructs_by_name,
)
from flake8_dbsession.analysis.lifetimes.solver import fate_of, lifetimes

__all__ = [
    "FOR_GOOD",
    "KEPT",
    "Close",
    "Closing",
    "Fate",
    "HandOn",
    "Handing",
    "Leak",
    "Leaving",
    "Lifetime",
    "Opened",
    "Outcome",
    "Traits",
    "constructs_by_name",
    "fate_of",
    "lifetimes",
]
