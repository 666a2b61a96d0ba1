"""Whether what a call opens is new each time, so that a block may close it."""

from __future__ import annotations

from flake8_dbsession.analysis.effects.results import gives_new
from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition
from flake8_dbsession.analysis.facts.connection.connecting import is_shared_in_memory
from flake8_dbsession.analysis.names.values import FunctionValue
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Refusal


def refuse_borrowed(acquisition: Acquisition, document: Document) -> None:
    """Refuse to put a block around what somebody else may hold.

    Args:
        acquisition: what is opened.
        document: the file.

    Raises:
        Refusal: a function of the project opens it, and gives something along with it, or not every
            way through that ends with a new session or connection that it keeps nowhere; or it
            keeps a database in memory alive, which others may open.
    """
    if acquisition.part is not None:
        raise Refusal(f"`{acquisition.text}` gives something along with it")
    inference = document.context.file.inference
    function = inference.value(acquisition.node.func, acquisition.scope)
    if isinstance(function, FunctionValue) and not gives_new(function, inference):
        raise Refusal(f"`{acquisition.text}` may give what somebody else holds")
    if is_shared_in_memory(acquisition.node, acquisition.known, acquisition.scope, inference):
        raise Refusal("it may keep a database in memory alive that others open")
