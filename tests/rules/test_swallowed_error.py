"""DBS308: handlers that swallow a database error and go on without a rollback."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

import pytest

from tests.cases import assert_cases, lint, write_project

CODES = {"DBS308"}

CORE = """
    from contextlib import contextmanager

    from sqlalchemy import create_engine
    from sqlalchemy.orm import sessionmaker

    SessionLocal = sessionmaker(create_engine("postgresql://x/y"))

    @contextmanager
    def get_db_session():
        db = SessionLocal()
        try:
            yield db
            db.commit()
        except Exception:
            db.rollback()
            raise
        finally:
            db.close()

    def get_db():
        with SessionLocal() as db:
            yield db
"""

SESSIONS = "from sqlalchemy.orm import sessionmaker\n\nSessionLocal = sessionmaker()\n"
POSTGRESQL = {"requirements.txt": "sqlalchemy>=2\npsycopg2-binary\n"}


def assert_service(tmp_path: Path, service: str) -> None:
    assert_cases(tmp_path, {"core.py": CORE, "service.py": service, **POSTGRESQL}, {"DBS308"})


def test_sessions_that_live_on(tmp_path: Path) -> None:
    assert_service(
        tmp_path,
        """
        from core import SessionLocal, get_db_session
        from sqlalchemy.exc import IntegrityError, SQLAlchemyError
        from sqlalchemy.ext.asyncio import AsyncSession
        from sqlalchemy.orm import Session

        def worked_with_again():
            with SessionLocal() as db:
                try:
                    db.execute(query)
                except Exception as error:  # DBS308
                    log(error)
                return db.query(Agent).all()

        def in_the_next_turn(db: Session, agents):
            for agent in agents:
                try:
                    db.merge(agent)
                except SQLAlchemyError:  # DBS308
                    continue

        async def the_callers(db: AsyncSession):
            try:
                await db.commit()
            except:  # DBS308
                pass

        def the_providers():
            with get_db_session() as db:
                db.add(agent)
                try:
                    db.flush()
                except (ValueError, IntegrityError):  # DBS308
                    log("there already")

        class Store:
            def __init__(self, db: Session):
                self.db = db

            def count_in_db_(self) -> int:
                try:
                    return self.db.query(Agent).count()
                except Exception:  # DBS308
                    log("no count")

        def given_on():
            with SessionLocal() as db:
                try:
                    db.flush()
                except Exception:  # DBS308
                    pass
                count(db)

        def leaves_on_one_branch_only(db: Session, strict):
            try:
                db.flush()
            except Exception:  # DBS308
                if strict:
                    raise
        """,
    )


def test_sessions_that_do_not_live_on(tmp_path: Path) -> None:
    assert_service(
        tmp_path,
        """
        from core import SessionLocal, get_db, get_db_session
        from fastapi import APIRouter, Depends
        from sqlalchemy.orm import Session

        router = APIRouter()

        def closed_by_its_block():
            with SessionLocal() as db:
                try:
                    db.commit()
                except Exception:
                    log("lost")
            return True

        def opened_in_the_try():
            try:
                with SessionLocal() as db:
                    db.commit()
            except Exception:
                log("lost")

        def closed_in_the_end():
            db = SessionLocal()
            try:
                db.commit()
            except Exception:
                log("lost")
            finally:
                db.close()

        def closed_after_it():
            db = SessionLocal()
            try:
                db.commit()
            except Exception:
                log("lost")
            db.close()

        def opened_anew(agents):
            for agent in agents:
                db = SessionLocal()
                try:
                    db.commit()
                except Exception:
                    log("lost")

        @router.post("/agents")
        def injected(db: Session = Depends(get_db)):
            try:
                db.commit()
            except Exception:
                log("lost")

        @bot.on_message("save")
        def given_by_a_framework(message, db: Session):
            try:
                db.commit()
            except Exception:
                log("lost")

        def test_given_by_a_fixture(db: Session):
            try:
                db.commit()
            except Exception:
                log("lost")

        def nothing_to_commit():
            with get_db_session() as db:
                try:
                    db.query(Agent).all()
                except Exception:
                    log("none")
        """,
    )


def test_handlers_that_roll_back_or_leave(tmp_path: Path) -> None:
    assert_service(
        tmp_path,
        """
        import sys

        from sqlalchemy.orm import Session

        def rolls_back(db: Session):
            try:
                db.commit()
            except Exception:
                db.rollback()

        def rolls_back_by_a_function(db: Session):
            try:
                db.commit()
            except Exception:
                recover(db)

        def rolls_back_in_the_end(db: Session):
            try:
                db.commit()
            except Exception as error:
                failed = error
            finally:
                db.rollback()

        def rolls_back_afterwards(db: Session):
            failed = False
            try:
                db.commit()
            except Exception:
                failed = True
            if failed:
                db.rollback()
            else:
                db.query(Agent).all()

        def raises(db: Session):
            try:
                db.commit()
            except Exception:
                raise RuntimeError

        def returns(db: Session):
            try:
                db.commit()
            except Exception:
                if quiet:
                    return None
                else:
                    sys.exit(1)

        def returns_from_inside(db: Session):
            try:
                db.commit()
            except Exception:
                try:
                    return 1
                except ValueError:
                    return 2
        """,
    )


def test_savepoints_and_other_errors(tmp_path: Path) -> None:
    assert_service(
        tmp_path,
        """
        import json

        from sqlalchemy.exc import MultipleResultsFound, NoResultFound, SQLAlchemyError
        from sqlalchemy.orm import Session

        from errors import NotSaved

        def savepoint(db: Session):
            try:
                with db.begin_nested():
                    db.flush()
            except Exception:
                log("not this one")
            db.commit()

        def savepoint_by_hand(db: Session):
            try:
                nested = db.begin_nested()
                db.flush()
                nested.commit()
            except Exception:
                nested.rollback()
            db.commit()

        def no_such_row(db: Session):
            try:
                db.query(Agent).one()
            except (NoResultFound, MultipleResultsFound):
                pass
            db.commit()

        def errors_of_others(db: Session):
            try:
                json.loads(db.scalar(query))
            except (ValueError, KeyError, NotSaved):
                pass
            db.commit()

        def work_of_others(db: Session, agent):
            try:
                agent.run()
                db.add(agent)
            except Exception:
                pass
            db.commit()

        def rolled_back_further_in(db: Session):
            try:
                try:
                    db.commit()
                except Exception:
                    db.rollback()
                    raise
            except Exception:
                pass
            db.commit()

        def only_raised_again_further_in(db: Session):
            try:
                try:
                    db.commit()
                except SQLAlchemyError as error:
                    raise NotSaved from error
            except Exception:  # DBS308
                pass
            db.commit()

        def caught_by_an_earlier_handler(db: Session):
            try:
                db.commit()
            except SQLAlchemyError:
                db.rollback()
            except Exception:
                pass
            db.commit()
        """,
    )


def test_other_sessions_and_dictionaries(tmp_path: Path) -> None:
    assert_service(
        tmp_path,
        """
        import requests

        def fetch(url, options: dict, session: requests.Session):
            try:
                session.get(url)
                options.get("x")
            except Exception:
                pass
            session.get(url)
        """,
    )


def test_message_names_work_and_session(tmp_path: Path) -> None:
    text = (
        "from sqlalchemy.orm import Session\n"
        "def save(db: Session):\n"
        "    try:\n        db.commit()\n    except Exception as e:\n        print(e)\n"
    )
    write_project(tmp_path, {"service.py": text})
    assert [m for *_, m in lint(tmp_path, "service.py")] == [
        "`except Exception` swallows an error of `db.commit()`, after which the session refuses "
        "all work; call `db.rollback()` in it"
    ]


def test_message_awaits_an_asynchronous_rollback(tmp_path: Path) -> None:
    text = (
        "from sqlalchemy.ext.asyncio import AsyncSession\n"
        "async def save(db: AsyncSession):\n"
        "    try:\n        await db.commit()\n    except Exception as e:\n        print(e)\n"
    )
    write_project(tmp_path, {"service.py": text})
    (message,) = [m for *_, m in lint(tmp_path, "service.py")]
    assert message.endswith("; call `await db.rollback()` in it")


def test_a_transaction_held_under_a_name_is_not_rolled_back_by_the_way(tmp_path: Path) -> None:
    assert_service(
        tmp_path,
        """
        from core import SessionLocal

        def trial(tables):
            with SessionLocal() as db:
                transaction = db.begin()
                for table in tables:
                    try:
                        db.execute(table)
                    except Exception as error:
                        log(error)
                transaction.rollback()
        """,
    )


def test_where_a_rollback_would_undo_more_a_savepoint_is_the_way_out(tmp_path: Path) -> None:
    write_project(
        tmp_path,
        {
            "core.py": CORE,
            "service.py": """
                from core import SessionLocal
                from sqlalchemy import select
                from sqlalchemy.ext.asyncio import AsyncSession
                from sqlalchemy.orm import Session

                def committed_together(rows):
                    with SessionLocal() as db:
                        for row in rows:
                            try:
                                db.add(row)
                                db.flush()
                            except Exception as error:
                                log(error)
                        db.commit()

                async def loaded_before(db: AsyncSession):
                    for item in (await db.scalars(select(Item))).all():
                        try:
                            await db.execute(select(Metric).where(Metric.item == item.id))
                        except Exception as error:
                            log(error)

                async def part_of_the_callers_work(db: AsyncSession, text):
                    try:
                        db.add(Log(text=text))
                        await db.flush()
                    except Exception as error:
                        log(error)

                def one_by_one(rows):
                    with SessionLocal() as db:
                        for row in rows:
                            try:
                                db.add(row)
                                db.commit()
                            except Exception as error:
                                log(error)

                def committed_here(db: Session, row):
                    try:
                        db.add(row)
                        db.commit()
                    except Exception as error:
                        log(error)
            """,
            **POSTGRESQL,
        },
    )
    found = [message for *_, code, message in lint(tmp_path, "service.py") if code == "DBS308"]
    ways = [message.partition("; ")[2] for message in found]
    assert ways == [
        "put what the `try` does in `with db.begin_nested():`",
        "put what the `try` does in `async with db.begin_nested():`",
        "put what the `try` does in `async with db.begin_nested():`",
        "call `db.rollback()` in it",
        "call `db.rollback()` in it",
    ]


def test_a_block_that_only_reads_has_nothing_to_commit(tmp_path: Path) -> None:
    assert_service(
        tmp_path,
        """
        from core import get_db_session
        from sqlalchemy import select, update

        def counted():
            with get_db_session() as db:
                first = db.execute(select(Agent).where(Agent.id == 1)).scalar()
                try:
                    second = db.execute(select(Other)).scalar()
                except Exception:
                    second = 0
            return first, second

        def written():
            with get_db_session() as db:
                db.execute(update(Agent))
                try:
                    second = db.execute(select(Other)).scalar()
                except Exception:  # DBS308
                    second = 0
            return second
        """,
    )


def test_a_loop_that_drives_a_dependency_ends_with_its_session(tmp_path: Path) -> None:
    assert_service(
        tmp_path,
        """
        from core import get_db

        def task(stats):
            try:
                clean()
                for db in get_db():
                    db.execute(query)
                    db.commit()
                    break
            except Exception as error:
                stats.append(error)
            return stats
        """,
    )


def test_no_savepoint_around_what_a_helper_commits(tmp_path: Path) -> None:
    write_project(
        tmp_path,
        {
            "core.py": CORE,
            "service.py": """
                from sqlalchemy.orm import Session

                def process(item, session):
                    session.add(item)
                    session.commit()

                def process_all(db: Session, errors):
                    try:
                        for item in db.scalars(query):
                            process(item, db)
                    except Exception as error:
                        errors.append(error)
                    return errors
            """,
        },
    )
    (message,) = [m for *_, code, m in lint(tmp_path, "service.py") if code == "DBS308"]
    assert message.endswith("call `db.rollback()` in it")


def test_a_helper_outside_of_the_loop_commits_no_turn(tmp_path: Path) -> None:
    service = """
        from sqlalchemy.ext.asyncio import AsyncSession

        async def note(session: AsyncSession, text):
            session.add(text)
            await session.commit()

        async def store(session: AsyncSession, rows, stats):
            await note(session, "start")
            for row in rows:
                try:
                    session.add(row)
                    await session.flush()
                except Exception:
                    stats["errors"] += 1
            await session.commit()
    """
    write_project(tmp_path, {"service.py": service})
    (message,) = [m for *_, code, m in lint(tmp_path, "service.py") if code == "DBS308"]
    assert message.endswith("put what the `try` does in `async with session.begin_nested():`")


def test_a_handler_that_works_with_what_failed_before_it_raises(tmp_path: Path) -> None:
    assert_service(
        tmp_path,
        """
        from sqlalchemy.exc import IntegrityError
        from sqlalchemy.ext.asyncio import AsyncSession
        from sqlalchemy.orm import Session

        def mark(session: Session, export):
            try:
                session.add(export)
                session.flush()
            except Exception:  # DBS308
                export.failed = True
                session.commit()
                raise

        def note(session: Session, export):
            try:
                session.add(export)
                session.commit()
            except IntegrityError as error:  # DBS308
                session.add(str(error))
                session.commit()
                raise ValueError from error

        def rolls_back_first(session: Session, export):
            try:
                session.commit()
            except Exception as error:
                session.rollback()
                session.add(str(error))
                session.commit()
                raise

        def only_notes(session: Session, export):
            try:
                session.commit()
            except Exception:
                export.failed = True
                raise

        def in_a_savepoint(session: Session, export):
            try:
                with session.begin_nested():
                    session.add(export)
                    session.flush()
            except Exception:
                session.execute(1)
                raise

        def after_a_look_at_the_error(session: Session, export):
            try:
                session.add(export)
                export.send()
                session.commit()
            except Exception as error:
                text = str(error).lower()
                if "401" in text:
                    export.expired = True
                    session.commit()
                raise

        async def awaits(session: AsyncSession, export):
            try:
                await session.flush()
            except Exception:  # DBS308
                await session.execute(1)
                raise
        """,
    )


def test_a_handler_that_has_a_function_work_with_what_failed(tmp_path: Path) -> None:
    files = {
        "core.py": CORE,
        "imports.py": """
            from sqlalchemy.orm import Session

            def get_import(db: Session, key):
                return db.query(Import).filter(Import.id == key).first()

            def update(db: Session, key, status, error=None):
                found = get_import(db, key)
                found.status = status
                db.commit()

            def update_afresh(db: Session, key, status):
                db.rollback()
                update(db, key, status)

            def end(db: Session):
                db.rollback()

            def update_after_the_end(db: Session, key, status):
                end(db)
                update(db, key, status)

            def update_if_it_can(db: Session, key, status):
                try:
                    update(db, key, status)
                except Exception:  # DBS308
                    print("not updated")

            def note(db: Session, key):
                db.info["key"] = key

            def note_and_update(db: Session, key, status):
                note(db, key)
                return update(db, key, status)

            class Imports:
                @retried
                def decorated(self, db: Session, key):
                    db.execute(1)

                async def count(self, db: Session, key):
                    return db.execute(1)
        """,
        "service.py": """
            import imports
            from core import SessionLocal
            from imports import Imports, update
            from sqlalchemy.orm import Session

            def process(key):
                db = SessionLocal()
                try:
                    imports.update(db, key, "processing")
                    print(key)
                except Exception as error:  # DBS308
                    try:
                        imports.update(db, key, "failed", error=str(error))
                    except Exception:
                        pass
                    raise
                finally:
                    db.close()

            def given(db: Session, key):
                try:
                    db.flush()
                except Exception:  # DBS308
                    imports.note_and_update(db, key, "failed")

            def rolled_back(db: Session, key):
                try:
                    db.flush()
                except Exception:
                    db.rollback()
                    update(db, key, "failed")
                    raise

            def rolled_back_there(db: Session, key):
                try:
                    db.flush()
                except Exception:
                    imports.update_afresh(db, key, "failed")
                    raise

            def rolled_back_below(db: Session, key):
                try:
                    db.flush()
                except Exception:
                    imports.update_after_the_end(db, key, "failed")
                    raise

            def caught_there(db: Session, key):
                try:
                    db.flush()
                except Exception:
                    imports.update_if_it_can(db, key, "failed")
                    raise

            def noted(db: Session, key):
                try:
                    db.flush()
                except Exception:
                    imports.note(db, key)
                    raise

            def unknown(db: Session, key, handle, of: Imports):
                try:
                    db.flush()
                except Exception:
                    handle(db, key)
                    of.decorated(db, key)
                    raise

            async def counted(db: Session, key, of: Imports):
                try:
                    db.flush()
                except Exception:  # DBS308
                    print(await of.count(db, key))
                    raise

            def after_a_look(db: Session, key):
                try:
                    db.flush()
                except Exception as error:
                    if "401" in str(error):
                        update(db, key, "failed")
                    raise

            def in_another_session(db: Session, key):
                try:
                    db.flush()
                except Exception:
                    with SessionLocal() as other:
                        update(other, key, "failed")
                    raise
        """,
        **POSTGRESQL,
    }
    assert_cases(tmp_path, files, CODES)


def test_a_statement_that_failed_leaves_sqlite_usable_and_no_server(tmp_path: Path) -> None:
    service = """
        from sqlalchemy import create_engine, text
        from sqlalchemy.exc import IntegrityError, ProgrammingError
        from sqlalchemy.orm import Session, sessionmaker

        engine = create_engine("{0}")
        Make = sessionmaker(engine)

        def note(name):
            with Make() as session:
                try:
                    session.execute(text("insert into exports values (:name)"))
                except IntegrityError:{1}
                    session.execute(text("insert into failures values (:name)"))
                    session.commit()
                    raise

        def falls_back():
            with Session(engine) as session:
                try:
                    rows = session.execute(text("select * from new_table")).all()
                except ProgrammingError:{1}
                    rows = session.execute(text("select * from old_table")).all()
                return rows
    """
    files = {
        "sqlite.py": service.format("sqlite:///exports.db", ""),
        "server.py": service.format("postgresql://db/exports", "  # DBS308"),
        "unknown.py": service.replace('"{0}"', "URL").format("", ""),
    }
    assert_cases(tmp_path, files, {"DBS308"})


def test_a_way_out_that_ends_a_transactions_block_rolls_back(tmp_path: Path) -> None:
    assert_service(
        tmp_path,
        """
        from sqlalchemy.exc import IntegrityError
        from sqlalchemy.orm import Session

        def store(session: Session, items):
            for item in items:
                with session.begin():
                    try:
                        session.add(item)
                        session.flush()
                    except IntegrityError:
                        print("known", item)
                        continue

        def store_in_savepoints(session: Session, items):
            for item in items:
                with session.begin_nested():
                    try:
                        session.flush()
                    except IntegrityError:
                        print("known", item)

        def work_on_in_the_block(session: Session, items):
            with session.begin():
                try:
                    session.flush()
                except IntegrityError:  # DBS308
                    print("known")
                session.execute(1)
        """,
    )


def test_a_commit_right_after_a_savepoint_breaks_no_constraint(tmp_path: Path) -> None:
    assert_service(
        tmp_path,
        """
        from sqlalchemy.exc import IntegrityError
        from sqlalchemy.orm import Session

        def stored(session: Session, item):
            try:
                with session.begin_nested():
                    session.add(item)
                    session.flush()
                session.commit()
            except IntegrityError:
                print("known")
            session.execute(1)

        def stored_with_another(session: Session, item, other):
            try:
                with session.begin_nested():
                    session.add(item)
                session.add(other)
                session.commit()
            except IntegrityError:  # DBS308
                print("known")
            session.execute(1)

        def stored_somehow(session: Session, item):
            try:
                with session.begin_nested():
                    session.add(item)
                session.commit()
            except Exception:  # DBS308
                print("known")
            session.execute(1)
        """,
    )


def test_the_message_of_a_handler_that_works_on(tmp_path: Path) -> None:
    text = """
        def mark(session: Session):
            try:
                session.execute(1)
                session.flush()
            except Exception:
                session.commit()
                raise
    """
    header = "from sqlalchemy.orm import Session\n"
    write_project(tmp_path, {"app.py": header + dedent(text)})
    [message] = [message for *_, code, message in lint(tmp_path, "app.py") if code == "DBS308"]
    assert "`session.flush()`" in message
    assert "`session.rollback()`" in message


def test_only_what_commits_in_the_try_is_no_work_for_a_savepoint(tmp_path: Path) -> None:
    text = """
        from sqlalchemy.orm import Session

        def note(db: Session, words):
            db.add(words)
            db.commit()

        def save_all(db: Session, agents):
            note(db, "begin")
            for agent in agents:
                try:
                    db.add(agent)
                    db.flush()
                except Exception:
                    print("not saved:", agent.name)
            db.commit()
    """
    write_project(tmp_path, {"service.py": text})
    [message] = [message for *_, code, message in lint(tmp_path, "service.py") if code == "DBS308"]
    assert "`with db.begin_nested():`" in message


PROVIDER = """
    from contextlib import contextmanager
    from sqlalchemy import create_engine
    from sqlalchemy.orm import sessionmaker

    engine = create_engine("postgresql://x/y")
    SessionLocal = sessionmaker(bind=engine)

    @contextmanager
    def managed_session():
        session = SessionLocal()
        try:
            yield session
            session.commit()
        except Exception:
            session.rollback()
            raise
        finally:
            session.close()
