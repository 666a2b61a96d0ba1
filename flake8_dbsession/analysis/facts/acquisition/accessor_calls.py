"""Calls of the accessors that a policy names, whatever they resolve to."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from fnmatch import fnmatchcase

from flake8_dbsession.analysis.facts.acquisition.acquisitions import holder_of
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope, last_segment
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.named_tuples import NamedTuple


class AccessorCall(NamedTuple):
    """A call of something by a name that a policy speaks of.

    Attributes:
        node: the call.
        scope: the scope it stands in.
        names: the dotted names of what is called, as written first.
        holder: the name that gets the result; empty where it has none.
    """

    node: ast.Call
    scope: Scope
    names: tuple[str, ...]
    holder: str

    @property
    def text(self) -> str:
        """The call as it is written, without its arguments."""
        given = "..." if self.node.args or self.node.keywords else ""
        return f"{ast.unparse(self.node.func)}({given})"


def accessor_calls(tree: Tree, inference: Inference) -> Iterator[AccessorCall]:
    """Find the calls of the accessors that the vocabulary names.

    Args:
        tree: the visited part of a file.
        inference: knows the vocabulary, and by what names a callee goes.

    Yields:
        The calls, in the order of the text.
    """
    patterns = inference.vocabulary.accessors
    if not patterns:
        return
    endings = {pattern.rpartition(".")[2] for pattern in patterns}
    for call, scope in tree.find(ast.Call):
        if any(fnmatchcase(last_segment(call.func), ending) for ending in endings):
            names = inference.accessor_names(call.func, scope)
            if any(fnmatchcase(name, pattern) for name in names for pattern in patterns):
                yield AccessorCall(call, scope, names, holder_of(call, scope, tree)[1])
