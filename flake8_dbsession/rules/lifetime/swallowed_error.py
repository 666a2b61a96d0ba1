"""DBS308."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.facts.lifetime.swallowed_errors import SwallowedError
from flake8_dbsession.analysis.facts.lifetime.undone_work import Undone
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.registry import register


@register
class SwallowedErrorWithoutRollback(Rule[SwallowedError]):
    """A handler swallows a database error, and the session goes on without a rollback.

    ## What it does
    Reports an `except` that catches errors of a session's own work (`commit`, `flush`, `execute`,
    `query`, `get`, ...), or of a function of the project that is given the session, does such work
    by it and lets its errors pass (a rollback in it counts for what its own `try` does alone), and
    neither rolls back nor leaves the function, where the session lives on: it is worked with again,
    a provider commits it, or it belongs to the caller or to an object. A method counts as such a
    function where its object is made with the session (`Users(db).add(row)`), is the function's
    own, or is kept by that and made with the same session: by the constructor, or by all calls of
    the constructor in sight.

    A handler that returns leaves the function; it counts where the end of a provider's block, or of
    a dependency, commits after a failed flush or commit, and where a caller that gave the session,
    or another method of the object, works on with it: after nothing or what is false, on the ways
    that are taken then; after another answer, before a condition or a function of the project looks
    at it. A test of another file is no caller. A framework that gives a session (to a dependency, a
    decorated function or a test) ends it itself, but not before a route, or another dependency, has
    worked on with what it was given along with a dependency; and so may what the project has that
    removes a registry's session. What is caught counts as the database's where it is everything,
    `Exception`, or an error of SQLAlchemy that leaves a transaction to be rolled back;
    `NoResultFound`, `MultipleResultsFound` and others do not. A `try` around `begin_nested()` or
    `begin()` is silent, for their block rolls back, and so is a way out of the handler that leaves
    such a block, a handler that gives the session to a function that is not seen to work with it,
    and a function that keeps what `begin()` gives, to end the transaction by. A function of the
    project that is given the session and rolls it back or closes it at the end of its `with` block
    counts as a rollback. Silent as well: a function whose callers in sight close or roll back the
    session right after it; and the commit of a provider or a dependency, or one right after the
    handler, after a failed statement where nothing was written before, and nothing is changed until
    then, or after all that was written where the provider swallows its own commit's error. So is a
    function all of whose callers in the project are in sight, where each goes on without the
    session and without a look at its objects, which a failed flush has expired, until a block or a
    framework closes it that commits nothing.

    A failed `flush()` or `commit()` is reported for every database, and so is a query that flushes
    what earlier iterations of its loop have added; another failed statement only
    where the database is known to be PostgreSQL: by the engine's URL, or, where that is not found,
    by those of all the project's engines; else by a URL with a driver of PostgreSQL, or by
    requirements that name such a driver and no other, in a project without the URL of another
    database. Tests, comments, docstrings, databases in memory and what is required for tests and
    development alone do not count.

    A handler is reported as well that itself works with the session before it rolls back, or has
    such a function do so, or one that is defined beside it, whether or not it raises in the end,
    but for what it does only after a look at the error (`if "401" in str(error)`). What a function
    only does where `asyncio.get_running_loop()` raises is no work of an asynchronous caller.

    Where a rollback would undo more than what failed (iterations of a loop that are committed
    together, objects that an asynchronous session loaded for the next one, the work of a caller who
    gave the session or of an object's other methods, the function's own uncommitted changes or a
    row lock from before the `try`), the message names a savepoint; and nothing is reported where
    the `try` may end that savepoint: by a commit, or by a call that is given the session and cannot
    be followed, or, where a registry or Flask-SQLAlchemy's `db.session` has the session for all, by
    a function of the project that commits. Of a loop that commits in some of its iterations, or in
    the `try`, the message asks to commit each, or names the line above that is to be committed.
    Where a helper in the `try` commits on some of its ways alone, and with them what others have
    done by the session, the savepoint begins after its line, if more work comes there. Of an
    object's session, where other work of the `try` can fail while the session is well, it asks for
    a `try` around the commit alone. Inside `with session.begin():`, where a session takes no more
    work after a rollback, it is always a savepoint. A savepoint begins with a flush of its own:
    what was added before a `try` that only flushes it has to move into the block, and the message
    names its line; a `begin_nested()` that comes too late so is reported as well. What was added
    right before another `try` is to be flushed before it, and what an asynchronous session's
    savepoint changes, or its rollback expires, and the code reads after that is to be loaded again.

    ## Why is this bad?
    After a failed flush or commit the session raises PendingRollbackError whatever it is asked,
    until it is rolled back; that holds for every database and for SQLAlchemy 1.4 and 2. After
    another failed statement PostgreSQL refuses all others of the transaction, and its COMMIT saves
    nothing, without an error. The error that is seen in the end is a later, harmless line's.

    ## Example
    ```python
    from sqlalchemy.orm import Session


    def save_all(db: Session, agents):
        for agent in agents:
            db.add(agent)
            try:
                db.commit()
            except Exception:  # DBS308
                print("not saved:", agent.name)
    ```

    ## Use instead
    ```python
    from sqlalchemy.orm import Session


    def save_all(db: Session, agents):
        for agent in agents:
            db.add(agent)
            try:
                db.commit()
            except Exception:
                db.rollback()
                print("not saved:", agent.name)
    ```

    Where the batch is committed together, a savepoint keeps what earlier iterations did:

    ```python
    from sqlalchemy.orm import Session


    def save_all_that_fit(db: Session, agents):
        for agent in agents:
            try:
                with db.begin_nested():
                    db.add(agent)
            except Exception:
                print("not saved:", agent.name)
        db.commit()
    ```

    On SQLite savepoints need [two event hooks](https://docs.sqlalchemy.org/en/20/dialects/sqlite.html#pysqlite-serializable)
    for the driver's own transactions; without them a savepoint's end may commit.

    ## Fix safety
    The fix rolls back at the beginning of the handler; where that would undo earlier work, or
    release a lock, it puts what the `try` does in `begin_nested()`. It is unsafe: what was loaded
    before the error is expired after a rollback, and a savepoint undoes what else the `try` did.
    Where something has to be committed first, or moved into the block, that is left to be done by
    hand.

    ## References
    - [SQLAlchemy: flushing](https://docs.sqlalchemy.org/en/20/orm/session_basics.html#flushing)
      says why a failed flush needs a rollback.
    - [PostgreSQL: in_failed_sql_transaction](https://www.postgresql.org/docs/current/errcodes-appendix.html)
    - [SQLite: ON CONFLICT](https://www.sqlite.org/lang_conflict.html), whose default undoes the
      failed statement alone, as [InnoDB does but for deadlocks](https://dev.mysql.com/doc/refman/8.4/en/innodb-error-handling.html)
    - [SQLAlchemy: using SAVEPOINT](https://docs.sqlalchemy.org/en/20/orm/session_transaction.html#using-savepoint)
    """

    code = "DBS308"
    name = "swallowed-error-without-rollback"
    fact = SwallowedError

    def check(self, fact: SwallowedError, context: Context) -> Iterator[Violation]:
        """Report handlers that go on with a failed transaction."""
        classes = f" {ast.unparse(fact.node.type)}" if fact.node.type is not None else ""
        fault = f"swallows an error of `{fact.work}`, after which {_refusal(fact)}"
        if fact.is_retried:
            fault = f"works with `{fact.session}` after `{fact.work}` has failed, and so fails too"
        yield self.violation(fact.node, f"`except{classes}` {fault}; {_way_out(fact)}")


def _refusal(fact: SwallowedError) -> str:
    """Say who takes no more work after what failed: the session, or the database."""
    if fact.is_flush:
        return "the session refuses all work"
    return "a PostgreSQL transaction refuses all work and saves nothing"


def _way_out(fact: SwallowedError) -> str:
    """Say how to end what failed: with a rollback, unless that ends more than that."""
    waiting = "await " if fact.is_async else ""
    rollback = f"`{waiting}{fact.session}.rollback()` in it"
    # A rollback expires what was loaded, and to read that would be I/O outside of an await.
    again = ", and load again what is read after it" if fact.is_read_again else ""
    if fact.undone is None:
        return f"call {rollback}{again}"
    if fact.undone is Undone.OTHERS:
        commit = f"`{waiting}{fact.session}.commit()`"
        flush = f", and the flush of line {fact.flushed}," if fact.flushed else ""
        own = "a `try` of its own whose handler rolls back, and so undoes no more"
        return f"give {commit}{flush} {own}"
    if fact.undone is Undone.UNCOMMITTED:
        before = f"for a rollback may undo line {fact.before} as well"
        commit = f"`{waiting}{fact.session}.commit()` before the `try`"
        return f"call {commit}, {before}, and {rollback}{again}"
    if fact.undone is Undone.BATCH:
        before = "commit each iteration's work, for a rollback undoes what is not committed"
        return f"{before}, and call {rollback}{again}"
    return f"{_savepoint(fact)}{_reason(fact)}{_refresh(fact)}"


def _savepoint(fact: SwallowedError) -> str:
    """Say what to put into a savepoint, and what comes before it."""
    waiting, keyword = ("await ", "async with") if fact.is_async else ("", "with")
    work = "what the `try` does"
    if fact.after:
        work += f" after line {fact.after}, which may commit,"
    if fact.added:
        work += f", line {fact.added} as well,"
    savepoint = f"put {work} in `{keyword} {fact.session}.begin_nested():`"
    if fact.unflushed and not (fact.added or fact.after):
        flush = f"`{waiting}{fact.session}.flush()` before the `try`"
        return f"call {flush}, for line {fact.unflushed}, and {savepoint}"
    return savepoint


def _reason(fact: SwallowedError) -> str:
    """Say what a rollback would undo that stands in the function."""
    if fact.undone is Undone.OWN:
        return f", for a rollback may undo line {fact.before} as well"
    if fact.undone is Undone.LOCK:
        return f", for a rollback would release the lock of line {fact.before}"
    return ""


def _refresh(fact: SwallowedError) -> str:
    """Say what to load again where a savepoint has failed: I/O outside of an await reads it not."""
    if not fact.expired:
        return ""
    return f", and call `await {fact.session}.refresh({fact.expired})` in the handler"