"""


def _advice(folder: Path, service: str) -> list[str]:
    write_project(folder, {"db.py": PROVIDER, "service.py": service})
    found = [message for *_, code, message in lint(folder, "service.py") if code == "DBS308"]
    return [message.partition("; ")[2] for message in found]


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        ("event.minute = 1", "for a rollback may undo line 9 as well"),
        ("event.score['home'].goals += 1", "for a rollback may undo line 9 as well"),
        ("setattr(event, 'minute', 1)", "for a rollback may undo line 9 as well"),
        ("session.add(Note(event))", "for a rollback may undo line 9 as well"),
        ("session.query(Note).delete()", "for a rollback may undo line 9 as well"),
        ("session.execute(update(Note))", "for a rollback may undo line 9 as well"),
        ("decrement(session, event)", "for a rollback may undo line 9 as well"),
        ("unknown(session)", "for a rollback may undo line 9 as well"),
        ("session.refresh(event, with_for_update=True)", "would release the lock of line 9"),
        ("session.query(Note).with_for_update().all()", "would release the lock of line 9"),
        ("session.execute(text('select 1 from t for update'))", "release the lock of line 9"),
        ("look_up(session)", "call `session.rollback()` in it"),
        ("session.execute(text('select 1'))", "call `session.rollback()` in it"),
        ("self_made = Note(); self_made.size = 1", "call `session.rollback()` in it"),
        ("event.minute = 1; session.commit()", "call `session.rollback()` in it"),
    ],
)
def test_a_rollback_is_not_advised_where_it_undoes_the_functions_own_work(
    tmp_path: Path, before: str, reason: str
) -> None:
    service = f"""
