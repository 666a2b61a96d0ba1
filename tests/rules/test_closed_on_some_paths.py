"""DBS303: sessions that only some paths close."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases import assert_cases, lint, write_project

CODES = {"DBS302", "DBS303", "DBS304"}
HEADER = "from sqlalchemy.orm import sessionmaker\nSessionLocal = sessionmaker()\n"


def body(tmp_path: Path, text: str) -> None:
    assert_cases(tmp_path, {"service.py": HEADER + text}, CODES)


def test_paths_that_leave_without_a_close(tmp_path: Path) -> None:
    body(
        tmp_path,
        """
def raises():
    db = SessionLocal()  # DBS303
    db.query(1)
    db.close()

def returns(x):
    db = SessionLocal()  # DBS303
    try:
        db.query(1)
        if x:
            return None
        db.close()
    except Exception:
        db.close()

def opened_under_an_attribute(self):
    if self.path:
        db = SessionLocal()  # DBS303
        db.query(1)
        db.close()

def handed_on_sometimes(x):
    db = SessionLocal()  # DBS303
    db.query(1)
    return db if x else None

def before_it_is_in_the_list(urls):
    opened = []
    for url in urls:
        db = SessionLocal()  # DBS303
        db.query(url)
        opened.append(db)
    for db in opened:
        db.close()

def by_an_object_that_is_no_container(urls):
    db = SessionLocal()  # DBS302
    agents = Agents(db)
    return agents.items()

def loops(urls):
    for url in urls:
        db = SessionLocal()  # DBS303
        try:
            db.query(url)
        except ValueError:
            continue
        db.close()
""",
    )


def test_paths_that_all_close(tmp_path: Path) -> None:
    body(
        tmp_path,
        """
def in_a_finally():
    db = SessionLocal()
    try:
        return db.query(1)
    finally:
        db.close()

def none_before_the_try():
    db = None
    try:
        db = SessionLocal()
        db.query(1)
    finally:
        if db:
            db.close()

def under_a_flag_of_the_opening(given=None):
    own = False
    db = given
    if db is None:
        db = SessionLocal()
        own = True
    try:
        db.query(1)
    finally:
        if own:
            db.close()

def under_a_flag_computed_before(context):
    own = context.get("db") is None
    db = context.pop("db", None) or SessionLocal()
    try:
        db.query(1)
    finally:
        if own:
            db.close()

def under_a_flag_of_the_caller(close=True):
    db = SessionLocal()
    try:
        db.query(1)
    finally:
        if close:
            db.close()

def under_an_attribute(self):
    db = self.db or SessionLocal()
    try:
        db.query(1)
    finally:
        if not self.db:
            db.close()

def under_an_attribute_compared(self):
    db = self.db or SessionLocal()
    try:
        db.query(1)
    finally:
        if self.db is None:
            db.close()

def under_an_identity(self, fresh):
    db = self.db
    if fresh:
        db = SessionLocal()
    try:
        db.query(1)
    finally:
        if db is not self.db:
            db.close()

def in_a_list_that_a_loop_closes(urls):
    opened = []
    try:
        for url in urls:
            db = SessionLocal()
            opened.append(db)
            db.query(url)
    finally:
        for db in opened:
            db.close()

def in_a_dictionary_that_a_loop_closes(urls):
    opened = {}
    try:
        for url in urls:
            db = SessionLocal()
            opened.setdefault(url, db)
            db.query(url)
    finally:
        for each in opened.values():
            each.close()

def rolled_back_before():
    db = SessionLocal()
    try:
        db.query(1)
    finally:
        db.rollback()
        db.close()

def after_what_does_not_raise(words, key):
    db = SessionLocal()
    numbers = {"one": 1}
    number = numbers.get(key)
    name = ", ".join(words).strip()
    try:
        db.query(number, name)
    finally:
        db.close()

def under_another_name(agent):
    first = SessionLocal()
    first.add(agent)
    first.close()

def after_what_only_notes_something(agent, timeout_task):
    db = SessionLocal()
    db.add(agent)
    day = datetime.now(timezone.utc).date().isoformat()
    timeout_task.cancel()
    other = SessionLocal()
    other.close()
    db.close()
""",
    )


def test_a_helper_that_keeps_books_does_not_raise(tmp_path: Path) -> None:
    body(
        tmp_path,
        """
import logging
from datetime import datetime

import metrics

OPEN = {}

