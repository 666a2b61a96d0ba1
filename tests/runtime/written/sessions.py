"""Sessions, synchronous. A leak has the mark on the line that is to be named."""

import contextlib
import gc

from database import SessionLocal, engine, get_db, get_db_session, open_session, registry
from sqlalchemy import text
from sqlalchemy.orm import Session

QUERY = text("select 1")
WRITE = text("insert into notes values ('a')")


def never_closed():
    db = SessionLocal()  # leaks
    return db.execute(QUERY).scalar()


def block():
    with SessionLocal() as db:
        return db.execute(QUERY).scalar()


def closed_in_finally():
    db = SessionLocal()
    try:
        return db.execute(QUERY).scalar()
    finally:
        db.close()


def not_closed_where_it_raises():
    db = SessionLocal()  # leaks
    if db.execute(QUERY).scalar():
        raise ValueError("one row too many")
    db.close()


def closed_where_it_raises():
    db = SessionLocal()
    try:
        if db.execute(QUERY).scalar():
            raise ValueError("one row too many")
    finally:
        db.close()


def returned_early():
    db = SessionLocal()  # leaks
    row = db.execute(QUERY).scalar()
    if row:
        return row
    db.close()
    return None


def dropped():
    return SessionLocal().execute(QUERY).scalar()  # leaks


def session_of_the_engine():
    db = Session(engine)  # leaks
    db.execute(QUERY)


def never_used():
    db = SessionLocal()
    return db is not None


def committed_and_not_closed():
    db = SessionLocal()  # linter only: a commit gave the connection back
    db.execute(QUERY)
    db.commit()


def used_after_close():
    db = SessionLocal()  # leaks, twin only: the linter names the use below
    db.execute(QUERY)
    db.close()
    db.execute(QUERY)  # linter only: it names the use, the twin the session


def closed_again_after_use():
    db = SessionLocal()  # linter only: nothing raised in this run
    db.execute(QUERY)
    db.close()
    db.execute(QUERY)
    db.close()


def provider():
    with get_db_session() as db:
        db.execute(QUERY)


def provider_that_raises():
    with get_db_session() as db:
        db.execute(QUERY)
        raise ValueError("on its way out")


def accessor():
    db = open_session()  # leaks
    db.execute(QUERY)


def accessor_closed():
    with open_session() as db:
        db.execute(QUERY)


def dependency_driven_by_hand():
    db = next(get_db())  # leaks
    db.execute(QUERY)


def dependency_driven_to_its_end():
    for db in get_db():  # linter only: a loop drives it to its end
        db.execute(QUERY)


def exit_stack():
    with contextlib.ExitStack() as stack:
        stack.enter_context(SessionLocal()).execute(QUERY)


def handed_to_a_stack_too_late():
    with contextlib.ExitStack() as stack:
        db = SessionLocal()  # leaks
        db.execute(QUERY)
        raise ValueError("before it was handed on")
        stack.enter_context(db)


def registry_removed():
    registry().execute(QUERY)
    registry.remove()


def in_a_cycle():
    db = SessionLocal()  # leaks
    db.execute(QUERY)
    ring = [db]
    ring.append(ring)
    del db, ring
    gc.collect()


def begun_in_a_block():
    with SessionLocal.begin() as db:
        db.execute(QUERY)


def connection_of_the_engine():
    connection = engine.connect()  # leaks
    connection.execute(QUERY)


def connection_in_a_block():
    with engine.connect() as connection:
        connection.execute(QUERY)


def transaction_of_the_engine():
    with engine.begin() as connection:
        connection.execute(QUERY)


def session_over_a_connection():
    with engine.connect() as connection:
        db = Session(bind=connection)
        db.execute(QUERY)


class Repository:
    def __init__(self):
        self.db = SessionLocal()  # leaks

    def count(self):
        return self.db.execute(QUERY).scalar()


def held_by_an_object():
    Repository().count()