from sqlalchemy import text, update
from db import managed_session
from helpers import unknown
def decrement(session, event): session.get(Stats, event.id).goals -= 1
def look_up(session): return session.query(Stats).all()
def edit(event_id):
    with managed_session() as session:
        event = session.get(Event, event_id)
        {before}
        try:
            mirror = session.query(Mirror).first()
        except Exception:
            print("failed")
        session.add(Seen(event_id))
        session.commit()
""".lstrip("\n")
    (advice,) = _advice(tmp_path, service)
    assert advice.endswith(reason)


def test_what_commits_in_the_try_cannot_be_put_into_a_savepoint(tmp_path: Path) -> None:
    service = """
        from db import managed_session

        def edit(event_id):
            with managed_session() as session:
                event = session.get(Event, event_id)
                event.minute = 1
                try:
                    session.query(Mirror).first().minute = 1
                    session.commit()
                except Exception:
                    print("failed")
                session.query(Mirror).all()
    """
    assert _advice(tmp_path, service) == ["call `session.rollback()` in it"]


def test_a_block_that_has_nothing_to_lose_at_its_end(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "db.py": PROVIDER,
            "service.py": """
                from db import managed_session

                def committed_before(row):
                    with managed_session() as session:
                        session.add(row)
                        session.commit()
                        try:
                            session.query(Player).first()
                        except Exception as error:
                            print(error)
                        return 200

                def still_waiting(row):
                    with managed_session() as session:
                        session.add(row)
                        try:
                            session.query(Player).first()
                        except Exception as error:  # DBS308
                            print(error)
                        return 200

                def added_afterwards(row):
                    with managed_session() as session:
                        try:
                            session.query(Player).first()
                        except Exception as error:  # DBS308
                            print(error)
                        session.add(row)

                def expired_by_the_commit(title):
                    with managed_session() as session:
                        row = Row(title)
                        session.add(row)
                        session.commit()
                        try:
                            session.query(Player).first()
                        except Exception as error:  # DBS308
                            print(error)
                        return row.id

                def failed_flush(row):
                    with managed_session() as session:
                        try:
                            session.add(row)
                            session.flush()
                        except Exception as error:  # DBS308
                            print(error)
            """,
        },
        CODES,
    )


def test_sqlite_undoes_the_failed_statement_alone(tmp_path: Path) -> None:
    files = {
        "db.py": """
            from contextlib import asynccontextmanager
            from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

            class Database:
                def __init__(self, path):
                    self.engine = create_async_engine(f"sqlite+aiosqlite:///{path}")
                    self.maker = async_sessionmaker(self.engine)

                @asynccontextmanager
                async def get_db(self):
                    async with self.maker() as session:
                        yield session
        """,
        "exports.py": """
            from sqlalchemy import select
            from db import Database

            class Exporter:
                def __init__(self, db: Database):
                    self.db = db

                async def export(self, models):
                    async with self.db.get_db() as session:
                        for model in models:
                            try:
                                await session.execute(select(model))
                            except Exception:
                                print("left out")

                async def copy(self, models):
                    async with self.db.get_db() as session:
                        for model in models:
                            try:
                                session.add(model)
                                await session.flush()
                            except Exception:  # DBS308
                                print("left out")

        """,
    }
    assert_cases(tmp_path, files, CODES)


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("postgresql://x/y", "a PostgreSQL transaction refuses all work and saves nothing"),
        ("postgres://x/y", "a PostgreSQL transaction refuses all work and saves nothing"),
        ("mysql+pymysql://x/y", None),
        ("mssql+pyodbc://x/y", None),
        ("oracle://x/y", None),
        ("sqlite:///x", None),
    ],
)
def test_the_message_says_what_is_true_of_the_database(
    tmp_path: Path, url: str, fault: str | None
) -> None:
    service = """
        from db import managed_session

        def edit(event_id):
            with managed_session() as session:
                try:
                    session.query(Mirror).first()
                except Exception:
                    print("failed")
                session.query(Mirror).all()
    """
    files = {"db.py": PROVIDER.replace("postgresql://x/y", url), "service.py": service}
    write_project(tmp_path, files)
    found = [message for *_, code, message in lint(tmp_path, "service.py") if code == "DBS308"]
    parts = [message.partition("after which ")[2].partition(";")[0] for message in found]
    assert parts == ([fault] if fault else [])


def test_a_helper_whose_callers_end_the_session_right_after_it(tmp_path: Path) -> None:
    helper = """
        from sqlalchemy.orm import Session, sessionmaker
        from sqlalchemy import create_engine

        maker = sessionmaker(create_engine("postgresql://x/y"))

        def _fail(session: Session, job_id):
            try:
                session.rollback()
                job = session.get(Job, job_id)
                job.stage = "failed"
                session.commit()
            except Exception:  # {code}
                pass

        def run(job_id, work):
            session = maker()
            try:
                work(session)
            except Exception:
                {call}
            finally:
                session.close()
    """
    ended = {"jobs.py": helper.format(code="silent", call="_fail(session, job_id)")}
    assert_cases(tmp_path, ended, CODES)
    for call in ("_fail(session, job_id); session.get(Job, 1)", "pass"):
        assert_cases(tmp_path, {"jobs.py": helper.format(code="DBS308", call=call)}, CODES)


HELPED = """
    from db import managed_session
    from helpers import *

    def delete(event_id):
        with managed_session() as session:
            event = session.get(Event, event_id)
            {before}
            try:
                {work}
            except Exception as e:  # {code}
                print("failed", e)
            session.delete(event)
            session.commit()
"""
HELPERS = """
    from contextlib import suppress

    def update_stats(session, key):
        stats = session.query(Stats).filter_by(key=key).first()
        stats.goals -= 1

    def by_another(session, key):
        return update_stats(session, key)

    def saved(session, key):
        update_stats(session, key)
        session.commit()

    def saved_by_another(session, key):
        return saved(session, key)

    def caught(session, key):
        try:
            session.query(Stats).first()
        except Exception:
            session.rollback()

    def suppressed(session, key):
        with session.begin_nested():
            session.query(Stats).first()

    @transactional
    def decorated(session, key):
        session.query(Stats).first()

    def idle(session, key):
        session.add(Stats(key))

    def closing(session, key):
        try:
            session.query(Stats).first()
        finally:
            session.close()

    def tidied(session, key):
        try:
            session.add(Stats(key))
            session.commit()
        except Exception:
            session.rollback()

    class Log:
        def __init__(self, session):
            self.session = session

    def endless(session, key):
        endless(session, key)

    def guards_its_commit(session, key):
        stats = session.query(Stats).filter_by(key=key).first()
        stats.goals -= 1
        try:
            session.commit()
        except Exception:
            session.rollback()
            raise

    def guards_its_query(session, key):
        try:
            session.query(Stats).first()
        except Exception:
            session.rollback()
        session.commit()

    def guards_by_a_block(session, key):
        session.query(Stats).first()
        with session.begin_nested():
            session.add(Stats(key))

    def guards_by_another(session, key):
        session.query(Stats).first()
        tidied(session, key)

    def guards_as_others_say(session, key):
        session.query(Stats).first()
        try:
            session.commit()
        except Exception:
            undo(session)
            raise

    def gives_up_in_a_branch(session, key):
        if session.query(Stats).count() > 9:
            undo(session)
            return
        session.add(Stats(key))
        session.flush()

    def undo(session):
        session.rollback()

    def undoes_all(session, key):
        try:
            session.query(Stats).first()
            session.add(Stats(key))
            session.commit()
        except ValueError:
            raise
        except Exception:
            session.rollback()
            raise

    def undoes_all_by_another(session, key):
        try:
            session.query(Stats).first()
        except Exception:
            undo(session)
            raise

    def undoes_in_the_end(session, key):
        try:
            session.query(Stats).first()
            session.commit()
        finally:
            session.rollback()

    def notes_after_it(session, key):
        try:
            session.query(Stats).first()
        except Exception:
            session.rollback()
            session.add(Failure(key))
            session.commit()
            raise

    def ends_by_hand(session, key):
        transaction = session.begin_nested()
        session.query(Stats).first()
        transaction.rollback()

    def closes_by_hand(session, key):
        session.query(Stats).first()
        session.close()
