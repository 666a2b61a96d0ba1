"""Which versions of SQLAlchemy and FastAPI a project works with; what it means is the rules'.

What the project requires counts first; where that leaves it open, what the code itself uses does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from flake8_dbsession.analysis.names.project import Project
from flake8_dbsession.analysis.names.scopes import Scope
from flake8_dbsession.analysis.source.requirements import UNKNOWN, Allowed
from flake8_dbsession.patterns import regex

# The first version of SQLModel that needs SQLAlchemy 2 (sqlmodel.tiangolo.com/release-notes).
_SQLMODEL_ON_2 = (0, 0, 14)
# What only SQLAlchemy 2 has (docs.sqlalchemy.org/en/20/changelog/whatsnew_20.html).
_SPEAKS_2 = regex(
    r"\b(?:DeclarativeBase|DeclarativeBaseNoMeta|MappedAsDataclass|mapped_column|async_sessionmaker)\b"
    # Before, these two were names of sqlalchemy.engine alone.
    r"|^\s*from sqlalchemy import [^\n]*\b(?:Connection|Engine)\b",
    re.MULTILINE,
)
# A dependency's scope came with 0.121 (fastapi.tiangolo.com/release-notes).
_SCOPED = regex(r"\bDepends\([^()]*\bscope *=")
_SCOPED_SINCE = (0, 121)


def sqlalchemy_of(scopes: Iterable[Scope], project: Project) -> Allowed:
    """Find the versions of SQLAlchemy that code is for.

    Args:
        scopes: where the code stands, the file that is looked at first.
        project: its project.
    """
    homes = list(scopes)
    path = homes[0].module.path
    allowed = project.allowed("sqlalchemy", path)
    if allowed.are_from(2) or allowed.are_below(2):
        return allowed
    needs_2 = project.allowed("sqlmodel", path).are_from(*_SQLMODEL_ON_2)
    if needs_2 or any(_SPEAKS_2.search(home.module.text) for home in homes):
        return allowed.and_also(Allowed(lowest=(2,)))
    return allowed


def fastapi_of(scope: Scope, project: Project) -> Allowed:
    """Find the versions of FastAPI that code is for.

    Args:
        scope: where the code stands.
        project: its project.
    """
    allowed = project.allowed("fastapi", scope.module.path)
    is_scoped = _SCOPED.search(scope.module.text) is not None
    return allowed.and_also(Allowed(lowest=_SCOPED_SINCE) if is_scoped else UNKNOWN)
