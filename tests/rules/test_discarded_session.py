"""DBS304: sessions that nothing ever holds."""

from __future__ import annotations

from pathlib import Path

from tests.cases import assert_cases


def test_sessions_used_on_the_spot(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "service.py": """
                import other
                import pandas
                from sqlalchemy.orm import sessionmaker

                SessionLocal = sessionmaker()

                def count(db):
                    return db.query(1).count()

                def end(db):
                    db.close()

                def chained():
                    return SessionLocal().query(1).all()  # DBS304

                def given_to_a_function_of_the_project():
                    return count(SessionLocal())  # DBS304

                def closed_by_a_function_of_the_project():
                    end(SessionLocal())

                def given_to_what_keeps_none():
                    return pandas.read_sql("select 1", SessionLocal())  # DBS304

                def given_to_somebody_unknown():
                    return other.read_sql("select 1", SessionLocal())

                def only_made():
                    SessionLocal()

                def closed_at_once():
                    SessionLocal().close()
            """
        },
        {"DBS302", "DBS303", "DBS304"},
    )


def test_a_query_that_another_session_executes(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "db.py": """
                import sqlalchemy as sa
                from sqlalchemy.orm import Session

                engine = sa.create_engine("postgresql://x/y")

                def query_count(cls):
                    return Session(engine).query(sa.func.count("*")).select_from(cls)

                def query_all(cls):
                    return Session(engine).query(cls).filter_by(id=1)  # DBS304

                def nobody_asks(cls):
                    return Session(engine).query(cls)

                def rows(cls):
                    return Session(engine).query(cls).all()  # DBS304
            """,
            "use.py": """
                from sqlalchemy.orm import Session
                from db import engine, query_all, query_count

                def size(cls):
                    with Session(engine) as session:
                        return session.execute(query_count(cls)).scalar_one()

                def first(cls):
                    with Session(engine) as session:
                        session.execute(query_all(cls))
                    return query_all(cls).first()
            """,
        },
        {"DBS304"},
    )
