"""DBS403."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.facts.framework.injections import Injection
from flake8_dbsession.analysis.names.values import Resource, Role, RoleValue
from flake8_dbsession.house.model import OpeningPlace
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.framework.wording import injected
from flake8_dbsession.rules.registry import register

_OPENERS = frozenset({Role.FACTORY, Role.SESSION_CLASS})


@register
class FactoryAsDependency(Rule[Injection]):
    """A session factory or class is injected as if it were a dependency.

    ## What it does
    Reports `Depends(SessionLocal)` and `Depends(Session)`, and their calls inside `Depends(...)`. A
    registry (`scoped_session`) is left alone: its session is removed by a teardown.

    ## Why is this bad?
    The framework calls the factory for each request and hands the session over, but it closes only
    what a dependency yields. Nothing closes this session; its connection goes back to the pool when
    the garbage collector finds it. Worse, FastAPI reads the parameters of what it calls, and offers
    those of the factory to the outside as query parameters: of a `sessionmaker` that is `local_kw`,
    without which each request is answered with 422.

    ## Example
    ```python
    from fastapi import APIRouter, Depends
    from sqlalchemy.orm import Session

    from core.database import SessionLocal

    router = APIRouter()


    @router.get("/agents")
    def list_agents(db: Session = Depends(SessionLocal)):  # DBS403
        return db.query(Agent).all()
    ```

    ## Use instead
    As for [DBS402](DBS402.md).

    ## Fix safety
    The fix injects the house's dependency, and imports it as the factory was imported. It is safe
    where the dependency is found, opens its sessions from the same factory and does not commit
    them. A dependency of the other kind, asynchronous or not, leaves the place as it is.

    Kinds of doubt: `commit`, `patched`.

    ## Options
    - `factories`: further names that are factories
    - `layers`: the `use` of a layer whose `style` is `dependency` names the house's dependency

    ## References
    - [FastAPI: dependencies with yield](https://fastapi.tiangolo.com/tutorial/dependencies/dependencies-with-yield/)
    """

    code = "DBS403"
    name = "factory-as-dependency"
    fact = Injection

    def check(self, fact: Injection, context: Context) -> Iterator[Violation]:
        """Report factories and session classes given to the framework."""
        if fact.known is not None and opens_by_itself(fact):
            written = f"{ast.unparse(fact.node.func)}({ast.unparse(fact.handed)})"
            yield self.violation(
                fact.node,
                f"`{written}` injects a session that nothing closes after the request; "
                f"use {injected(_place(fact.known, fact, context), context)}",
            )


def _place(known: RoleValue, injection: Injection, context: Context) -> OpeningPlace:
    """Tell what is opened, and from which factory: ``SessionLocal`` of ``SessionLocal()``."""
    handed = injection.handed
    factory = handed.func if isinstance(handed, ast.Call) else handed
    return OpeningPlace(known, context.file.module.scope, factory=factory)


def opens_by_itself(injection: Injection) -> bool:
    """Tell whether what is injected is a session factory or class, called or not."""
    known = injection.known
    if known is None or known.resource is not Resource.SESSION:
        return False
    return known.role in _OPENERS or (known.role is Role.OPENED and known.source in _OPENERS)