class Register:
    _opened = {}

    @classmethod
    def enter(cls, key):
        cls._opened[key] = {"at": datetime.now().timestamp()}

    @classmethod
    def leave(cls, key):
        if key in cls._opened:
            entry = cls._opened.pop(key)
            logging.info("open for %s s", datetime.now().timestamp() - entry["at"])

def forget(key):
    OPEN.pop(key)

def send(key):
    metrics.send(key)

def kept_in_books(key):
    db = SessionLocal()
    try:
        db.query(key)
    finally:
        Register.leave(key)
        db.close()

def looks_up_nothing_beforehand(key):
    db = SessionLocal()  # DBS303
    try:
        db.query(key)
    finally:
        forget(key)
        db.close()

def calls_others(key):
    db = SessionLocal()  # DBS303
    try:
        db.query(key)
    finally:
        send(key)
        db.close()
""",
    )


def test_a_small_helper_that_computes_from_what_is_there_does_not_raise(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "settings.py": "BACKEND = 'local'",
            "storage.py": """
                import settings

                def backend():
                    return getattr(settings, "BACKEND", "local")

                def size(path):
                    return open(path).tell()
            """,
            "service.py": """
                import os
                import re
                from collections.abc import Mapping
                from datetime import datetime, timedelta, timezone

                import storage
                from sqlalchemy.orm import sessionmaker

                SessionLocal = sessionmaker()
                LABELS: dict[str, str] = {"a": "b"}
                SPANS = dict(day=1)

                def now():
                    return datetime.now(timezone.utc)

                def start_of(period):
                    spans = {"24h": timedelta(hours=24), "7d": timedelta(days=7)}
                    span = spans.get(period)
                    return now() - span if span else None

                def safe(error):
                    text = str(error) or error.__class__.__name__
                    text = text.replace("secret", "***").casefold()
                    return re.sub(r"password=\\S+", "password=***", text, flags=re.IGNORECASE)

                def note(*, error=None):
                    global checked, last
                    checked = now().isoformat()
                    last = f"{safe(error):.20}" if error is not None else None

                def label(row: Mapping[str, str], key: str, extra: dict | None = None):
                    first = LABELS.get(key) or row.get("label")
                    return (extra or {}).get(key, first) if all(row) else SPANS.get(key)

                def counted(key) -> dict[str, int | None]:
                    found: dict[str, int | None] = {"key": len(key)}
                    return found

                def fetched(client, key):
                    return client.get(key)

                def found(path):
                    return storage.size(path)

                def moved(path):
                    os.replace(path, path + ".old")

                def again(depth):
                    return again(depth - 1) if depth else fetched(None, depth)

                class Audit:
                    def period(self, name):
                        return start_of(self.named(name))

                    def named(self, name):
                        return name or "7d"

                    def read(self, name, db=None):
                        own = False
                        if db is None:
                            db = SessionLocal()
                            own = True
                        start = self.period(name)
                        note(error=start)
                        try:
                            return db.query(start)
                        finally:
                            if own:
                                db.close()

                def in_another_module(path):
                    db = SessionLocal()
                    try:
                        db.query(path)
                    finally:
                        if path and storage.backend() == "s3":
                            print(path)
                        db.close()

                def in_another_module_that_raises(path):
                    db = SessionLocal()  # DBS303
                    try:
                        db.query(path)
                    finally:
                        if path and storage.size(path) == 3:
                            print(path)
                        db.close()

                def of_mappings(row, key):
                    db = SessionLocal()
                    try:
                        db.query(row)
                    finally:
                        print(label(row, key))
                        db.close()

                def of_what_an_annotation_says(key):
                    db = SessionLocal()
                    try:
                        db.query(key)
                    finally:
                        print(counted(key))
                        db.close()

                def of_who_knows_what(client, key):
                    db = SessionLocal()  # DBS303
                    try:
                        db.query(1)
                    finally:
                        fetched(client, key)
                        db.close()

                def through_a_helper(path):
                    db = SessionLocal()  # DBS303
                    try:
                        db.query(1)
                    finally:
                        found(path)
                        db.close()

                def of_files(path):
                    db = SessionLocal()  # DBS303
                    try:
                        db.query(1)
                    finally:
                        moved(path)
                        db.close()

                def in_a_circle(depth):
                    db = SessionLocal()  # DBS303
                    try:
                        db.query(1)
                    finally:
                        again(depth)
                        db.close()
            """,
        },
        CODES,
    )


def test_a_projects_own_logger_does_not_raise(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "log.py": """
                import logging

                def set_up(name):
                    return logging.getLogger(name)

                rule_logger = set_up("rules")
            """,
            "service.py": """
                import logging
                from log import rule_logger
                from sqlalchemy.orm import sessionmaker

                SessionLocal = sessionmaker()

                def tagged(message, task=None):
                    return f"task [{task}] - {message}" if task else message

                def scan(task):
                    db = SessionLocal()
                    try:
                        db.query(1)
                    except Exception as error:
                        rule_logger.exception(tagged(f"failed: {error}", task))
                        logging.getLogger("scan").error(tagged("failed", task))
                    db.close()

                def shown(task):
                    db = SessionLocal()  # DBS303
                    try:
                        db.query(1)
                    except Exception as error:
                        rule_logger.exception(rendered(error))
                    db.close()
            """,
        },
        CODES,
    )


def test_a_copy_of_what_was_given_is_tested_as_that(tmp_path: Path) -> None:
    body(
        tmp_path,
        """
