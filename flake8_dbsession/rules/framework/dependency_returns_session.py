"""DBS405."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.facts.framework.injections import Injection
from flake8_dbsession.analysis.facts.framework.returned_sessions import ReturnedSession
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.framework.factory_as_dependency import opens_by_itself
from flake8_dbsession.rules.framework.wording import noun
from flake8_dbsession.rules.registry import register


@register
class DependencyReturnsSession(Rule[ReturnedSession]):
    """A dependency returns a new session instead of yielding it.

    ## What it does
    Reports a function that is given to `Depends`, wherever in the project, and returns a new
    session or connection: once, at the `return`. A `lambda` is reported at the `Depends` that holds
    it, as is a function that goes by another name there. A function that keeps the session
    somewhere (`request.state.db = db`), caches it, or registers its `close` is left alone.

    ## Why is this bad?
    A framework closes only what a dependency yields. A returned session is never closed, or, where
    a `with` block or a `finally` of the dependency does it, closed before the handler gets it: its
    first use then quietly opens a new transaction that nothing ends.

    ## Example
    ```python
    from fastapi import Depends, FastAPI
    from sqlalchemy.orm import Session

    app = FastAPI()


    def get_db():
        db = SessionLocal()
        return db  # DBS405


    @app.get("/agents")
    def list_agents(db: Session = Depends(get_db)):
        return db.query(Agent).all()
    ```

    ## Use instead
    ```python
    from fastapi import Depends, FastAPI
    from sqlalchemy.orm import Session

    app = FastAPI()


    def get_db():
        db = SessionLocal()
        try:
            yield db
        finally:
            db.close()


    @app.get("/agents")
    def list_agents(db: Session = Depends(get_db)):
        return db.query(Agent).all()
    ```

    ## Fix safety
    The fix yields the session in the place of the `return`, and closes it in a `finally`; where a
    block of the function closes it already, it only yields. It is safe, and made only where the
    function stands in the file and the whole project does nothing with it but inject it: whoever
    calls it would get a generator. Decorators and several returns leave it as it is.

    ## Options
    None.

    ## References
    - [FastAPI: dependencies with yield](https://fastapi.tiangolo.com/tutorial/dependencies/dependencies-with-yield/)
    """

    code = "DBS405"
    name = "dependency-returns-session"
    fact = ReturnedSession

    def check(self, fact: ReturnedSession, context: Context) -> Iterator[Violation]:
        """Report where the session is returned, or injected where that does not tell."""
        if fact.injection is None:
            yield self.violation(fact.returned.node, _at_return(fact))
        elif not opens_by_itself(fact.injection):
            yield self.violation(fact.injection.node, _at_injection(fact, fact.injection))


def _at_injection(fact: ReturnedSession, injection: Injection) -> str:
    handed = ast.unparse(fact.handed)
    return (
        f"`{ast.unparse(injection.node.func)}({handed})` injects a {noun(fact.returned.known)} "
        "that is returned, not yielded, so that the framework does not close it after use; "
        f"use {'a dependency' if handed.startswith('lambda') else f'a `{handed}`'} that yields it"
    )


def _at_return(fact: ReturnedSession) -> str:
    returned = fact.returned
    return (
        f"`{ast.unparse(returned.node)}` hands a {noun(returned.known)} to the framework, which "
        f"closes only what `{ast.unparse(fact.handed)}` yields; yield it, and close it after"
    )
