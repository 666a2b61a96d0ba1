"""DBS407."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.facts.framework.request_sessions import RequestSession
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.registry import register


@register
class RequestSessionWithoutTeardown(Rule[RequestSession]):
    """A session of a request, or of a long-lived thread, is closed by nothing when that is done.

    ## What it does
    Reports a new session that is kept on flask's `g`, and the first use of a registry
    (`scoped_session`) in a request handler, by itself, by a function of the project that returns
    its session or by `Depends` of that, where nothing in the project may be the teardown. That is a
    search over the text of the project's Python files, its tests left out: a `teardown_appcontext`,
    `teardown_request` or `after_request` handler, a teardown signal, a registry's `.remove()`, a
    close of what `g` keeps, Flask-SQLAlchemy, or any extension's `init_app`. A handler that closes
    the registry's session itself is left alone. A project of more than ten thousand files is not
    searched, and nothing is reported in it. The first use of a registry is reported as well in a
    function that a long-lived thread runs (an executor's, `to_thread`, one that loops), where
    nothing in it, or in what it calls, ends the transaction.

    ## Why is this bad?
    The session outlives its request together with its connection. One from a registry is worse: the
    next request that the same thread serves gets it, with the objects and the half-done transaction
    of the request before.

    ## Example
    ```python
    from flask import Flask, g
    from sqlalchemy import create_engine
    from sqlalchemy.orm import sessionmaker

    app = Flask(__name__)
    SessionLocal = sessionmaker(create_engine("sqlite:///agents.db"))


    def get_request_db_session():
        if "db" not in g:
            g.db = SessionLocal()  # DBS407
        return g.db
    ```

    ## Use instead
    ```python
    from flask import Flask, g
    from sqlalchemy import create_engine
    from sqlalchemy.orm import sessionmaker

    app = Flask(__name__)
    SessionLocal = sessionmaker(create_engine("sqlite:///agents.db"))


    def get_request_db_session():
        if "db" not in g:
            g.db = SessionLocal()
        return g.db


    @app.teardown_appcontext
    def close_request_db_session(error):
        db = g.pop("db", None)
        if db is not None:
            db.close()
    ```

    ## Options
    - `factories`: further names that are factories

    ## References
    - [Flask: storing data in the application context](https://flask.palletsprojects.com/en/stable/appcontext/#storing-data)
    - [SQLAlchemy: using thread-local scope with web applications](https://docs.sqlalchemy.org/en/20/orm/contextual.html#using-thread-local-scope-with-web-applications)
    """

    code = "DBS407"
    name = "request-session-without-teardown"
    fact = RequestSession

    def check(self, fact: RequestSession, context: Context) -> Iterator[Violation]:
        """Report sessions of requests that no teardown can end."""
        if fact.is_torn_down:
            return
        written = ast.unparse(fact.node)
        if fact.thread:
            message = (
                f"`{written}` begins a transaction that stays open in the thread of "
                f"`{fact.thread}`, which lives on; call `{fact.registry}.remove()` in a `finally`"
            )
        elif fact.registry:
            message = (
                f"`{written}` takes a session that nothing in the project removes when the request "
                f"ends; call `{fact.registry}.remove()` in a teardown"
            )
        else:
            message = (
                f"`{written}` is kept on `g` and nothing in the project closes it; "
                "close it in an `@app.teardown_appcontext` handler"
            )
        yield self.violation(fact.node, message)
