"""DBS308: work that objects and functions do by the session which they were given."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from tests.cases import assert_cases, lint, write_project
from tests.rules.test_swallowed_error import CORE, POSTGRESQL

CODES = {"DBS308"}

REPOS = """
    from sqlalchemy.orm import Session

    class Users:
        def __init__(self, session: Session):
            self._session = session

        def add(self, row):
            self._session.add(row)
            self._session.flush()

        def count(self):
            return self._session.query(User).count()

        def save(self, row):
            try:
                self._session.add(row)
                self._session.commit()
            except Exception:
                self._session.rollback()
                raise

        def undo(self):
            self._session.rollback()

        def describe(self):
            return "users"

        def rename(self, row, name):
            user = self._session.get(User, row)
            user.name = name

        def spread(self, **values):
            self._session.add(User(**values))
            self._session.flush()

    class Base:
        def __init__(self, session: Session, name):
            self.session, self.name = session, name

        def _put(self, row, is_last=True):
            self.session.add(row)
            if is_last:
                self.session.flush()

    class Orders(Base):
        def __init__(self, session: Session):
            super().__init__(session, "orders")

        def add(self, row):
            super()._put(row)

        def note(self, row):
            self._put(row, False)

    class Uow:
        def __init__(self, session: Session):
            self.users = Users(session)

    class Loose:
        def __init__(self, session: Session):
            self.session = session

        def add(self, row):
            self.session.flush()

    class Tight(Loose):
        def add(self, row):
            print(row)