"""


@pytest.mark.parametrize(
    ("work", "code"),
    [
        ("update_stats(session, event.key)", "DBS308"),
        ("update_stats(key=event.key, session=session)", "DBS308"),
        ("by_another(session, event.key)", "DBS308"),
        ("saved(session, event.key)", "DBS308"),
        ("caught(session, event.key)", "silent"),
        ("suppressed(session, event.key)", "silent"),
        ("decorated(session, event.key)", "silent"),
        ("idle(session, event.key)", "silent"),
        ("closing(session, event.key)", "silent"),
        ("endless(session, event.key)", "silent"),
        ("unknown(session, event.key)", "silent"),
        ("guards_its_commit(session, event.key)", "DBS308"),
        ("guards_its_query(session, event.key)", "DBS308"),
        ("guards_by_a_block(session, event.key)", "DBS308"),
        ("guards_by_another(session, event.key)", "DBS308"),
        ("guards_as_others_say(session, event.key)", "DBS308"),
        ("gives_up_in_a_branch(session, event.key)", "DBS308"),
        ("undoes_all(session, event.key)", "silent"),
        ("undoes_all_by_another(session, event.key)", "silent"),
        ("undoes_in_the_end(session, event.key)", "silent"),
        ("notes_after_it(session, event.key)", "silent"),
        ("ends_by_hand(session, event.key)", "silent"),
        ("closes_by_hand(session, event.key)", "silent"),
    ],
)
def test_the_work_of_a_function_that_is_given_the_session(
    tmp_path: Path, work: str, code: str
) -> None:
    service = HELPED.format(before="pass", work=work, code=code)
    files = {"db.py": PROVIDER, "helpers.py": HELPERS, "service.py": service}
    assert_cases(tmp_path, files, CODES)


def test_a_function_that_rolls_back_first_is_no_work_of_a_handler(tmp_path: Path) -> None:
    helper = """
        from sqlalchemy.orm import sessionmaker

        SessionLocal = sessionmaker()

        def _fail(session, job_id):
            {first}
            session.get(Job, job_id).status = "failed"
            session.commit()

        def run(job_id):
            with SessionLocal() as session:
                try:
                    session.commit()
                except Exception:  # {code}
                    _fail(session, job_id)
                    raise
    """
    for first, code in (("session.rollback()", "silent"), ("pass", "DBS308")):
        assert_cases(tmp_path, {"jobs.py": helper.format(first=first, code=code)}, CODES)


@pytest.mark.parametrize(
    ("before", "work", "way_out"),
    [
        ("pass", "saved(session, 1)", "call `session.rollback()` in it"),
        (
            "event.minute = 1",
            "saved(session, 1)",
            "call `session.commit()` before the `try`, for a rollback may undo line 8 as well, "
            "and `session.rollback()` in it",
        ),
        (
            "event.minute = 1",
            "saved_by_another(session, 1)",
            "call `session.commit()` before the `try`, for a rollback may undo line 8 as well, "
            "and `session.rollback()` in it",
        ),
        ("saved(session, 2)", "saved(session, 1)", "call `session.rollback()` in it"),
        ("log = Log(session)", "update_stats(session, 1)", "call `session.rollback()` in it"),
        ("tidied(session, 1)", "update_stats(session, 1)", "call `session.rollback()` in it"),
        (
            "event.minute = 1",
            "update_stats(session, 1)",
            "put what the `try` does in `with session.begin_nested():`, for a rollback may undo "
            "line 8 as well",
        ),
    ],
)
def test_what_a_rollback_after_such_a_function_undoes(
    tmp_path: Path, before: str, work: str, way_out: str
) -> None:
    service = HELPED.format(before=before, work=work, code="DBS308")
    write_project(tmp_path, {"db.py": PROVIDER, "helpers.py": HELPERS, "service.py": service})
    (message,) = [m for *_, code, m in lint(tmp_path, "service.py") if code == "DBS308"]
    assert message.endswith(way_out)


def test_what_the_failed_try_itself_loads_is_not_expired(tmp_path: Path) -> None:
    service = """
        from db import managed_session
        from helpers import update_stats

        def create(profile):
            with managed_session() as session:
                session.add(profile)
                session.commit()
                try:
                    found = update_stats(session, 1)
                except Exception:
                    found = []
                return found
    """
    files = {"db.py": PROVIDER, "helpers.py": HELPERS, "service.py": service}
    assert_cases(tmp_path, files, CODES)


@pytest.mark.parametrize(
    ("one", "other", "code"),
    [
        ("sqlite+aiosqlite", "sqlite+aiosqlite", "silent"),
        ("sqlite+aiosqlite", "postgresql+asyncpg", "silent"),
        ("postgresql+asyncpg", "postgresql+asyncpg", "DBS308"),
    ],
)
def test_a_url_that_subclasses_set(tmp_path: Path, one: str, other: str, code: str) -> None:
    files = {
        "base.py": """
            from contextlib import asynccontextmanager
            from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

            class Database:
                URL = ""

                def __init__(self):
                    self.engine = create_async_engine(self.URL)
                    self.maker = async_sessionmaker(self.engine)

                @asynccontextmanager
                async def get_db(self):
                    async with self.maker() as session:
                        yield session
        """,
        "stores/one.py": f"""
            from base import Database

            class OneDatabase(Database):
                def __init__(self, path):
                    self.URL = f"{one}:///{{path}}"
                    super().__init__()
        """,
        "stores/other.py": f"""
            from base import Database

            class OtherDatabase(Database):
                URL = "{other}://x/y"
        """,
        "exports.py": f"""
            from base import Database

            async def export(database: Database, models):
                async with database.get_db() as session:
                    for model in models:
                        try:
                            await session.execute(model)
                        except Exception:  # {code}
                            print("left out")
        """,
    }
    assert_cases(tmp_path, files, CODES)


def test_an_object_made_with_the_session_may_see_to_it(tmp_path: Path) -> None:
    service = """
        from db import managed_session
        from elsewhere import JobLog, load_user

        def logged(job):
            with managed_session() as session:
                log = JobLog(session, job)
                try:
                    session.add(job)
                    session.flush()
                except Exception:
                    log.failed()
                    session.refresh(job)
                    raise

        def loaded(job):
            with managed_session() as session:
                user = load_user(session, job)
                try:
                    session.add(job)
                    session.flush()
                except Exception:  # DBS308
                    user.notify()
                    session.refresh(job)
                    raise
    """
    assert_cases(tmp_path, {"db.py": PROVIDER, "service.py": service}, CODES)


def test_a_commit_after_the_handler_saves_nothing_of_the_caller_s(tmp_path: Path) -> None:
    service = """
        from sqlalchemy.orm import Session

        def save(session):
            session.commit()

        def attach(job, session: Session):
            try:
                meta = session.get(Meta, job)
            except Exception:
                meta = None
            save(session)
            return meta
    """
    write_project(tmp_path, {"service.py": service, **POSTGRESQL})
    (message,) = [m for *_, code, m in lint(tmp_path, "service.py") if code == "DBS308"]
    assert message.endswith("put what the `try` does in `with session.begin_nested():`")


QUERIED = """
    from sqlalchemy import select
    from sqlalchemy.orm import Session

    def label(db: Session):
        try:
            name = db.execute(select(Name)).scalar()
        except Exception:  # {code}
            name = ""
        db.execute(select(Item).where(Item.name == name))
        return name
