"""Whether the queries of a session flush what was added, where nothing tells what opened it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.call_sites import scoped
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.project import Project
from flake8_dbsession.analysis.names.scopes import Scope
from flake8_dbsession.analysis.names.values import Resource, Role, RoleValue
from flake8_dbsession.analysis.source.searching import is_test
from flake8_dbsession.patterns import regex

# What makes factories, sessions and extensions: sessionmaker(), AsyncSession(), SQLAlchemy().
_WORDS = ("Session(", "SQLAlchemy(", "sessionmaker(")
_MAKES = regex(rb"\b(?:(?:Async)?Session|(?:async_)?sessionmaker|SQLAlchemy)\(")


def no_factory_autoflushes(known: RoleValue, scope: Scope, inference: Inference) -> bool:
    """Tell whether all that could have opened a session turns its autoflush off.

    Args:
        known: the session: one that is given, by an annotation alone.
        scope: where it is worked with.
        inference: answers what makes factories.

    Returns:
        True where the project, its tests left out, has factories of such sessions, asynchronous
        ones or plain ones, and all of them do.
    """
    if known.role is not Role.GIVEN or known.source is not None or known.of_class is not None:
        return False
    project, asker = inference.project, scope.module.path
    for word in _WORDS:
        project.files_mentioning(word, asker)  # which the answer for all rests on
    made = _made_in_project(project, asker=asker, inference=inference)
    flushing = {autoflushes for is_async, autoflushes in made if is_async is known.is_async}
    return flushing == {False}


@remembered
def _made_in_project(
    project: Project, *, asker: Path, inference: Inference
) -> frozenset[tuple[bool, bool]]:
    """Give of each session or factory of the project whether it is asynchronous, and flushes."""
    modules = {
        module.path: module
        for word in _WORDS
        for module in project.modules_mentioning(word, asker, _MAKES)
        if not is_test(module.path, project.root)
    }
    return frozenset(
        (made.is_async, made.autoflushes)
        for module in modules.values()
        for made in _made_in(module.scope, inference)
    )


def _made_in(module: Scope, inference: Inference) -> Iterator[RoleValue]:
    """Give the factories that a module makes, and the sessions that it opens without one."""
    found = [statement for word in _WORDS for statement in module.module.statements_with(word)]
    for node, scope in scoped(list(dict.fromkeys(found)), module):
        if isinstance(node, ast.Call):
            match inference.value(node, scope):
                case RoleValue(resource=Resource.SESSION, role=Role.FACTORY) as made:
                    if made.source is Role.FACTORY_MAKER:
                        yield made
                case RoleValue(role=Role.OPENED, source=Role.SESSION_CLASS) as opened:
                    yield opened
                case RoleValue(role=Role.EXTENSION) as extension:
                    yield extension
