"""DBS305: sessions used after they were closed."""

from __future__ import annotations

from pathlib import Path

from tests.cases import assert_cases


def test_uses_after_a_close_on_the_same_path(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "service.py": """
                import sqlite3
                from sqlalchemy.orm import sessionmaker

                SessionLocal = sessionmaker()

                def end(db):
                    db.close()

                def may_end(db, last):
                    if last:
                        db.close()

                def after_a_close():
                    db = SessionLocal()
                    db.close()
                    db.query(1)  # DBS305
                    db.query(2)

                def adds_and_commits():
                    db = SessionLocal()
                    db.close()
                    db.add(1)  # DBS305
                    db.commit()

                def commits_what_was_given_up():
                    db = SessionLocal()
                    try:
                        db.add(1)
                    finally:
                        db.close()
                    db.commit()  # DBS305

                def commits_in_the_cleanup():
                    db = SessionLocal()
                    try:
                        db.add(1)
                    finally:
                        db.close()
                        db.commit()  # DBS305

                def closed_again():
                    db = SessionLocal()
                    try:
                        db.query(1)
                        db.close()
                        db.query(2)
                    finally:
                        db.close()

                def emptied_each_turn(numbers):
                    db = SessionLocal()
                    for number in numbers:
                        db.close()
                        db.query(number)
                    db.close()

                def after_a_helper():
                    db = SessionLocal()
                    end(db)
                    return db.get(1)  # DBS305

                def on_one_path(x):
                    db = SessionLocal()
                    if x:
                        db.close()
                    db.query(1)  # DBS305

                def after_what_closes_sometimes(x):
                    db = SessionLocal()
                    may_end(db, x)
                    db.query(1)

                def closed_twice():
                    db = SessionLocal()
                    db.close()
                    db.close()

                def opened_anew():
                    db = SessionLocal()
                    db.close()
                    db = SessionLocal()
                    db.query(1)
                    db.close()

                def on_another_path(x):
                    db = SessionLocal()
                    if x:
                        db.close()
                        return None
                    return db.query(1)

                def a_block_is_another_rules():
                    db = SessionLocal()
                    with db:
                        db.query(1)
                    return db.query(2)

                def a_connection_raises(path):
                    conn = sqlite3.connect(path)
                    conn.close()
                    conn.execute("select 1")
            """
        },
        {"DBS305"},
    )


def test_a_use_of_one_or_the_other_session_is_reported_once(tmp_path: Path) -> None:
    text = """
        from sqlalchemy.orm import sessionmaker

        SessionLocal = sessionmaker()

        def either(again):
            db = SessionLocal()
            if again:
                db = SessionLocal()
            db.query(1)
            db.close()
            db.query(2)  # DBS305
    """
    assert_cases(tmp_path, {"either.py": text}, {"DBS305"})
