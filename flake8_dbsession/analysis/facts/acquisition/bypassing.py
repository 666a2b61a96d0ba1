"""Whether a session that is made from its class bypasses a factory of its project."""

from __future__ import annotations

import re

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition
from flake8_dbsession.analysis.names.dotted import expression_of
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import body_of, statement_bindings
from flake8_dbsession.analysis.names.values import Resource, Role
from flake8_dbsession.patterns import regex

# A factory that a module or an object holds; what is indented otherwise is a function's own, or
# stands in a docstring.
_FACTORY = regex(
    rb"^(?:\w+|[ ]+self\.\w+)\s*(?::[^=\n]+)?=\s*"
    rb"(?:\w+\()?(?:\w+\.)*(?:async_)?(?:sessionmaker|scoped_session)\b",
    re.MULTILINE,
)


def has_a_factory_at_hand(acquisition: Acquisition, inference: Inference) -> bool:
    """Tell whether a module has a factory of sessions, its own or imported.

    Args:
        acquisition: a session made from its class, or from a factory made on the spot.
        inference: follows the imports.
    """
    module = acquisition.scope.module.scope
    return any(
        known.role is Role.FACTORY and known.resource is Resource.SESSION
        for name, _ in statement_bindings(body_of(module.node))
        if name.isidentifier()  # no star
        and (known := inference.known(expression_of(name), module)) is not None
    )


def has_a_factory(acquisition: Acquisition, inference: Inference) -> bool:
    """Tell whether the project has a factory of its own.

    Args:
        acquisition: a session made from its class, or from a factory made on the spot.
        inference: follows the imports.

    Returns:
        True where the module has a factory at hand, and where any file of the project holds one.
    """
    if has_a_factory_at_hand(acquisition, inference):
        return True
    return inference.project.may_hold(acquisition.scope.module.path, _FACTORY)