"""


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({}, "silent"),
        ({"requirements.txt": "psycopg[binary]>=3\n"}, "DBS308"),
        ({"pyproject.toml": "[project]\ndependencies = ['asyncpg>=0.29']\n"}, "DBS308"),
        ({"requirements.txt": "asyncpg\naiosqlite\n"}, "silent"),
        ({"requirements.txt": "psycopg2\nPyMySQL==1.1\n"}, "silent"),
        ({"requirements.txt": "sqlalchemy  # or psycopg2\n"}, "silent"),
        ({"requirements.txt": "psycopg2\n", "db.py": 'URL = "sqlite:///dev.db"\n'}, "silent"),
        ({"requirements.txt": "psycopg2\n", "db.py": 'URL = "mysql+pymysql://x"\n'}, "silent"),
    ],
)
def test_a_failed_query_where_no_url_is_found(
    tmp_path: Path, files: dict[str, str], code: str
) -> None:
    assert_cases(tmp_path, {"service.py": QUERIED.format(code=code), **files}, CODES)


def test_no_savepoint_around_what_may_end_it(tmp_path: Path) -> None:
    service = """
        from elsewhere import push
        from sqlalchemy.orm import Session

        class Notes:
            def __init__(self, session: Session):
                self._session = session

            def create(self, note):
                self._session.add(note)
                self._session.commit()
                self._session.refresh(note)

            def find(self):
                return self._session.get(Note, 1)

        class Push:
            def send(self, note, db: Session):
                Notes(db).create(note)

        class Reminders:
            def __init__(self):
                self.push = Push()

            def remind(self, db: Session, note):
                try:
                    if not db.get(Sent, note.id):
                        self.push.send(note, db=db)
                except Exception as error:  # DBS308
                    print(error)

            def of_another(self, db: Session, note):
                try:
                    db.flush()
                    push(note, db)
                except Exception as error:
                    print(error)

            def looks_up(self, db: Session, note):
                try:
                    db.flush()
                    Notes(db).find()
                except Exception as error:  # DBS308
                    print(error)

            def ended_by_hand(self, notes, db: Session):
                for note in notes:
                    try:
                        db.add(note)
                        db.flush()
                        db.close()
                    except Exception as error:
                        print(error)
    """
    assert_service(tmp_path, service)


def test_what_other_methods_of_an_object_have_left_is_not_rolled_back(tmp_path: Path) -> None:
    service = """
        from sqlalchemy import select
        from sqlalchemy.orm import Session

        class Views:
            def __init__(self, session: Session):
                self._session = session

            def add(self, view):
                self._session.add(view)
                self._session.flush()
                self._check()

            def _check(self):
                try:
                    self._session.execute(select(View))
                except Exception:  # a savepoint
                    pass

            def commits(self, view):
                try:
                    self._session.add(view)
                    self._session.commit()
                except Exception:  # a rollback
                    pass

            def by_an_object(self, view):
                try:
                    self._session.execute(select(View))
                    self._repository.save(view)
                except Exception:  # silent
                    pass
    """
    write_project(tmp_path, {"service.py": service, **POSTGRESQL})
    found = [m for *_, code, m in lint(tmp_path, "service.py") if code == "DBS308"]
    assert [message.partition("; ")[2] for message in found] == [
        "put what the `try` does in `with self._session.begin_nested():`",
        "call `self._session.rollback()` in it",
    ]


def test_a_dependency_that_only_commits_has_nothing_to_lose(tmp_path: Path) -> None:
    service = """
        from core import get_db_session
        from fastapi import APIRouter, Depends
        from sqlalchemy import select
        from sqlalchemy.orm import Session

        router = APIRouter()

        def provided():
            with get_db_session() as db:
                yield db

        @router.get("/health")
        def falls_through(db: Session = Depends(provided)):
            state = "up"
            try:
                db.execute(select(1))
            except Exception as error:
                state = str(error)
            return {"db": state}

        @router.get("/ready")
        def returns(db: Session = Depends(provided)):
            try:
                db.execute(select(1))
            except Exception as error:
                return {"db": str(error)}
            return {"db": "up"}

        @router.post("/visits")
        def writes(db: Session = Depends(provided)):
            db.add(Visit())
            try:
                db.execute(select(1))
            except Exception as error:  # DBS308
                print(error)
            return {}
    """
    assert_service(tmp_path, service)


def test_an_object_that_closes_its_session_afterwards(tmp_path: Path) -> None:
    service = """
        from core import SessionLocal
        from sqlalchemy.orm import Session

        class Graph:
            def __init__(self):
                self.session: Session = SessionLocal()

            def close(self):
                self.session.close()

        def run(session: Session):
            graph = Graph()
            graph.session = session
            try:
                graph.session.commit()
            except Exception as error:
                print(error)
            graph.close()
            print(graph.session.is_active)

        def goes_on(session: Session):
            graph = Graph()
            graph.session = session
            try:
                graph.session.commit()
            except Exception as error:  # DBS308
                print(error)
            print(graph.session.is_active)
    """
    assert_service(tmp_path, service)


@pytest.mark.parametrize(
    "read",
    [
        "select(User).where(User.id.not_in(rows)) if rows else select(User)",
        "base.where(User.id.not_in(rows)) if rows else base",
        "base.order_by(User.id).limit(3)",
    ],
)
def test_a_statement_that_is_built_in_steps_is_no_write(tmp_path: Path, read: str) -> None:
    service = f"""
        from core import SessionLocal
        from sqlalchemy import select

        def save(session, number):
            session.add(Quiz(number))
            session.commit()

        def send_all(rows):
            with SessionLocal() as session:
                base = select(User).where(User.kind == 2)
                stmt = {read}
                users = session.execute(stmt).scalars().all()
                for user in users:
                    try:
                        save(session, user.id)
                    except Exception as error:
                        print(user.id, error)
    """
    write_project(tmp_path, {"core.py": CORE, "service.py": service})
    (message,) = [m for *_, code, m in lint(tmp_path, "service.py") if code == "DBS308"]
    assert message.endswith("call `session.rollback()` in it")


def test_a_guard_of_the_project_that_rolls_back_or_closes(tmp_path: Path) -> None:
    service = """
        from contextlib import contextmanager
        from elsewhere import transaction
        from sqlalchemy.orm import Session

        @contextmanager
        def guard(session: Session, close=True):
            try:
                yield session
                session.commit()
            except Exception:
                session.rollback()
                raise
            finally:
                if close:
                    session.close()

        @contextmanager
        def timed(session: Session):
            start = now()
            yield session
            print(now() - start)

        def process(batch, session: Session):
            with guard(session):
                session.query(Host).filter(Host.id.in_(batch)).delete()
                session.flush()

        def process_timed(batch, session: Session):
            with timed(session):
                session.query(Host).filter(Host.id.in_(batch)).delete()
                session.flush()

        def run(batches, session: Session):
            try:
                for batch in batches:
                    process(batch, session)
            except Exception as error:
                print(error)

        def run_timed(batches, session: Session):
            try:
                for batch in batches:
                    process_timed(batch, session)
                session.commit()
            except Exception as error:  # DBS308
                print(error)

        def run_here(session: Session):
            try:
                with guard(session):
                    session.flush()
            except Exception as error:
                print(error)

        def run_elsewhere(session: Session):
            try:
                with transaction(session):
                    session.flush()
            except Exception as error:
                print(error)

        def run_timed_here(session: Session):
            try:
                with timed(session):
                    session.commit()
            except Exception as error:  # DBS308
                print(error)
    """
    assert_service(tmp_path, service)


def test_a_query_flushes_what_earlier_turns_have_added(tmp_path: Path) -> None:
    service = """
        from sqlalchemy import select
        from sqlalchemy.orm import Session

        def store(session: Session, rows):
            for row in rows:
                try:
                    if session.execute(select(Price)).scalar() is None:
                        session.add(row)
                except Exception as error:  # DBS308
                    print(error)
            session.commit()

        def look_up(session: Session, rows):
            for row in rows:
                try:
                    session.execute(select(Price))
                except Exception as error:
                    print(error)
            session.commit()
    """
    assert_cases(tmp_path, {"service.py": service}, CODES)


SOMETIMES = """
    from sqlalchemy.orm import Session

    def total(db: Session):
        db.commit()

    def match(db: Session, row):
        db.add(row)
        db.flush()
        if row.incoming:
            total(db)

    def write(db: Session, text, commit=True):
        db.add(text)
        db.commit() if commit else db.flush()

    def match_all(db: Session, rows):
        for row in rows:
            try:
                match(db, row)
            except Exception as error:  # DBS308
                print(error)
        db.commit()

    def mark_all(db: Session, rows):
        for row in rows:
            try:
                if row.incoming:
                    db.add(row)
                    db.commit()
                else:
                    row.matched = db.get(Match, 1)
            except Exception as error:  # DBS308
                print(error)
        db.commit()

    def by_hundreds(db: Session, rows):
        for number, row in enumerate(rows):
            try:
                db.add(row)
                if number % 100 == 0:
                    db.commit()
            except Exception as error:  # DBS308
                print(error)
        db.commit()

    def each(db: Session, rows):
        for row in rows:
            try:
                write(db, row)
                total(db)
            except Exception as error:  # DBS308
                print(error)
        db.commit()

    def notify(db: Session, text, commit=False):
        try:
            write(db, text, commit=commit)
        except Exception as error:
            print(error)

    def notify_here(db: Session, text, commit=False):
        try:
            db.add(text)
            db.flush()
            if commit:
                db.commit()
        except Exception as error:
            print(error)

    def notify_always(db: Session, text):
        try:
            db.add(text)
            total(db)
        except Exception as error:  # DBS308
            print(error)
