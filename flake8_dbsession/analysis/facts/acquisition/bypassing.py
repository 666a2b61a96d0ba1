"""Whether a session that is made from its class bypasses a factory of its project."""

from __future__ import annotations

import re

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition
from flake8_dbsession.analysis.names.dotted import expression_of
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Imported, body_of, statement_bindings
from flake8_dbsession.analysis.names.values import Resource, Role

# A factory that a module or an object holds; what is indented otherwise is a function's own, or
# stands in a docstring.
_FACTORY = re.compile(
    rb"^(?:\w+|[ ]+self\.\w+)\s*(?::[^=\n]+)?=\s*"
    rb"(?:\w+\()?(?:\w+\.)*(?:async_)?(?:sessionmaker|scoped_session)\b",
    re.MULTILINE,
)


def has_a_factory(acquisition: Acquisition, inference: Inference) -> bool:
    """Tell whether the project has a factory of its own.

    Args:
        acquisition: a session made from its class, or from a factory made on the spot.
        inference: follows the imports.

    Returns:
        True where the file imports a factory, and where any file of the project holds one.
    """
    module = acquisition.scope.module.scope
    for name, how in statement_bindings(body_of(module.node)):
        if isinstance(how, Imported) and name.isidentifier():  # no star
            known = inference.known(expression_of(name), module)
            if known is not None and known.role is Role.FACTORY:
                return known.resource is Resource.SESSION
    return inference.project.may_hold(module.module.path, _FACTORY)
