"""Control flow: in which order a function's expressions are evaluated, and where it is left."""

from flake8_dbsession.analysis.flow.builder import build
from flake8_dbsession.analysis.flow.calls import (
    CallEnding,
    CallTraits,
    ending_by_name,
    raises_by_name,
)
from flake8_dbsession.analysis.flow.forward import carry_forward
from flake8_dbsession.analysis.flow.graph import Exit, Flowing, Graph

__all__ = [
    "CallEnding",
    "CallTraits",
    "Exit",
    "Flowing",
    "Graph",
    "build",
    "carry_forward",
    "ending_by_name",
    "raises_by_name",
]
