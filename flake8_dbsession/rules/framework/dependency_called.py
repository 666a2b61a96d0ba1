"""DBS402."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.facts.framework.injections import Injection
from flake8_dbsession.analysis.names.scopes import last_segment
from flake8_dbsession.analysis.names.values import Role
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.framework.factory_as_dependency import opens_by_itself
from flake8_dbsession.rules.framework.wording import dependency_names
from flake8_dbsession.rules.registry import register

_RESULTS = frozenset({Role.GENERATOR, Role.MANAGER, Role.OPENED, Role.LENT})


@register
class DependencyCalled(Rule[Injection]):
    """A dependency is called where it should be named.

    ## What it does
    Reports `Depends(get_db())`, wherever it stands: in a parameter's default, in `Annotated`, in an
    alias of that, in a list of `dependencies`. `Security`, and the `Depends` of other libraries,
    are read in the same way. A function that is called to make a dependency
    (`Depends(require("admin"))`) is left alone, because its result is what the framework calls. A
    dependency that cannot be found is known by the name that a layer's `use` gives it.

    ## Why is this bad?
    The call happens once, when the module is imported. The framework gets a generator where it
    expects something to call, and the route fails with "is not a callable object"; what returns a
    session outright is opened once and shared by all requests.

    ## Example
    ```python
    from fastapi import APIRouter, Depends
    from sqlalchemy.orm import Session

    from core.database import get_db

    router = APIRouter()


    @router.get("/agents")
    def list_agents(db: Session = Depends(get_db())):  # DBS402
        return db.query(Agent).all()
    ```

    ## Use instead
    ```python
    from fastapi import APIRouter, Depends
    from sqlalchemy.orm import Session

    from core.database import get_db

    router = APIRouter()


    @router.get("/agents")
    def list_agents(db: Session = Depends(get_db)):
        return db.query(Agent).all()
    ```

    ## Fix safety
    The fix takes the call's parentheses away, and is safe: what was called at import failed at the
    first request, or gave all requests one session. A call with arguments is left alone.

    ## Options
    - `layers`: the `use` of a layer whose `style` is `dependency` names a dependency

    ## References
    - [FastAPI: dependencies](https://fastapi.tiangolo.com/tutorial/dependencies/)
    """

    code = "DBS402"
    name = "dependency-called"
    fact = Injection

    def check(self, fact: Injection, context: Context) -> Iterator[Violation]:
        """Report dependencies that are called instead of named."""
        if not isinstance(fact.handed, ast.Call) or opens_by_itself(fact):
            return
        if _is_result(fact) or _is_named_by_policy(fact, fact.handed, context):
            name = ast.unparse(fact.handed.func)
            injector = ast.unparse(fact.node.func)
            yield self.violation(
                fact.handed,
                f"`{injector}({name}())` calls the dependency once, at import, and all requests "
                f"share what it gives; name it without a call: `{injector}({name})`",
            )


def _is_result(injection: Injection) -> bool:
    return injection.known is not None and injection.known.role in _RESULTS


def _is_named_by_policy(injection: Injection, call: ast.Call, context: Context) -> bool:
    """Let the policy's own names decide where the function cannot be found."""
    if injection.is_found:
        return False
    names = {name.rpartition(".")[2] for name in dependency_names(context)}
    return last_segment(call.func) in names