"""


def assert_service(tmp_path: Path, service: str) -> None:
    files = {"core.py": CORE, "repos.py": REPOS, "service.py": service, **POSTGRESQL}
    assert_cases(tmp_path, files, CODES)


def message(tmp_path: Path, service: str) -> str:
    files = {"core.py": CORE, "repos.py": REPOS, "service.py": service, **POSTGRESQL}
    write_project(tmp_path, files)
    (text,) = [m for _, _, code, m in lint(tmp_path, "service.py") if code == "DBS308"]
    return text


def test_the_work_of_an_object_that_is_made_with_the_session(tmp_path: Path) -> None:
    assert_service(
        tmp_path,
        """
        from core import SessionLocal, get_db_session
        from repos import Loose, Orders, Uow, Users
        from sqlalchemy.orm import Session

        def by_its_name(rows):
            with get_db_session() as session:
                users = Users(session)
                for row in rows:
                    try:
                        users.add(row)
                    except Exception:  # DBS308
                        print(row)

        def on_the_spot(rows):
            with get_db_session() as session:
                for row in rows:
                    try:
                        Users(session).add(row)
                    except Exception:  # DBS308
                        print(row)

        def of_another_object(session: Session, rows):
            uow = Uow(session=session)
            for row in rows:
                try:
                    uow.users.add(row)
                except Exception:  # DBS308
                    print(row)

        def by_a_base(session: Session, row):
            orders = Orders(session)
            try:
                orders.add(row)
            except Exception:  # DBS308
                print(row)

        def with_what_is_not_told_apart(session: Session, values):
            users = Users(session)
            try:
                users.spread(**values)
            except Exception:  # DBS308
                print(values)

        def worked_with_by_an_object_again(row):
            session = SessionLocal()
            users = Users(session)
            try:
                users.add(row)
            except Exception:  # DBS308
                print(row)
            print(users.count())
            session.close()

        def in_the_handler(row):
            with SessionLocal() as session:
                users = Users(session)
                try:
                    users.add(row)
                except Exception:  # DBS308
                    users.count()

        def in_the_handler_that_raises(row):
            with SessionLocal() as session:
                try:
                    Users(session).add(row)
                except Exception:  # DBS308
                    Users(session).count()
                    raise

        def given_to_a_function(row):
            with get_db_session() as session:
                try:
                    add_both(session, row)
                except Exception:  # DBS308
                    print(row)

        def add_both(session, row):
            orders = Orders(session)
            orders.add(row)
        """,
    )


def test_objects_that_are_not_known_to_fail_by_the_session(tmp_path: Path) -> None:
    assert_service(
        tmp_path,
        """
        from core import get_db_session
        from repos import Loose, Orders, Users
        from sqlalchemy.orm import Session

        def sees_to_it_itself(session: Session, row):
            users = Users(session)
            try:
                users.save(row)
            except Exception:
                print(row)

        def rolled_back_by_an_object(session: Session, row):
            users = Users(session)
            try:
                users.add(row)
            except Exception:
                users.undo()

        def does_not_work(session: Session):
            try:
                print(Users(session).describe())
            except Exception:
                print("nothing")

        def one_of_several_classes(session: Session, row, loose: Loose):
            try:
                loose.add(row)
            except Exception:
                print(row)

        def only_notes_it(session: Session, row):
            orders = Orders(session)
            try:
                orders.note(row)
            except Exception:
                print(row)

        def one_of_two(session: Session, other, row):
            users = Users(session)
            if other:
                users = Users(other)
            try:
                users.add(row)
            except Exception:
                print(row)

        def of_another_session(session: Session, row):
            with get_db_session() as own:
                users = Users(own)
                session.get(User, 1)
            try:
                users.describe()
                session.expunge(row)
            except Exception:
                print(row)

        def not_run_here(session: Session, rows, start):
            users = Users(session)
            try:
                start(users.add)
            except Exception:
                print(rows)

        def in_its_savepoint(session: Session, rows):
            users = Users(session)
            for row in rows:
                try:
                    with session.begin_nested():
                        users.add(row)
                except Exception:
                    print(row)

        def closed(row):
            with get_db_session() as session:
                users = Users(session)
            try:
                users.describe()
            except Exception:
                print(row)
        """,
    )


def test_the_work_of_a_methods_own_object(tmp_path: Path) -> None:
    assert_service(
        tmp_path,
        """
        from core import SessionLocal
        from repos import Base, Users
        from sqlalchemy.orm import Session

        class Service:
            def __init__(self, session: Session):
                self.session = session
                self.users = Users(session)

            def _write(self, row):
                self.session.add(row)
                self.session.flush()

            def _forget(self):
                self.session.rollback()

            def by_itself(self, rows):
                for row in rows:
                    try:
                        self._write(row)
                    except Exception:  # DBS308
                        print(row)
                self.session.commit()

            def by_an_attribute(self, rows):
                for row in rows:
                    try:
                        self.users.add(row)
                    except Exception:  # DBS308
                        print(row)
                self.session.commit()

            def rolls_back(self, row):
                try:
                    self._write(row)
                except Exception:
                    self._forget()

            def only_asks_an_object(self):
                try:
                    return self.users.describe()
                except Exception:
                    return None

        class Opening:
            def __init__(self):
                self.session = SessionLocal()
                self.users = Users(self.session)

            def add(self, row):
                try:
                    self.users.add(row)
                except Exception:  # DBS308
                    print(row)

        class Below(Base):
            def __init__(self, session: Session):
                super().__init__(session, "below")
                self.users = Users(session)

            def add(self, row):
                try:
                    self.users.add(row)
                except Exception:  # DBS308
                    print(row)
                self.session.commit()

        class Changing:
            def __init__(self, session: Session):
                self.session = session
                self.users = Users(session)

            def turn_to(self, other):
                self.users = Users(other)

            def add(self, row):
                try:
                    self.users.add(row)
                except Exception:
                    print(row)
                self.session.commit()
        """,
    )


INJECTED = """
    from repos import Users
    from sqlalchemy.orm import Session

    class Service:
        def __init__(self, users: Users, session: Session):
            self.users = users
            self.session = session

        def add(self, rows):
            for row in rows:
                try:
                    self.users.add(row)
                except Exception:{mark}
                    print(row)
            self.session.commit()
