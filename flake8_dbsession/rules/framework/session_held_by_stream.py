"""DBS410."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.facts.framework.streams import Stream
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.registry import register
from flake8_dbsession.rules.scope.wording import own_session


@register
class SessionHeldByStream(Rule[Stream]):
    """A streaming response keeps a request's session, and its connection, until it has been read.

    ## What it does
    Reports the `return` of a `StreamingResponse` or `EventSourceResponse` in a request handler that
    has a session injected (`Depends(get_db)`), where the response's body is a generator of the
    project, and either a statement has run on the session and nothing has ended its transaction
    before the return, or the generator itself works on the session: one that it is given and
    iterates over counts as well, and so does a method of an object that is made with the session
    (`Lines(db).stream()`). A body that is finished already
    (`BytesIO`, a list) is left alone, and so is a generator that commits or closes the session
    itself, or hands it on to one that does, and one that does not use the session where FastAPI has
    closed it by then: under `Depends(..., scope="function")`, and where the requirements or a lock
    file allow FastAPI 0.106 to 0.117 only. So is a generator that yields a few values at once,
    without an `await`, a loop over more than is written out, or a call that may do anything but
    compute them: it holds the connection no longer than any other answer.

    ## Why is this bad?
    FastAPI ends a dependency when the response has been sent, and a stream is sent for as long as
    the client reads. Till then the session's connection is out of the pool; so is that of a session
    of the generator's own, which is not reported, where it yields inside of its block. As many open
    event streams as the pool has connections, and every other request waits, and fails when its
    time is up. Where FastAPI ends the dependency before the response, the generator works on a
    closed session: it silently takes a new connection, which nothing gives back.

    After a commit the generator would load the attributes of an object again that the session has
    loaded for it, and so take a connection for as long again: a close only detaches the object.

    There is no fix: which part of the work belongs before the stream is for the author to say.

    ## Example
    ```python
    from core.database import get_db
    from fastapi import APIRouter, Depends
    from fastapi.responses import StreamingResponse
    from sqlalchemy import text
    from sqlalchemy.orm import Session

    router = APIRouter()


    @router.get("/items")
    def items(db: Session = Depends(get_db)):
        def lines():
            for name in db.execute(text("SELECT name FROM items")).scalars():
                yield f"{name}\\n"

        return StreamingResponse(lines())  # DBS410


    @router.get("/ticks")
    def ticks(db: Session = Depends(get_db)):
        number = db.execute(text("SELECT count(*) FROM items")).scalar()

        def lines():
            while not stopped():
                yield f"{number}\\n"

        return StreamingResponse(lines())  # DBS410
    ```

    ## Use instead
    ```python
    from core.database import get_db, get_db_session
    from fastapi import APIRouter, Depends
    from fastapi.responses import StreamingResponse
    from sqlalchemy import text
    from sqlalchemy.orm import Session

    router = APIRouter()


    @router.get("/items")
    def items():
        def lines():
            with get_db_session() as db:
                names = db.execute(text("SELECT name FROM items")).scalars().all()
            for name in names:
                yield f"{name}\\n"

        return StreamingResponse(lines())


    @router.get("/ticks")
    def ticks(db: Session = Depends(get_db)):
        number = db.execute(text("SELECT count(*) FROM items")).scalar()
        db.commit()

        def lines():
            while not stopped():
                yield f"{number}\\n"

        return StreamingResponse(lines())
    ```

    ## Options
    - `layers`: what each part of the project uses to open a session

    ## References
    - [FastAPI: dependencies with yield, early exit and scope](https://fastapi.tiangolo.com/tutorial/dependencies/dependencies-with-yield/#early-exit-and-scope)
    - [FastAPI: dependencies with yield and StreamingResponse](https://fastapi.tiangolo.com/advanced/advanced-dependencies/#dependencies-with-yield-and-streamingresponse-technical-details)
    """

    code = "DBS410"
    name = "session-held-by-stream"
    fact = Stream

    def check(self, fact: Stream, context: Context) -> Iterator[Violation]:
        """Report streaming responses that keep a session."""
        response, session = ast.unparse(fact.response.func), fact.session
        own = own_session(fact.known, session, fact.scope, context)
        way_out = f"open a session inside the generator{own}, and leave its block before you yield"
        if fact.worker:
            way_out = (
                f"let `{fact.worker}` open a session{own}, and leave its block before it yields"
            )
        if fact.ends_early:
            problem = f"works on `{session}`, which FastAPI has closed by then"
        elif fact.uses_session:
            problem = f"keeps `{session}` and its connection until the client has read it all"
            if fact.is_held:
                way_out = f"{_ending(fact)}, {way_out}"
        else:
            problem = f"keeps the connection of `{session}` until the client has read it all"
            way_out = _ending(fact)
        yield self.violation(fact.node, f"the stream of `{response}` {problem}; {way_out}")


def _ending(fact: Stream) -> str:
    """Say how the handler gives its connection back before it returns the stream."""
    call = f"{'await ' if fact.known.is_async else ''}{fact.session}"
    if fact.read and fact.known.keeps_loaded is not True:
        expires = f"`commit()` expires `{fact.read}`, which the generator reads"
        return f"call `{call}.close()` before ({expires})"
    return f"call `{call}.commit()` or `{call}.close()` before"
