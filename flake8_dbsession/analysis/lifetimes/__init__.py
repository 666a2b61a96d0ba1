"""Lifetimes: what happens to a session or connection on every path through a function."""

from flake8_dbsession.analysis.lifetimes.model import (
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
from flake8_dbsession.analysis.lifetimes.solver import lifetimes

__all__ = [
    "Close",
    "Closing",
    "HandOn",
    "Handing",
    "Leak",
    "Leaving",
    "Lifetime",
    "Opened",
    "Traits",
    "constructs_by_name",
    "lifetimes",
]