"""


def test_what_is_committed_on_some_ways_alone_is_not_rolled_back(tmp_path: Path) -> None:
    assert_service(tmp_path, SOMETIMES)


def test_a_statement_by_another_name_is_no_write_and_no_work_before(tmp_path: Path) -> None:
    service = """
        from sqlalchemy import func as f, select as choose, text as raw, update as change
        from sqlalchemy.orm import Session

        def find(db: Session, name):
            db.execute(raw("select 1"))
            return db.scalars(choose(Row).where(f.lower(Row.name) == name)).all()

        def mark(db: Session, name):
            db.execute(change(Row).values(name=name))

        def note(db: Session, name):
            db.add(Row(name=name))
            db.commit()

        def read_before(db: Session, name):
            found = find(db, name)
            try:
                note(db, name)
            except Exception as error:
                print(error)

        def changed_before(db: Session, name):
            mark(db, name)
            try:
                note(db, name)
            except Exception as error:
                print(error)

        def mark_late(db: Session, name):
            db.commit()
            mark(db, name)

        def mark_early(db: Session, name):
            mark(db, name)
            note(db, name)

        def changed_after_the_commit_before(db: Session, name):
            mark_late(db, name)
            try:
                note(db, name)
            except Exception as error:
                print(error)

        def committed_before(db: Session, name):
            mark_early(db, name)
            try:
                note(db, name)
            except Exception as error:
                print(error)
    """
    write_project(tmp_path, {"core.py": CORE, "service.py": service, **POSTGRESQL})
    found = [message for *_, code, message in lint(tmp_path, "service.py") if code == "DBS308"]
    assert [message.partition("; ")[2] for message in found] == [
        "call `db.rollback()` in it",
        "call `db.commit()` before the `try`, for a rollback may undo line 24 as well, and "
        "`db.rollback()` in it",
        "call `db.commit()` before the `try`, for a rollback may undo line 39 as well, and "
        "`db.rollback()` in it",
        "call `db.rollback()` in it",
    ]


def test_in_the_block_of_a_transaction_only_a_savepoint_helps(tmp_path: Path) -> None:
    service = """
        from core import SessionLocal
        from sqlalchemy import text
        from sqlalchemy.orm import Session

        def add_column(db: Session):
            with db.begin():
                try:
                    db.execute(text("alter table t add column g text"))
                except Exception as error:
                    print(error)
                db.execute(text("delete from t"))

        def add_another():
            with SessionLocal.begin() as db:
                try:
                    db.execute(text("alter table t add column g text"))
                except Exception as error:
                    print(error)
                db.execute(text("delete from t"))
    """
    write_project(tmp_path, {"core.py": CORE, "service.py": service, **POSTGRESQL})
    found = [message for *_, code, message in lint(tmp_path, "service.py") if code == "DBS308"]
    ways = [message.partition("; ")[2] for message in found]
    assert ways == ["put what the `try` does in `with db.begin_nested():`"] * 2


def test_sessions_of_objects_and_of_static_methods(tmp_path: Path) -> None:
    service = """
        from core import SessionLocal
        from models import Row
        from sqlalchemy.orm import Session

        class Broker:
            def __init__(self):
                self.s = SessionLocal()

            def keep(self, status):
                try:
                    row = Row(status=status)
                    self.s.add(row)
                    self.s.commit()
                except Exception as error:  # DBS308
                    print(error)

            def place(self, row, client):
                try:
                    row.stop = client.place(row.id)
                    self.s.commit()
                except Exception as error:  # DBS308
                    print(error)

        class Security:
            @staticmethod
            def log(db: Session, text: str):
                try:
                    db.add(Row(status=text))
                    db.commit()
                except Exception as error:  # DBS308
                    print(error)

            @classmethod
            def note(cls, db: Session, text: str):
                try:
                    db.add(Row(status=text))
                    db.commit()
                except Exception as error:  # DBS308
                    print(error)
    """
    assert_service(tmp_path, service)


def test_the_commit_of_an_objects_session_gets_a_try_of_its_own(tmp_path: Path) -> None:
    service = """
        from core import SessionLocal

        class Broker:
            def __init__(self):
                self.s = SessionLocal()

            def place(self, row, client):
                try:
                    row.stop = client.place(row.id)
                    self.s.commit()
                except Exception as error:
                    print(error)
    """
    write_project(tmp_path, {"core.py": CORE, "service.py": service})
    (message,) = (text for *_, code, text in lint(tmp_path, "service.py") if code == "DBS308")
    assert "give `self.s.commit()` a `try` of its own whose handler rolls back" in message
    flushing = service.replace("row.stop = client", "self.s.flush(); row.stop = client")
    line = dedent(flushing)[: dedent(flushing).index("self.s.flush")].count("\n") + 1
    write_project(tmp_path, {"service.py": flushing})
    (message,) = (text for *_, code, text in lint(tmp_path, "service.py") if code == "DBS308")
    assert f"give `self.s.commit()`, and the flush of line {line}, a `try` of its own" in message


def test_what_is_awaited_is_asynchronous_whatever_its_annotation_says(tmp_path: Path) -> None:
    service = """
        from sqlalchemy import text
        from sqlalchemy.orm import Session

        async def create(db: Session):
            try:
                await db.execute(text("create table t (i int)"))
                await db.commit()
            except Exception as error:
                print(error)
    """
    write_project(tmp_path, {"core.py": CORE, "service.py": service, **POSTGRESQL})
    (message,) = (m for *_, code, m in lint(tmp_path, "service.py") if code == "DBS308")
    assert "call `await db.rollback()` in it" in message


def test_the_sessions_of_registries(tmp_path: Path) -> None:
    service = """
        from flask import Flask
        from flask_sqlalchemy import SQLAlchemy
        from sqlalchemy.orm import scoped_session, sessionmaker

        app = Flask(__name__)
        db = SQLAlchemy(app)
        current = scoped_session(sessionmaker())

        def start(row, client):
            try:
                row.status = client.send(row.id)
                db.session.commit()
            except Exception as error:  # DBS308
                row.status = "error"
                db.session.commit()
                print(error)

        def clean(rows):
            for row in rows:
                try:
                    row.status = None
                    db.session.flush()
                except Exception as error:  # DBS308
                    print(error)
            db.session.commit()

        def each(rows):
            for row in rows:
                try:
                    current.add(row)
                    current.commit()
                except Exception as error:  # DBS308
                    print(error)

        def at_the_end(row):
            try:
                db.session.add(row)
                db.session.commit()
            except Exception as error:
                print(error)
            return "done"

        def removed(row):
            try:
                current.add(row)
                current.commit()
            except Exception as error:
                print(error)
            finally:
                current.remove()
    """
    assert_service(tmp_path, service)


def test_the_queries_of_an_extension_s_models(tmp_path: Path) -> None:
    """`Book.query` is run by `db.session`, which it does not name."""
    models = """
        from flask_sqlalchemy import SQLAlchemy

        db = SQLAlchemy()

        class Base(db.Model):
            __abstract__ = True

        class Book(Base):
            pass

        class Shelf:
            query = {}
    """
    views = """
        from models import Book, Shelf, db
        from sqlalchemy.exc import IntegrityError

        def in_the_handler(book):
            db.session.add(book)
            try:
                db.session.commit()
            except IntegrityError:  # DBS308
                return Book.query.filter_by(isbn=book.isbn).one()
            return book

        def after_it(book):
            db.session.add(book)
            try:
                db.session.commit()
            except IntegrityError:  # DBS308
                pass
            return Book.query.filter_by(isbn=book.isbn).one()

        def rolls_back(book):
            db.session.add(book)
            try:
                db.session.commit()
            except IntegrityError:
                db.session.rollback()
            return Book.query.filter_by(isbn=book.isbn).one()

        def of_no_model(book):
            db.session.add(book)
            try:
                db.session.commit()
            except IntegrityError:
                pass
            return Shelf.query.get(book.isbn)

        def in_the_handler_of_no_model(book):
            db.session.add(book)
            try:
                db.session.commit()
            except IntegrityError:
                return Shelf.query.get(book.isbn)
    """
    assert_cases(tmp_path, {"models.py": models, "views.py": views}, {"DBS308"})


def test_the_session_of_a_registry_is_ended_by_others(tmp_path: Path) -> None:
    service = """
        from flask import Flask
        from flask_sqlalchemy import SQLAlchemy

        app = Flask(__name__)
        db = SQLAlchemy(app)

        class Rows:
            def save(self, row):
                self.store(row)

            def store(self, row):
                db.session.merge(row)
                db.session.commit()

        class Service:
            def __init__(self):
                self.rows = Rows()

            def clean(self, rows):
                for row in rows:
                    try:
                        self.rows.save(row)
                        db.session.flush()
                    except Exception as error:
                        print(error)
                db.session.commit()

        def watch(rows):
            while True:
                try:
                    with app.app_context():
                        rows.pop().status = "old"
                        db.session.commit()
                except Exception as error:
                    print(error)

        def watch_in_one(rows):
            with app.app_context():
                while True:
                    try:
                        rows.pop().status = "old"
                        db.session.commit()
                    except Exception as error:  # DBS308
                        print(error)
    """
    assert_service(tmp_path, service)


def test_what_a_call_says_decides_what_its_function_does(tmp_path: Path) -> None:
    service = """
        from sqlalchemy.orm import Session

        def note(db: Session, text, commit: bool = True):
            db.add(text)
            if commit:
                db.commit()
            else:
                db.flush()

        def pass_on(db: Session, text, commit=False):
            note(db, text, commit=commit)

        def watch(db: Session, rows):
            for row in rows:
                row.seen = True
                try:
                    note(db, "seen", commit=False)
                except Exception as error:
                    print(error)
            db.commit()

        def watch_each(db: Session, rows):
            for row in rows:
                try:
                    note(db, "seen")
                except Exception as error:
                    print(error)
    """
    write_project(tmp_path, {"core.py": CORE, "service.py": service, **POSTGRESQL})
    found = [message for *_, code, message in lint(tmp_path, "service.py") if code == "DBS308"]
    assert [message.partition("; ")[2] for message in found] == [
        "put what the `try` does in `with db.begin_nested():`",
        "call `db.rollback()` in it",
    ]


def test_what_reads_and_what_a_block_has_committed_is_no_work_before(tmp_path: Path) -> None:
    service = """
        from core import SessionLocal
        from sqlalchemy import func, select
        from sqlalchemy.orm import Session

        def median(db: Session):
            change = func.percentile_cont(0.5).within_group(Part.price.asc())
            return db.execute(select(change)).scalar()

        def note(db: Session, text):
            db.add(Part(name=text))
            db.commit()

        def read(db: Session):
            found = median(db)
            try:
                note(db, found)
            except Exception as error:
                print(error)

        def committed(db: Session):
            with db.begin():
                db.add(Part(name="x"))
            try:
                note(db, "y")
            except Exception as error:
                print(error)
    """
    write_project(tmp_path, {"core.py": CORE, "service.py": service, **POSTGRESQL})
    found = [message for *_, code, message in lint(tmp_path, "service.py") if code == "DBS308"]
    ways = [message.partition("; ")[2] for message in found]
    assert ways == ["call `db.rollback()` in it"] * 2


def test_where_autoflush_is_turned_off(tmp_path: Path) -> None:
    loop = """
        from flask_sqlalchemy import SQLAlchemy
        from models import Part
        from sqlalchemy import create_engine, select
        from sqlalchemy.orm import scoped_session, sessionmaker

        engine = create_engine("sqlite:///x.db")
        MADE

        def load(rows):
            for row in rows:
                try:
                    if not OPEN.scalar(select(Part).where(Part.name == row)):
                        OPEN.add(Part(name=row))
                except Exception as error:CODE
                    print(error)
            OPEN.commit()
    """
    registry = "current = scoped_session(sessionmaker(engine{}))"
    ways = [
        (registry.format(""), "current", True),
        (registry.format(", autoflush=False"), "current", False),
        (registry.format("") + "; current.configure(autoflush=False)", "current", False),
        ("db = SQLAlchemy()", "db.session", True),
        ("db = SQLAlchemy(session_options={'autoflush': False})", "db.session", False),
        ("Make = sessionmaker(engine); db = Make(autoflush=False)", "db", False),
    ]
    for number, (made, opened, is_reported) in enumerate(ways):
        text = loop.replace("MADE", made).replace("OPEN", opened)
        text = text.replace("CODE", "  # DBS308" if is_reported else "")
        assert_cases(tmp_path, {f"load{number}.py": text}, {"DBS308"})
    inside = """
        from models import Part
        from sqlalchemy import create_engine, select
        from sqlalchemy.orm import Session

        def load(rows):
            with Session(create_engine("sqlite:///x.db")) as db:
                with db.no_autoflush:
                    for row in rows:
                        try:
                            if not db.scalar(select(Part).where(Part.name == row)):
                                db.add(Part(name=row))
                        except Exception as error:
                            print(error)
                db.commit()
    """
    assert_cases(tmp_path, {"inside.py": inside}, {"DBS308"})


def test_without_autoflush_a_query_writes_nothing(tmp_path: Path) -> None:
    text = """
        from models import Part
        from sqlalchemy import create_engine, select
        from sqlalchemy.orm import sessionmaker

        engine = create_engine("sqlite:///x.db")
        Silent = sessionmaker(engine, autoflush=False)
        Flushing = sessionmaker(engine)

        def load(rows):
            with Silent() as session:
                for row in rows:
                    try:
                        if not session.scalar(select(Part).where(Part.name == row)):
                            session.add(Part(name=row))
                    except Exception as error:
                        print(error)
                session.commit()

        def load_flushing(rows):
            with Flushing() as session:
                for row in rows:
                    try:
                        if not session.scalar(select(Part).where(Part.name == row)):
                            session.add(Part(name=row))
                    except Exception as error:  # DBS308
                        print(error)
                session.commit()
    """
    assert_cases(tmp_path, {"app.py": text}, CODES)


def test_a_decorator_does_not_make_a_callers_work_the_functions_own(tmp_path: Path) -> None:
    text = """
        from sqlalchemy import select
        from sqlalchemy.orm import Session
        from core.decorators import retried
        from core.models import Tag

        {decorator}
        def import_tags(names, db: Session):
            found = []
            for name in names:
                try:
                    db.add(Tag(name))
                    db.flush()
                    found.append(name)
                except Exception:
                    continue
            return found
    """
    for number, decorator in enumerate(("", "@retried")):
        folder = tmp_path / str(number)
        write_project(folder, {**POSTGRESQL, "tags.py": text.format(decorator=decorator)})
        ways = [m.rpartition("; ")[2] for _, _, code, m in lint(folder, "tags.py") if code in CODES]
        assert ways == ["put what the `try` does in `with db.begin_nested():`"], decorator


def test_what_an_earlier_handler_catches(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            **POSTGRESQL,
            "work.py": """
                from sqlalchemy.exc import DBAPIError, IntegrityError
                from sqlalchemy.orm import Session

                def all_of_the_databases(runs, db: Session):
                    for run in runs:
                        try:
                            db.add(run)
                            db.flush()
                        except DBAPIError:
                            raise
                        except Exception:
                            print("not run")

                def some(runs, db: Session):
                    for run in runs:
                        try:
                            db.add(run)
                            db.flush()
                        except IntegrityError:
                            raise
                        except Exception:  # DBS308
                            print("not run")
            """,
        },
        CODES,
    )


@pytest.mark.parametrize(
    "block", ["session.flush()", "with session.begin_nested(): session.flush()"]
)
def test_a_savepoint_comes_too_late_for_what_is_added_before_it(tmp_path: Path, block: str) -> None:
    text = f"""
        from sqlalchemy.orm import Session

        def tag_all(names, session: Session):
            for name in names:
                session.add(Tag(name))
                try:
                    {block}
                except Exception:
                    continue

        def tag_each(names, session: Session):
            for name in names:
                try:
                    with session.begin_nested():
                        session.add(Tag(name))
                except Exception:
                    continue

        def tag_after_others(names, session: Session):
            session.add(Tag("all"))
            session.flush()
            for name in names:
                try:
                    with session.begin_nested():
                        session.flush()
                except Exception:
                    continue
    """
    write_project(tmp_path, {"tags.py": text})
    found = [(row, m) for row, _, code, m in lint(tmp_path, "tags.py") if code in CODES]
    assert [row for row, _ in found] == [9]
    way_out = "put what the `try` does, line 6 as well, in `with session.begin_nested():`"
    assert found[0][1].endswith(way_out)


def test_an_unknown_method_may_fail_before_the_commit_does(tmp_path: Path) -> None:
    text = """
        from sqlalchemy.orm import Session

        class Hooks(Handler):
            def __init__(self, db: Session):
                self.db = db

            def receive(self, data):
                log = Log(data)
                self.db.add(log)
                try:
                    log.result = self.process(data)
                    self.db.commit()
                except Exception as error:
                    log.result = str(error)
                    self.db.commit()
                    raise
    """
    write_project(tmp_path, {"hooks.py": text})
    (message,) = [m for _, _, code, m in lint(tmp_path, "hooks.py") if code in CODES]
    assert message.endswith(
        "give `self.db.commit()` a `try` of its own whose handler rolls back, and so undoes no more"
    )


def test_a_commit_that_has_nothing_to_flush_does_not_fail_for_a_missing_column(
    tmp_path: Path,
) -> None:
    text = """
        from sqlalchemy import insert
        from sqlalchemy.exc import IntegrityError, OperationalError, SQLAlchemyError
        from sqlalchemy.orm import Session

        def migrate(engine, session: Session):
            try:
                session.query(Rate.column).first()
                session.commit()
            except OperationalError:
                add_column(engine)

        def count(session: Session):
            session.commit()
            try:
                session.execute(insert(Rate).values(at=1))
                session.commit()
            except IntegrityError:
                session.execute(other)

        def whatever_fails(engine, session: Session):
            try:
                session.query(Rate.column).first()
                session.commit()
            except SQLAlchemyError:  # DBS308
                add_column(engine)

        def added(session: Session, rate):
            session.add(rate)
            try:
                session.query(Rate.column).first()
                session.commit()
            except IntegrityError:  # DBS308
                print("there")

        def changed(session: Session, rate):
            rate.at = 1
            try:
                session.query(Rate.column).first()
                session.commit()
            except IntegrityError:  # DBS308
                print("there")
    """
    url = {
        "db.py": 'from sqlalchemy import create_engine\n\nengine = create_engine("sqlite:///x")\n'
    }
    assert_cases(tmp_path, {**url, "rates.py": text}, CODES)


def test_the_turns_of_the_inner_loop_are_committed_together(tmp_path: Path) -> None:
    text = """
        from sqlalchemy.orm import Session

        def read(batches, db: Session):
            for batch in batches:
                for page in batch:
                    try:
                        db.add(page)
                        db.flush()
                    except Exception:
                        page.failed = True
                db.commit()
    """
    write_project(tmp_path, {"pages.py": text})
    (message,) = [m for _, _, code, m in lint(tmp_path, "pages.py") if code in CODES]
    assert message.endswith("; put what the `try` does in `with db.begin_nested():`")


def test_a_way_on_which_there_is_no_session(tmp_path: Path) -> None:
    text = """
        from sqlalchemy.orm import Session

        kept = None

        def unlock(given: Session | None):
            try:
                given.commit()
            except Exception:{mark}
                print("not unlocked")
            finally:
                if {test}:
                    given.close()
    """
    closed = text.format(mark="", test="given")
    left = text.format(mark="  # DBS308", test="kept")
    assert_cases(tmp_path, {"closed.py": closed, "left.py": left}, CODES)


def test_a_function_of_the_project_rolls_back_only_if_its_code_does(tmp_path: Path) -> None:
    text = """
        from sqlalchemy.orm import Session

        def note_rollback(reason):
            print("no rollback:", reason)

        def safe_rollback(db):
            undo(db)

        def undo(db):
            db.rollback()

        def noted(runs, db: Session):
            for run in runs:
                db.add(run)
                try:
                    db.commit()
                except Exception:  # DBS308
                    note_rollback("full")

        def undone(runs, db: Session):
            for run in runs:
                db.add(run)
                try:
                    db.commit()
                except Exception:
                    safe_rollback(db)
    """
    assert_cases(tmp_path, {"runs.py": text}, CODES)


def test_a_commit_right_after_the_handler_ends_what_failed(tmp_path: Path) -> None:
    service = """
        from sqlalchemy import create_engine, text
        from sqlalchemy.orm import Session, sessionmaker

        SessionLocal = sessionmaker(create_engine("postgresql://localhost/shop"))
        UPDATE = text("UPDATE users SET reachable = false")

        def finish(session):
            session.commit()

        def each(users, session: Session):
            for user in users:
                try:
                    session.execute(UPDATE)
                except Exception as error:
                    print(error)
                finally:
                    finish(session)

        def by_itself():
            with SessionLocal() as session:
                try:
                    session.execute(UPDATE)
                except Exception as error:
                    print(error)
                session.commit()

        def after_a_write(user):
            with SessionLocal() as session:
                session.execute(UPDATE)
                try:
                    session.execute(UPDATE)
                except Exception as error:  # DBS308
                    print(error)
                session.commit()

        def before_an_add(user):
            with SessionLocal() as session:
                try:
                    session.execute(UPDATE)
                except Exception as error:  # DBS308
                    print(error)
                session.add(user)
                session.commit()

        def after_a_flush(user):
            with SessionLocal() as session:
                try:
                    session.add(user)
                    session.flush()
                except Exception as error:  # DBS308
                    print(error)
                session.commit()
    """
    assert_cases(tmp_path, {"service.py": service}, CODES)


def test_a_plain_object_that_is_filled_from_loaded_ones_is_no_change(tmp_path: Path) -> None:
    models = """
        from sqlalchemy import create_engine
        from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

        SessionLocal = sessionmaker(create_engine("postgresql://localhost/shop"))

        class Base(DeclarativeBase):
            pass

        class Salary(Base):
            __tablename__ = "salaries"
            id: Mapped[int] = mapped_column(primary_key=True)
            gross: Mapped[int]

        class Sum:
            def __init__(self):
                self.lines = []
                self.rules = None

        def fill(found: Sum, salary: Salary):
            for rule in salary.rules:
                {line}

        def refresh(db: Session, number):
            salary = db.get(Salary, number)
            found = Sum()
            fill(found, salary)
            if not found.lines:
                return None
            salary.gross = 1
            db.commit()

        def refresh_all(numbers):
            with SessionLocal() as db:
                for number in numbers:
                    try:
                        refresh(db, number)
                    except Exception:
                        print("not refreshed")
    """
    for number, (line, is_change) in enumerate(
        [
            ("found.lines.append(rule.name)", False),
            ("found.first = rule.name", False),
            ("found.rules.append(rule)", True),
            ("salary.notes.append(rule.name)", True),
        ]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        write_project(folder, {"service.py": models.replace("{line}", line)})
        (message,) = [m for *_, code, m in lint(folder, "service.py") if code == "DBS308"]
        assert ("commit each iteration" in message) is is_change, line


def test_a_query_breaks_no_constraint(tmp_path: Path) -> None:
    text = """
        from db import other
        from sqlalchemy import insert, select
        from sqlalchemy.exc import IntegrityError
        from sqlalchemy.orm import Session

        def read(session: Session, number):
            try:
                session.execute(select(Item).where(Item.id == number))
                other(number)
            except IntegrityError:
                print("the other's")

        def write(session: Session, number):
            try:
                session.execute(insert(Item).values(id=number))
            except IntegrityError:  # DBS308
                print("there")
    """
    assert_cases(tmp_path, {**POSTGRESQL, "items.py": text}, CODES)


def test_what_a_turns_handler_marks_is_left_to_a_later_commit(tmp_path: Path) -> None:
    text = """
        from db import SessionLocal

        def run(send):
            with SessionLocal() as db:
                queued = db.query(Mail).all()
                for mail in queued:
                    try:
                        send(mail.address)
                        {sent}
                        db.commit()
                    except Exception:
                        {marked}
                db.commit()
    """
    write_project(tmp_path, {"db.py": SESSIONS})
    for sent, marked, is_batch in (
        ("mail.status = 1", "mail.status = 2", True),
        ("db.add(Sent(mail))", "print(mail)", False),
    ):
        (tmp_path / "run.py").write_text(dedent(text.format(sent=sent, marked=marked)), "utf-8")
        (message,) = [m for _, _, code, m in lint(tmp_path, "run.py") if code in CODES]
        assert ("; commit each iteration's work, for a rollback" in message) is is_batch


@pytest.mark.parametrize(
    ("options", "refresh", "mark"),
    [
        ("", "", "  # DBS308"),
        (", expire_on_commit=False", "", ""),
        ("", "await db.refresh(trade)", ""),
    ],
)
def test_what_is_loaded_again_is_not_expired(
    tmp_path: Path, options: str, refresh: str, mark: str
) -> None:
    text = f"""
        from typing import Annotated

        from fastapi import Depends, FastAPI
        from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

        engine = create_async_engine("postgresql+asyncpg://localhost/x")
        factory = async_sessionmaker(engine{options})
        app = FastAPI()

        async def get_db():
            async with factory() as session:
                yield session
                await session.commit()

        @app.post("/trades")
        async def post(db: Annotated[AsyncSession, Depends(get_db)]):
            trade = Trade()
            db.add(trade)
            await db.commit()
            {refresh or "pass"}
            try:
                print(await db.execute("SELECT 1"))
            except Exception:{mark}
                pass
            return trade.id
    """
    assert_cases(tmp_path, {"app.py": text}, CODES)


def test_a_caller_that_works_on_where_it_is_given_nothing(tmp_path: Path) -> None:
    helpers = """
        from sqlalchemy.orm import Session

        def {name}(db: Session, data):
            try:
                db.add(data)
                db.flush()
                return data
            except Exception as error:{mark}
                print(error)
                return {value}
    """
    callers = """
        def {name}_caller(db: Session, items):
            for item in items:
                {body}
    """
    kinds = {
        "ignored": ("None", "ignored(db, item)\n        db.add(Log(item))", True),
        "asked": ("False", "if not asked(db, item):\n            continue", True),
        "named": ("", "row = named(db, item)\n        if row:\n            db.add(row)", True),
        "other": ("None", "row = other(db, item) or other(db, None)\n        print(row)", True),
        "left": ("None", "row = left(db, item)\n        if not row:\n            return", False),
        "ended": (
            "[]",
            "if not ended(db, item):\n            db.rollback()\n            continue",
            False,
        ),
        "told": ("str(error)", "told(db, item)", True),
        "turned": ("None", "failed = not turned(db, item)\n        return failed", False),
        "walrus": ("None", "if (row := walrus(db, item)):\n            return row", True),
        "passed": ("None", "work(passed(db, item))", False),
    }
    parts = ["from sqlalchemy.orm import Session\n"]
    for name, (value, body, is_bad) in kinds.items():
        mark = "  # DBS308" if is_bad else ""
        parts.append(dedent(helpers).format(name=name, value=value, mark=mark))
        parts.append(dedent(callers).format(name=name, body=body))
    assert_cases(tmp_path, {"service.py": "\n".join(parts)}, CODES)


@pytest.mark.parametrize("removes", [False, True])
def test_a_registry_that_nothing_removes_lives_on(removes: bool, tmp_path: Path) -> None:
    mark = "" if removes else "  # DBS308"
    files = {
        "database.py": """
            from sqlalchemy import create_engine
            from sqlalchemy.orm import scoped_session, sessionmaker

            class Database:
                def __init__(self, url):
                    self.session = scoped_session(sessionmaker(create_engine(url)))
        """,
        "pool.py": f"""
            from database import Database

            class Pool:
                def __init__(self):
                    self.db = Database("postgresql://x/y")

                def fill(self):
                    try:
                        self.db.session.add(object())
                        self.db.session.flush()
                    except Exception as error:{mark}
                        print(error)
        """,
        "web.py": "def teardown(db):\n    db.session.remove()\n" if removes else "",
    }
    assert_cases(tmp_path, files, CODES)


@pytest.mark.parametrize("named", [("sql", "sql"), ("query", "sql")])
def test_a_name_of_two_statements_is_the_one_that_runs(
    named: tuple[str, str], tmp_path: Path
) -> None:
    read, write = named
    text = f"""
        from sqlalchemy import create_engine, text
        from sqlalchemy.orm import sessionmaker

        Make = sessionmaker(create_engine("mysql://x/y"))

        def copy(rows, db):
            {read} = "SELECT COUNT(1) FROM rules"
            if db.execute(text({read})).scalar() > 0:
                return
            {write} = "INSERT INTO rules VALUES (:row)"
            for row in rows:
                db.execute(text({write}), row)
                db.commit()

        def copy_all(one, other):
            db = Make()
            try:
                db.add(one)
                try:
                    copy(other, db)
                except Exception as error:  # DBS308
                    print(error)
                copy(other, db)
            finally:
                db.close()
    """
    assert_cases(tmp_path, {"copying.py": text}, CODES)


SAVING = """
    from sqlalchemy.orm import Session

    def save(db: Session, data):
        try:
            db.add(data)
            db.commit()
            return None
        except Exception as error:{mark}
            return {value}
