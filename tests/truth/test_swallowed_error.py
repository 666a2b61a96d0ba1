"""DBS308: what a session takes after an error that nobody rolled back, database by database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError, InternalError, PendingRollbackError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker
from sqlalchemy.pool import StaticPool


class _Base(DeclarativeBase):
    pass


class _Agent(_Base):
    __tablename__ = "swallowed_agents"
    id: Mapped[int] = mapped_column(primary_key=True)


def emptied(engine: Engine) -> Engine:
    _Base.metadata.drop_all(engine)
    _Base.metadata.create_all(engine)
    return engine


@pytest.fixture
def sqlite() -> Engine:
    return emptied(create_engine("sqlite://", poolclass=StaticPool))


@pytest.fixture
def server(postgres: str) -> Engine:
    pytest.importorskip("psycopg2")
    return emptied(create_engine(postgres.replace("postgresql://", "postgresql+psycopg2://", 1)))


@pytest.mark.parametrize("engine", ["sqlite", "server"])
@pytest.mark.parametrize("failing", ["flush", "commit"])
def test_a_failed_flush(engine: str, failing: str, request: pytest.FixtureRequest) -> None:
    with Session(request.getfixturevalue(engine)) as session:
        session.add(_Agent(id=1))
        session.flush()
        session.expunge_all()
        session.add(_Agent(id=1))
        with pytest.raises(IntegrityError):
            getattr(session, failing)()
        with pytest.raises(PendingRollbackError):
            session.execute(text("SELECT 1"))
        session.rollback()
        session.execute(text("SELECT 1"))


def _committed_after_a_failed_statement(engine: Engine) -> int:
    with Session(engine) as session:
        session.add(_Agent(id=1))
        session.flush()
        with pytest.raises(DBAPIError):
            session.execute(text("SELECT * FROM no_such_table"))
        session.commit()
    with Session(engine) as session:
        return session.query(_Agent).count()


def test_sqlite_undoes_a_failed_statement_alone(sqlite: Engine) -> None:
    assert _committed_after_a_failed_statement(sqlite) == 1


def test_postgresql_saves_nothing_after_a_failed_statement(server: Engine) -> None:
    assert _committed_after_a_failed_statement(server) == 0
    with Session(server) as session:
        with pytest.raises(DBAPIError):
            session.execute(text("SELECT * FROM no_such_table"))
        with pytest.raises(InternalError, match="current transaction is aborted"):
            session.execute(text("SELECT 1"))
    server.dispose()


def test_postgresql_takes_no_change_after_a_failed_statement(server: Engine) -> None:
    with Session(server) as session:
        with pytest.raises(DBAPIError):
            session.execute(text("SELECT * FROM no_such_table"))
        session.add(_Agent(id=1))
        with pytest.raises(InternalError, match="current transaction is aborted"):
            session.commit()
    server.dispose()


def test_postgresql_has_failed_before_a_helper_guards_its_commit(server: Engine) -> None:
    def saved(session: Session) -> None:
        session.execute(text("SELECT * FROM no_such_table"))
        try:
            session.commit()
        except DBAPIError:
            session.rollback()
            raise

    with Session(server) as session:
        with pytest.raises(DBAPIError):
            saved(session)
        with pytest.raises(InternalError, match="current transaction is aborted"):
            session.execute(text("SELECT 1"))
    server.dispose()


def test_a_caller_that_is_told_nothing_works_on_in_vain(sqlite: Engine) -> None:
    def added(session: Session, number: int) -> _Agent | None:
        try:
            agent = _Agent(id=number)
            session.add(agent)
            session.flush()
            return agent
        except IntegrityError:
            return None

    with Session(sqlite) as session:
        session.execute(text("INSERT INTO swallowed_agents VALUES (1)"))
        assert added(session, 1) is None
        with pytest.raises(PendingRollbackError):
            added(session, 2)
        with pytest.raises(PendingRollbackError):
            session.commit()


@contextmanager
def committing(engine: Engine) -> Iterator[Session]:
    with Session(engine) as session:
        yield session
        session.commit()


def _left(block: AbstractContextManager[Session]) -> str:
    with block as session:
        session.add(_Agent(id=1))
        session.flush()
        session.expunge_all()
        session.add(_Agent(id=1))
        try:
            session.flush()
        except IntegrityError:
            return "left"
    return ""


def test_a_provider_commits_in_vain_where_a_handler_returns(sqlite: Engine) -> None:
    with pytest.raises(PendingRollbackError):
        _left(committing(sqlite))


def test_the_end_of_a_transactions_block_rolls_back_then(sqlite: Engine) -> None:
    assert _left(sessionmaker(sqlite).begin()) == "left"
    with Session(sqlite) as session:
        assert session.query(_Agent).count() == 0