"""
CALLS = {
    "the same": ("service = Service(Users(session), session)", True),
    "the same by name": ("users = Users(session)\nservice = Service(users, session=session)", True),
    "another": ("service = Service(Users(other), session)", False),
    "both": ("Service(Users(other), session)\nService(Users(session), session)", False),
    "not known": ("service = Service(make(session), session)", False),
    "none": ("", False),
}


@pytest.mark.parametrize(("calls", "is_bad"), CALLS.values(), ids=CALLS)
def test_objects_that_are_given_together_with_the_session(
    calls: str, is_bad: bool, tmp_path: Path
) -> None:
    lines = "\n    ".join(calls.splitlines()) or "pass"
    container = (
        "from repos import Users\nfrom service import Service\n\n"
        f"def build(session, other, make):\n    {lines}\n"
    )
    service = dedent(INJECTED).format(mark="  # DBS308" if is_bad else "")
    files = {"repos.py": REPOS, "service.py": service, "container.py": container}
    assert_cases(tmp_path, files, CODES)


def test_a_container_that_keeps_what_it_makes(tmp_path: Path) -> None:
    container = """
        from repos import Users
        from service import Service
        from sqlalchemy.orm import Session

        class Container:
            def __init__(self, session: Session):
                self.session = session
                self.users = Users(session=self.session)
                self.service = Service(users=self.users, session=session)
    """
    service = dedent(INJECTED).format(mark="  # DBS308")
    files = {"repos.py": REPOS, "service.py": service, "container.py": container}
    assert_cases(tmp_path, files, CODES)


def test_classes_that_make_each_other(tmp_path: Path) -> None:
    text = """
        from sqlalchemy.orm import Session

        class One:
            def __init__(self, other: "Other", session: Session):
                self.session = session
                self.other = other

            def turn(self):
                return Other(self, self.session)

            def work(self):
                try:
                    self.other.work()
                except Exception:
                    print("no work")

        class Other:
            def __init__(self, one: One, session: Session):
                self.session = session
                self.one = one

            def turn(self):
                return One(self, self.session)

            def work(self):
                try:
                    self.session.flush()
                except Exception:  # DBS308
                    print("no work")
    """
    assert_cases(tmp_path, {"both.py": text}, CODES)


def test_what_the_message_advises_of_an_objects_work(tmp_path: Path) -> None:
    text = message(
        tmp_path,
        """
        from core import get_db_session
        from repos import Users

        def add(rows):
            with get_db_session() as session:
                users = Users(session)
                for row in rows:
                    try:
                        users.add(row)
                    except Exception:
                        print(row)
        """,
    )
    assert text.startswith("`except Exception` swallows an error of `users.add()`, after which")
    assert text.endswith("put what the `try` does in `with session.begin_nested():`")


@pytest.mark.parametrize("before", ["add(row)", "rename(row, 'x')"])
def test_what_an_object_has_done_before_is_not_rolled_back(before: str, tmp_path: Path) -> None:
    text = message(
        tmp_path,
        f"""
        from core import get_db_session
        from repos import Users

        def add(row, other):
            with get_db_session() as session:
                users = Users(session)
                users.{before}
                try:
                    users.add(other)
                except Exception:
                    print(row)
        """,
    )
    assert text.endswith(
        "put what the `try` does in `with session.begin_nested():`, "
        "for a rollback may undo line 8 as well"
    )


def test_a_session_that_each_turn_opens_is_rolled_back(tmp_path: Path) -> None:
    text = message(
        tmp_path,
        """
        from core import get_db_session
        from repos import Users

        def add(rows):
            for row in rows:
                with get_db_session() as session:
                    try:
                        Users(session).add(row)
                    except Exception:
                        print(row)
        """,
    )
    assert text.endswith("call `session.rollback()` in it")


def test_what_an_object_commits_is_no_work_for_a_savepoint(tmp_path: Path) -> None:
    assert_service(
        tmp_path,
        """
        from core import get_db_session
        from sqlalchemy.orm import Session

        class Users:
            def __init__(self, session: Session):
                self.session = session

            def add(self, row, commit=True):
                self.session.add(row)
                self.session.flush()
                if commit:
                    self.session.commit()

        def commits(session: Session, rows):
            users = Users(session)
            for row in rows:
                try:
                    users.add(row)
                except Exception:  # DBS308
                    print(row)

        def is_told_not_to(session: Session, row):
            users = Users(session)
            try:
                users.add(row, commit=False)
            except Exception:  # DBS308
                print(row)
        """,
    )


def test_what_a_function_raises_again_is_not_caught_in_it(tmp_path: Path) -> None:
    assert_service(
        tmp_path,
        """
        from sqlalchemy.orm import Session

        def raises_again(db, row):
            try:
                db.add(row)
                db.commit()
            except Exception as error:
                print(error)
                raise RuntimeError(row) from error

        def sees_to_it(db, row, undo):
            try:
                db.add(row)
                db.commit()
            except Exception:
                undo(db)
                raise

        def raises_some(db, row, strict):
            try:
                db.commit()
            except Exception:
                if not strict:
                    return
                raise

        def passes(db: Session, row):
            try:
                raises_again(db, row)
            except Exception:  # DBS308
                print(row)

        def is_seen_to(db: Session, row):
            try:
                sees_to_it(db, row, print)
            except Exception:
                print(row)

        def may_be_caught(db: Session, row):
            try:
                raises_some(db, row, True)
            except Exception:
                print(row)
        """,
    )


def test_a_handler_that_gives_the_session_to_what_fails_by_it(tmp_path: Path) -> None:
    assert_service(
        tmp_path,
        """
        from core import SessionLocal

        def mark(db, number, status):
            item = db.get(Item, number)
            item.status = status
            db.commit()

        def mark_after_a_rollback(db, number):
            db.rollback()
            mark(db, number, "failed")

        def mark_if_it_can(db, number):
            try:
                mark(db, number, "failed")
            except Exception:
                pass

        def run(number):
            db = SessionLocal()
            try:
                mark(db, number, "running")
                mark(db, number, "done")
            except Exception:  # DBS308
                try:
                    mark(db, number, "failed")
                except Exception:
                    pass
                raise
            finally:
                db.close()

        def rolls_back_first(number):
            with SessionLocal() as db:
                try:
                    mark(db, number, "done")
                except Exception:
                    mark_after_a_rollback(db, number)
                    raise

        def rolls_back_before_it(number):
            with SessionLocal() as db:
                try:
                    mark(db, number, "done")
                except Exception:
                    db.rollback()
                    mark(db, number, "failed")
                    raise

        def gives_it_to_what_hides_the_error(number):
            with SessionLocal() as db:
                try:
                    mark(db, number, "done")
                except Exception:
                    mark_if_it_can(db, number)
                    raise

        def after_a_look(number):
            with SessionLocal() as db:
                try:
                    mark(db, number, "done")
                except Exception as error:
                    if "timeout" in str(error):
                        mark(db, number, "failed")
                    raise

        def with_another(number):
            with SessionLocal() as db:
                try:
                    mark(db, number, "done")
                except Exception:
                    with SessionLocal() as other:
                        mark(other, number, "failed")
                    raise
        """,
    )


PROVIDERS = (
    CORE
    + """
    @contextmanager
    def forgiving():
        db = SessionLocal()
        try:
            yield db
            db.commit()
        except Exception:
            db.rollback()
        finally:
            db.close()

    def committing():
        with SessionLocal() as db:
            yield db
            db.commit()