"""


@pytest.mark.parametrize(
    ("value", "body", "is_bad"),
    [
        ("'failed'", "save(db, item)", True),
        ("str(error)", "save(db, item)", True),
        ("{'error': str(error)}", "found.append(save(db, item))", True),
        ("None", "found.append(save(db, item))", True),
        ("None", "found.append(save(db, item))\nif found[-1] is None:\n    return", False),
        ("error", "found.append(save(db, item))\nlast = found[-1]\nif last: return", False),
        ("f'not saved: {error}'", "text = save(db, item)\nfound.append({'text': text})", True),
        ("'failed'", "text = save(db, item)\nif text:\n    print(text)", True),
        ("'failed'", "text = save(db, item)\nif text:\n    return", False),
        ("'failed'", "if save(db, item):\n    db.rollback()", False),
        ("'failed'", "text = save(db, item)\nif text == 'failed':\n    return", False),
        ("str(error)", "text = save(db, item)\nif text:\n    print(text)", False),
        ("error", "raise_for(save(db, item))", False),
        ("error", "result = save(db, item)\nraise_for(result)", False),
        ("error", "result = save(db, item)\nprint(result)", True),
        ("{'ok': False}", "result = save(db, item)\nif not result['ok']:\n    return", False),
        ("{'ok': False}", "ok = save(db, item)['ok']\nif not ok:\n    return", False),
        ("{'ok': 0}", "all = save(db, item)\nok = all['ok']\nif not ok:\n    return", False),
        ("(False, error)", "ok, text = save(db, item)\nif not ok:\n    return", False),
        ("(False, error)", "ok, text = save(db, item)\ndb.add(Log(text))", True),
        ("None", "ok, text = save(db, item)\ndb.add(Log(text))", False),
        ("error", "result = save(db, item)\nmatch result:\n    case str():\n        return", False),
        ("[*given]", "rows = save(db, item)\nif not rows:\n    print(rows)", False),
        ("[1]", "rows = save(db, item)\nif not rows:\n    return", True),
    ],
)
@pytest.mark.parametrize("is_elsewhere", [False, True])
def test_what_a_caller_makes_of_the_answer_of_a_handler(
    value: str, body: str, is_bad: bool, is_elsewhere: bool, tmp_path: Path
) -> None:
    saving = dedent(SAVING).format(value=value, mark="  # DBS308" if is_bad else "")
    caller = (
        "def raise_for(error):\n    if error:\n        raise error\n\n"
        "def save_all(db, items, found):\n    for item in items:\n"
    ) + indent(body, " " * 8)
    files = {"saving.py": saving, "all.py": f"from saving import save\n\n{caller}\n"}
    if not is_elsewhere:
        files = {"saving.py": f"{saving}\n{caller}\n"}
    assert_cases(tmp_path, files, CODES)


@pytest.mark.parametrize("name", ["tests/use.py", "test_saving.py", "conftest.py"])
def test_a_test_that_works_on_is_no_caller(name: str, tmp_path: Path) -> None:
    saving = dedent(SAVING).format(value="'failed'", mark="")
    caller = "from saving import save\n\ndef use(db):\n    save(db, 1)\n    db.query(Item).all()\n"
    assert_cases(tmp_path, {"saving.py": saving, name: caller}, CODES)


def test_an_objects_other_method_that_works_on(tmp_path: Path) -> None:
    text = """
        from sqlalchemy.orm import Session

        class Store:
            def __init__(self, db: Session):
                self.db = db

            def _save(self, row):
                try:
                    self.db.add(row)
                    self.db.commit()
                    return True
                except Exception:  # DBS308
                    return False

            def save_all(self, rows):
                for row in rows:
                    if not self._save(row):
                        print("not saved", row)

            def _count(self, row):
                try:
                    self.db.add(row)
                    self.db.commit()
                    return ""
                except Exception as error:
                    return str(error)

            def count(self, row):
                return self._count(row)

            def of_another(self, other: "Store", row):
                other._count(row)
                return self.db.query(Row).all()
    """
    assert_cases(tmp_path, {"store.py": text}, CODES)