async def opened_where_the_copy_is_none(db=None):
    used = db
    if used is None:
        used = SessionLocal()
    try:
        return used.execute(1)
    finally:
        if db is None:
            used.close()

def the_given_one_was_bound_anew(db=None):
    used = db
    db = make()
    if used is None:
        used = SessionLocal()  # DBS303
    try:
        return used.execute(1)
    finally:
        if db is None:
            used.close()

def the_copy_was_bound_anew(db=None):
    used = db
    used = found()
    if used is None:
        used = SessionLocal()  # DBS303
    try:
        return used.execute(1)
    finally:
        if db is None:
            used.close()
""",
    )


def test_nothing_is_open_before_what_was_added_is_committed(tmp_path: Path) -> None:
    text = """
def seed():
    db = SessionLocal()
    db.add(Agent(1))
    other = Agent(2)
    db.add(other)
    db.commit()
    db.close()
"""
    write_project(tmp_path, {"service.py": HEADER + text})
    found = [(code, message) for *_, code, message in lint(tmp_path, "service.py")]
    (message,) = [message for code, message in found if code == "DBS303"]
    assert "when line 9 raises" in message


def test_a_helper_that_never_returns_ends_the_path(tmp_path: Path) -> None:
    body(
        tmp_path,
        """
import sys
from typing import NoReturn

def usage():
    print("usage")
    sys.exit(2)

def fail(text) -> NoReturn:
    raise_it(text)

def ends_the_process(x):
    db = SessionLocal()
    try:
        row = db.query(x)
    except Exception:
        usage()
    else:
        db.close()

def raises_in_another_place(x):
    db = SessionLocal()
    if not x:
        fail("no x")
    try:
        db.query(x)
    finally:
        db.close()
""",
    )


def test_a_yield_in_a_fixture_does_not_raise_and_elsewhere_is_another_rules(
    tmp_path: Path,
) -> None:
    body(
        tmp_path,
        """
import pytest
from contextlib import contextmanager

@pytest.fixture
def session():
    db = SessionLocal()
    yield db
    db.close()

@pytest.fixture
def rolled_back():
    db = SessionLocal()
    yield db
    db.rollback()
    db.close()

@contextmanager
def unguarded():
    db = SessionLocal()
    yield db
    db.close()
""",
    )


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["db.query(1)", "db.close()"], "line 5 raises"),
        (["db.query(1)", "if x:", "    return 1", "db.close()"], "line 7 returns"),
        (["if x:", "    db.close()", "else:", "    db.query(1)"], "function ends after line 8"),
        (["(db", "    .query(1)", "    .count())", "db.close()"], "line 6 raises"),
        (["db.add(x)", "db.query(1)", "db.close()"], "line 6 raises"),
        (["dbs = [db]", "db.query(1)", "for db in dbs:", "    db.close()"], "line 6 raises"),
        (
            ["dbs = []", "dbs.append(db)", "db.query(1)", "for db in dbs:", "    db.close()"],
            "line 7 raises",
        ),
    ],
)
def test_the_message_names_the_line_that_leaves(
    tmp_path: Path, lines: list[str], words: str
) -> None:
    function = ["def count(x):", "    db = SessionLocal()", *(f"    {line}" for line in lines)]
    write_project(tmp_path, {"service.py": HEADER + "\n".join(function) + "\n"})
    (message,) = [m for *_, code, m in lint(tmp_path, "service.py") if code == "DBS303"]
    assert message.startswith("`SessionLocal()` is not closed when ")
    assert f"{words}, and keeps its connection;" in message


def test_the_message_says_when_a_loop_opens_another(tmp_path: Path) -> None:
    text = """def count(urls):
    for url in urls:
        try:
            db = SessionLocal()
            db.query(url)
            db.close()
        except ValueError:
            pass
    raise SystemExit
