"""Code in a layer with a fallback: what is sanctioned, and the old code where that is missing."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace

import libcst as cst

from flake8_dbsession.fixes.blocks.provision import Need, Provision
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.region import Statement

_LONGEST = 10  # lines that may stand twice


def stays_as_fallback(
    need: Need, statements: Sequence[ast.stmt], provision: Provision, document: Document
) -> bool:
    """Tell whether old code stays, for where what is sanctioned is missing.

    Args:
        need: what the old code opens.
        statements: what works with it, and would stand twice.
        provision: what is sanctioned.
        document: the file.

    Returns:
        True for short code that opens what the layer declares as its fallback.
    """
    layer = document.context.layer
    if not provision.guard or layer is None or layer.fallback is None:
        return False
    length = (statements[-1].end_lineno or 0) - statements[0].lineno + 1
    names = document.context.file.names(need.call.func, need.scope)
    return length <= _LONGEST and layer.fallback.removesuffix("()") in names


def beside_fallback(
    new: Sequence[Statement], old: Sequence[Statement], provision: Provision, indent: str
) -> cst.If:
    """Put code into a test for what it needs, and the old code into its ``else``.

    Args:
        new: the new code.
        old: the old code.
        provision: what the new code uses.
        indent: what a block is indented by.
    """
    return cst.If(
        test=cst.parse_expression(provision.guard),
        body=cst.IndentedBlock(new, indent=indent),
        orelse=cst.Else(cst.IndentedBlock(old, indent=indent)),
    )


def doubting_fallback(provision: Provision) -> Provision:
    """Doubt that what is sanctioned is there, where the layer has a fallback."""
    if not provision.guard:
        return provision
    doubt = f"the layer's fallback is for where `{provision.guard}` is missing"
    return replace(provision, doubts=(*provision.doubts, doubt))
