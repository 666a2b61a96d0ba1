"""The classes of the project that a class is made of."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.values import ClassValue


def with_bases(cls: ClassValue, inference: Inference) -> Iterator[ClassValue]:
    """Give a class and, at any depth, its bases in the project, the nearest first.

    Args:
        cls: the class.
        inference: follows the names of the bases.
    """
    pending, seen = [cls], set[ast.AST]()
    while pending:
        current = pending.pop(0)
        if current.node in seen:
            continue
        seen.add(current.node)
        yield current
        bases = (inference.value(base, current.scope) for base in current.node.bases)
        pending += [base for base in bases if isinstance(base, ClassValue)]
