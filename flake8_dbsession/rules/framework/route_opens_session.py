"""DBS401."""

from __future__ import annotations

from collections.abc import Iterator

from flake8_dbsession.analysis.facts.acquisition.openings import Opening
from flake8_dbsession.analysis.facts.framework.handlers import enclosing_handler, framework_of
from flake8_dbsession.analysis.facts.framework.streams import returns_stream
from flake8_dbsession.analysis.names.inference import bound_to
from flake8_dbsession.house.advice import Advice, place_of
from flake8_dbsession.house.model import OpeningPlace
from flake8_dbsession.policy.model import Layer, Level, Style
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.framework.wording import house_dependency, injected_here
from flake8_dbsession.rules.registry import register


@register
class RouteOpensSession(Rule[Opening]):
    """A request handler opens a session of its own where one would be injected.

    ## What it does
    Reports a session that a request handler opens, by a factory, a session class, an accessor or a
    provider's `with` block, in a layer whose pattern is injection (`style = "dependency"`) or the
    request's own session (`style = "request"`). Websocket handlers are left alone, since they
    outlive a request, and so are functions nested in a handler, which may run after it, and
    handlers that return a stream, which would hold an injected session till it ends
    ([DBS410](DBS410.md)). A handler that was given a session is [DBS406](DBS406.md)'s. What is
    opened with arguments, or from a factory that is got by a call with arguments, such as one for a
    tenant, is left alone too, unless the dependency is seen to open from the same factory.

    Without a policy of your own, the layer is the `standard` preset's `routes`. Flask's handlers
    are left alone then, and so are those of a project in which nothing is injected: where the file
    itself has no `Depends` of a session, no dependency stands beside the factory, and no other file
    injects one that opens from it. So is a handler that waits for anything else after the session's
    block: an injected session would keep its connection over that. Of several dependencies the one
    that the file injects already is named, then the one that the project injects most.

    ## Why is this bad?
    Tests replace an injected session by overriding the dependency, and a dependency that several
    parts of a request ask for is opened once. A session that a handler opens for itself escapes
    both: it does not see what the rest of the request has not committed yet, and takes a second
    connection from the pool while it waits.

    ## Example
    ```python
    from fastapi import APIRouter

    from core.database import SessionLocal

    router = APIRouter()


    @router.delete("/agents/{agent_id}")
    def delete_agent(agent_id: str):
        db = SessionLocal()  # DBS401
        try:
            db.delete(db.get(Agent, agent_id))
            db.commit()
        finally:
            db.close()
    ```

    ## Use instead
    ```python
    from fastapi import APIRouter, Depends
    from sqlalchemy.orm import Session

    from core.database import get_db

    router = APIRouter()


    @router.delete("/agents/{agent_id}")
    def delete_agent(agent_id: str, db: Session = Depends(get_db)):
        db.delete(db.get(Agent, agent_id))
        db.commit()
    ```

    ## Fix safety
    The fix makes the session a parameter of the handler, written as other handlers of the file have
    it, and takes the opening, the block and the closes away. A handler that other code names as
    well is left, and so is one that opens the session in a loop, or more than one. The fix is safe
    where the dependency opens its sessions from the same factory, commits nothing that the handler
    leaves uncommitted, and where it makes no difference that the session stays open to the end of
    the request: no loaded object leaves the handler, and nothing that takes time comes after the
    session's use. It is unsafe where a dependency of the handler, of its decorator or its router
    has the same session, unless all of them only read, and under a decorator that may not pass a
    new parameter on. A module that only the handler imports is imported at the top, unless it may
    import this file by then.

    In a layer whose sessions are the request's own, the fix is that of [DBS101](DBS101.md) and
    [DBS102](DBS102.md).

    Kinds of doubt: `commit`, `expire`, `patched`, `helper`, `comment`, `error-path`.

    ## Options
    - `layers`: which files hold the request handlers, and what gives them their session

    ```toml
    [[layers]]
    name = "routes"
    paths = ["app/**"]
    use = "core.database:get_db"
    style = "dependency"
    ```

    ## References
    - [FastAPI: dependencies with yield](https://fastapi.tiangolo.com/tutorial/dependencies/dependencies-with-yield/)
    """

    code = "DBS401"
    name = "route-opens-session"
    fact = Opening
    level = Level.WARNING

    def check(self, fact: Opening, context: Context) -> Iterator[Violation]:
        """Report sessions opened in the own bodies of request handlers."""
        layer = context.layer
        if fact.given or layer is None or layer.use is None or layer.style is Style.CONTEXT:
            return
        way_out = _way_out(fact, layer, context)
        if way_out is not None and _is_handled_by(fact, layer, context):
            yield self.violation(
                fact.node,
                f"`{fact.text}` opens a session in a request handler, where the framework can give "
                f"it one and close it; use {way_out}",
            )


def _is_handled_by(opening: Opening, layer: Layer, context: Context) -> bool:
    """Tell whether a handler opens the session, of a framework that the layer's pattern is for."""
    inference = context.file.inference
    handler = enclosing_handler(opening.scope, inference)
    function = opening.scope.function()
    if handler is None or function is None or function.parent is None:
        return False
    if returns_stream(function, inference):
        return False
    if context.house.is_meant(layer):
        return True
    if context.house.outlasts(opening.node, opening.scope):
        return False
    return framework_of(handler, function.parent, inference) in ("fastapi", None)


def _way_out(opening: Opening, layer: Layer, context: Context) -> str | None:
    """Spell the pattern that handlers are held to; None where nobody chose or follows one."""
    place = _place(opening, context)
    own = context.house.own(place)
    if context.house.is_meant(layer) and own is not None:
        return Advice(own, own.written(place.name)).words
    dependency = injected_here(place, context) or house_dependency(place, context)
    return f"the parameter `{place.name} = Depends({dependency})`" if dependency else None


def _place(opening: Opening, context: Context) -> OpeningPlace:
    """Tell what is opened, from which factory or by which provider, and under which name."""
    opened, call = context.acquisition_of(opening.node), opening.node
    if opened is None:
        is_special = bool(call.args or call.keywords)
        return OpeningPlace(opening.known, opening.scope, factory=call.func, is_special=is_special)
    place = place_of(opened, context.file.inference)
    bound = bound_to(call) if any(each.arg == "bind" for each in call.keywords) else place.factory
    # What is injected need not commit as the opening's own block does.
    return place._replace(factory=bound, opened=None)