"""
)


def test_handlers_that_leave_what_commits_at_its_end(tmp_path: Path) -> None:
    service = """
        from core import SessionLocal, committing, forgiving, get_db, get_db_session
        from fastapi import APIRouter, Depends
        from sqlalchemy.exc import IntegrityError

        router = APIRouter()

        def returns(item):
            with get_db_session() as db:
                try:
                    db.add(item)
                    db.commit()
                except IntegrityError:  # DBS308
                    return "exists"
            return "new"

        def goes_on(items):
            for item in items:
                with get_db_session() as db:
                    db.add(item)
                    try:
                        db.flush()
                    except IntegrityError:  # DBS308
                        continue

        def stops(items):
            for item in items:
                with get_db_session() as db:
                    try:
                        db.add(item)
                        db.flush()
                    except IntegrityError:  # DBS308
                        break

        def rolls_back(item):
            with get_db_session() as db:
                try:
                    db.add(item)
                    db.flush()
                except IntegrityError:
                    db.rollback()
                    return "exists"

        def rolls_back_at_last(item):
            with get_db_session() as db:
                try:
                    db.add(item)
                    db.flush()
                except IntegrityError:
                    return "exists"
                finally:
                    db.rollback()

        def raises(item):
            with get_db_session() as db:
                try:
                    db.add(item)
                    db.flush()
                except IntegrityError:
                    raise ValueError(item) from None

        def only_reads(number):
            with get_db_session() as db:
                try:
                    return db.get(Item, number)
                except Exception:
                    return None

        def a_statement(number):
            with get_db_session() as db:
                try:
                    db.execute(delete(Item))
                except Exception:
                    return None

        def is_closed(item):
            with SessionLocal() as db:
                try:
                    db.add(item)
                    db.commit()
                except IntegrityError:
                    return "exists"

        def ends_a_transactions_block(item):
            with SessionLocal.begin() as db:
                try:
                    db.add(item)
                    db.flush()
                except IntegrityError:
                    return "exists"

        def ends_its_own(item):
            with SessionLocal() as db, db.begin():
                try:
                    db.add(item)
                    db.flush()
                except IntegrityError:
                    return "exists"

        def swallowed_by_the_provider(item):
            with forgiving() as db:
                try:
                    db.add(item)
                    db.flush()
                except IntegrityError:
                    return "exists"

        def leaves_a_driven_dependency(item):
            try:
                for db in committing():
                    db.add(item)
                    db.flush()
            except IntegrityError:
                return "exists"

        def around_the_block(item):
            try:
                with get_db_session() as db:
                    db.add(item)
                    db.flush()
            except IntegrityError:
                return "exists"

        @router.post("/items")
        def create(item, db=Depends(committing)):
            try:
                db.add(item)
                db.flush()
            except IntegrityError:  # DBS308
                return {"exists": True}
            return {"exists": False}

        @router.post("/closed")
        def create_closed(item, db=Depends(get_db)):
            try:
                db.add(item)
                db.commit()
            except IntegrityError:
                return {"exists": True}
            return {"exists": False}
    """
    assert_cases(tmp_path, {"core.py": PROVIDERS, "service.py": service, **POSTGRESQL}, CODES)


def test_what_a_helper_only_does_where_no_event_loop_runs(tmp_path: Path) -> None:
    text = """
        import asyncio

        from sqlalchemy.orm import Session

        def log_event(db: Session, event, write):
            try:
                loop = asyncio.get_running_loop()
                loop.run_in_executor(None, write, event)
            except RuntimeError:
                db.add(Event(event))
                db.commit()

        def log_twice(db: Session, event, write):
            log_event(db, event, write)

        async def asynchronous(db: Session, event, write):
            try:
                log_twice(db, event, write)
            except Exception:
                print("not logged")
            return db.query(Event).all()

        def synchronous(db: Session, event, write):
            try:
                log_twice(db, event, write)
            except Exception:  # DBS308
                print("not logged")
            return db.query(Event).all()

        def log_errors(db: Session, event, write):
            try:
                write(event)
            except RuntimeError:
                db.add(Event(event))
                db.commit()

        async def of_another_error(db: Session, event, write):
            try:
                log_errors(db, event, write)
            except Exception:  # DBS308
                print("not logged")
            return db.query(Event).all()
    """
    assert_cases(tmp_path, {"service.py": text}, {"DBS308"})