"""
    write_project(tmp_path, {"service.py": HEADER + text})
    (message,) = [m for *_, code, m in lint(tmp_path, "service.py") if code == "DBS303"]
    assert "is not closed when line 6 opens the next one," in message


def test_a_flag_that_comes_along_with_the_session(tmp_path: Path) -> None:
    body(
        tmp_path,
        """
def opened():
    return SessionLocal(), True

def opened_or_none(x):
    if x:
        return None, False
    return SessionLocal(), True

def borrowed():
    return SessionLocal(), False

def closed_under_the_flag(x):
    db, own = None, False
    try:
        db, own = opened()
        if not db.query(x):
            return
        db.commit()
    finally:
        if own and db is not None:
            db.close()

def closed_where_there_is_one(x):
    db, own = opened_or_none(x)
    try:
        db.query(x)
    finally:
        if own:
            db.close()

def given_or_own(x, db=None):
    own = False
    if db is None:
        db, own = opened()
    try:
        db.query(x)
    finally:
        if own:
            db.close()

def under_the_other_flag(x):
    db, keep = opened()  # DBS302
    try:
        db.query(x)
    finally:
        if not keep:
            db.close()

def whose_flag_is_off(x):
    db, own = borrowed()  # DBS302
    try:
        db.query(x)
    finally:
        if own:
            db.close()
""",
    )


def test_a_session_fails_with_what_sqlalchemy_raises(tmp_path: Path) -> None:
    body(
        tmp_path,
        """
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

def closed_on_its_errors(statement):
    db = SessionLocal()
    try:
        found = db.execute(statement)
    except SQLAlchemyError as error:
        db.close()
        raise ValueError(error) from error
    db.close()
    return found

def closed_on_a_querys(x):
    db = SessionLocal()
    try:
        found = db.query(x).all()
    except SQLAlchemyError:
        db.close()
        raise
    db.close()
    return found

def closed_on_some_of_them(statement):
    db = SessionLocal()  # DBS303
    try:
        db.execute(statement)
    except IntegrityError:
        db.close()
        raise
    db.close()

def open_on_other_errors(statement):
    db = SessionLocal()  # DBS303
    try:
        rows(db.execute(statement))
    except SQLAlchemyError:
        db.close()
        raise
    db.close()
""",
    )


def test_a_registry_is_not_named_as_its_session(tmp_path: Path) -> None:
    text = """
from sqlalchemy.orm import Session, scoped_session

def count(statement):
    registry = scoped_session(SessionLocal)
    db: Session = registry()
    try:
        result = db.execute(statement)
    except Exception:
        db.close()
        raise
    for row in result.mappings():
        print(row)
    db.close()
"""
    write_project(tmp_path, {"service.py": HEADER + text})
    (message,) = [m for *_, code, m in lint(tmp_path, "service.py") if code == "DBS303"]
    assert message.endswith("use `with SessionLocal() as db:`")
    assert "line 14 raises" in message


def test_a_first_connection_that_fails_is_none(tmp_path: Path) -> None:
    body(
        tmp_path,
        """
from sqlalchemy.ext.asyncio import async_sessionmaker
AsyncLocal = async_sessionmaker()

def first():
    db = SessionLocal()
    connection = db.connection()
    try:
        connection.execute(1)
    finally:
        db.close()

def begun():
    db = SessionLocal()
    db.begin()
    connection = db.connection()
    db.close()

async def awaited():
    db = AsyncLocal()
    connection = await db.connection()
    await db.close()

def second():
    db = SessionLocal()  # DBS303
    db.execute(1)
    connection = db.connection()
    db.close()

def works_on():
    db = SessionLocal()  # DBS303
    db.connection().execute(1)
    db.close()
""",
    )


def test_listeners_do_not_work_with_a_session(tmp_path: Path) -> None:
    body(
        tmp_path,
        """
from sqlalchemy import event

def note(db):
    from app.history import write

    @event.listens_for(db, "after_flush")
    def after_flush(session, context):
        write(session)

    event.listen(db, "after_commit", after_flush)
    return db

def given(is_noted):
    db = SessionLocal()
    if is_noted:
        note(db)
    return db

