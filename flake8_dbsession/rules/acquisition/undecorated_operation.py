"""DBS108."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.facts.acquisition.openings import Opening
from flake8_dbsession.analysis.names.scopes import Scope
from flake8_dbsession.policy.model import Level
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.registry import register


@register
class UndecoratedOperation(Rule[Opening]):
    """A function that opens a session does not carry the layer's decorator.

    ## What it does
    Reports a function that opens a session, by hand or from the provider, in a layer whose policy
    names a `decorator` for such work, where neither the function nor one around it carries that
    decorator. Each function is reported once. Silent in the modules that own the project's
    sessions, and in providers and dependencies. No preset names a decorator.

    ## Why is this bad?
    The house's decorator turns database errors into its own responses, logs and retries. A function
    without it fails in its own way.

    ## Example
    ```python
    from core.database import get_db_session


    def rename(agent_id, name):  # DBS108
        with get_db_session() as db:
            db.get(Agent, agent_id).name = name
    ```

    ## Use instead
    ```python
    from core.base_routes import safe_db_operation
    from core.database import get_db_session


    @safe_db_operation
    def rename(agent_id, name):
        with get_db_session() as db:
            db.get(Agent, agent_id).name = name
    ```

    A decorated function that returns the object itself (`return agent`) returns an expired one,
    since the provider commits when its block ends; return its values instead.

    ## Options
    - `layers`: `decorator` is what a layer's operations carry

    ```toml
    [[layers]]
    name = "services"
    paths = ["app/"]
    use = "core.database:get_db_session"
    decorator = "safe_db_operation"
    ```

    ## References
    - The policy of the project is the source: it names the decorator.
    - [SQLAlchemy: committing](https://docs.sqlalchemy.org/en/20/orm/session_basics.html#committing)
      expires the objects of a session.
    """

    code = "DBS108"
    name = "undecorated-operation"
    fact = Opening
    level = Level.WARNING

    def check(self, fact: Opening, context: Context) -> Iterator[Violation]:
        """Report the first opening of each function without the decorator."""
        decorator = context.layer.decorator if context.layer else None
        if decorator is None or context.may_open(fact.scope, fact.known):
            return
        functions = list(_functions_around(fact.scope))
        if not functions or not _is_first(fact, context):
            return
        name = decorator.rpartition(".")[2]
        if not any(_carries(function, name, context) for function in functions):
            node = functions[0].node
            assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            yield self.violation(
                node,
                f"`{node.name}` opens a session without `@{name}`, which the policy requires here; "
                "decorate the function with it",
            )


def _functions_around(scope: Scope | None) -> Iterator[Scope]:
    """Give the scopes of the functions around a scope, innermost first, lambdas left out."""
    while scope is not None:
        if isinstance(scope.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield scope
        scope = scope.parent


def _is_first(opening: Opening, context: Context) -> bool:
    """Tell whether no earlier opening stands in the same function."""
    function = next(_functions_around(opening.scope))
    for other in context.file.facts(Opening):
        if next(_functions_around(other.scope), None) is function:
            return other is opening
    return False


def _carries(function: Scope, name: str, context: Context) -> bool:
    """Tell whether a function carries the decorator of that name, also under an alias."""
    assert function.parent is not None
    for decorator in getattr(function.node, "decorator_list", ()):
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        names = context.file.names(called, function.parent)
        if any(each.rpartition(".")[2] == name for each in names):
            return True
    return False