def given_again(is_noted):
    db = SessionLocal()
    if is_noted:
        db = note(db)
    return db

def worked_with(is_noted):
    db = SessionLocal()  # DBS303
    db.execute(1)
    note(db)
    return db
""",
    )


def test_what_a_cleanup_catches_is_not_the_line_that_leaves(tmp_path: Path) -> None:
    text = """def count(remote):
    db = SessionLocal()
    try:
        db.query(1)
    finally:
        try:
            remote.disconnect()
        except Exception:
            pass
    db.close()
"""
    write_project(tmp_path, {"service.py": HEADER + text})
    (message,) = [m for *_, code, m in lint(tmp_path, "service.py") if code == "DBS303"]
    assert "is not closed when line 6 raises," in message


def test_a_close_where_none_was_passed_in_is_missed_on_other_ways(tmp_path: Path) -> None:
    body(
        tmp_path,
        """
def returns_before(x, db=None):
    own = db is None
    db = db or SessionLocal()  # DBS303
    if db.query(x) is None:
        return False
    if own:
        db.close()
    return True

def opens_under_it(x, db=None):
    own = not db
    if own:
        db = SessionLocal()  # DBS303
    found = db.query(x)
    if own:
        db.close()
    return found

def says_it_the_other_way_round(x, db=None):
    given = db is not None
    session = db if given else SessionLocal()  # DBS303
    found = session.query(x)
    if not given and found:
        session.close()
    return found

def asks_whether_it_is_that_one(x, db=None):
    session = db or SessionLocal()  # DBS303
    found = session.query(x)
    if session is not db:
        session.close()
    return found

def closes_on_every_way(x, db=None):
    own = db is None
    db = db or SessionLocal()
    try:
        if x < 0:
            return None
        return db.query(x)
    finally:
        if own:
            db.close()

def closes_in_either_branch(x, db=None):
    own = db is None
    db = db or SessionLocal()
    try:
        found = db.query(x)
    except Exception:
        if own:
            db.close()
        raise
    if own:
        db.close()
    return found

def by_a_flag_of_another_kind(x, db=None):
    own = x == "own"
    db = db or SessionLocal()
    found = db.query(x)
    if own:
        db.close()
    return found

def by_a_flag_that_was_given(x, db=None, own=True):
    db = db or SessionLocal()
    found = db.query(x)
    if own:
        db.close()
    return found

def by_a_flag_that_changes(x, db=None):
    own = db is None
    if x:
        own = False
    db = db or SessionLocal()  # DBS303
    found = db.query(x)
    if own:
        db.close()
    return found
""",
    )


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            "db.execute(1)\n    if x:\n        return",
            "when line 6 returns, and keeps its connection",
        ),
        (
            "db.execute(1)\n    db.commit()\n    if x:\n        return",
            "when line 4 raises, and keeps its connection",
        ),
        (
            "if x:\n        db.add(1)\n        db.commit()\n        return\n    db.execute(1)",
            "when line 6 raises, and keeps its connection",
        ),
    ],
)
def test_the_message_says_when_the_connection_is_kept(
    tmp_path: Path, body: str, words: str
) -> None:
    text = f"from database import SessionLocal\ndef f(x):\n    db = SessionLocal()\n    {body}\n"
    database = "from sqlalchemy.orm import sessionmaker\nSessionLocal = sessionmaker(ENGINE)\n"
    write_project(tmp_path, {"database.py": database, "service.py": f"{text}    db.close()\n"})
    ((*_, message),) = [found for found in lint(tmp_path, "service.py") if found[2] == "DBS303"]
    assert f" is not closed {words}; " in message


def test_a_savepoint_of_a_fresh_session_takes_no_connection(tmp_path: Path) -> None:
    text = """
        from sqlalchemy.orm import sessionmaker
        SessionLocal = sessionmaker()

        def load(given=None):
            try:
                db = given
                if db is None:
                    db = SessionLocal()
                savepoint = db.begin_nested()
                try:
                    rows = db.query(1).all()
                    savepoint.commit()
                finally:
                    if given is None:
                        db.close()
            except Exception:
                rows = None
            return rows

        def fresh():
            db = SessionLocal()
            db.begin_nested()
            prepare()
            db.close()

        def in_use():
            db = SessionLocal()  # DBS303
            db.add(1)
            db.begin_nested()
            prepare()
            db.close()
    """
    assert_cases(tmp_path, {"service.py": text}, {"DBS302", "DBS303"})
