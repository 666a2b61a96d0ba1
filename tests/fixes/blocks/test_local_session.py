"""DBS101 and what goes with it: a session by hand becomes a block of the provider."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

import pytest

from tests.fixes.house import DATABASE, HOUSE, LOADED_DATABASE, READING_DATABASE
from tests.fixes.repairs import reasons, repaired

CODES = "DBS101 DBS301 DBS302 DBS303"
FORMS = {
    "try_finally": (
        """
        db = SessionLocal()
        try:
            db.add(User(name=name))
            db.commit()
            return True  # done
        finally:
            db.close()
        """,
        """
        with get_db_session() as db:
            db.add(User(name=name))
        return True  # done
        """,
    ),
    "rollback_and_raise": (
        '''
        db = SessionLocal()  # by hand

        # why
        try:
            db.add(User(name="""
        a
        """))

            db.commit()
        except Exception:
            db.rollback()
            raise
        finally:
            db.close()
        ''',
        '''
        with get_db_session() as db:  # by hand
            # why
            db.add(User(name="""
        a
        """))
        ''',
    ),
    "handled_outside": (
        """
        db = SessionLocal()
        try:
            db.add(User(name=name))
            db.commit()
        except ValueError as error:
            db.rollback()
            print(error)
            return None
        except Exception:
            db.rollback()
        finally:
            db.close()
        """,
        """
        try:
            with get_db_session() as db:
                db.add(User(name=name))
        except ValueError as error:
            print(error)
            return None
        except Exception:
            pass
        """,
    ),
    "handled_inside": (
        """
        db = SessionLocal()
        try:
            user = db.get(User, name)
            user.name = "a"
            db.commit()
        except ValueError:
            db.rollback()
            print(user.name)
        finally:
            if db is not None:
                db.close()
        """,
        """
        with get_db_session() as db:
            try:
                user = db.get(User, name)
                user.name = "a"
                db.commit()
            except ValueError:
                db.rollback()
                print(user.name)
        """,
    ),
    "backslashes": (
        """
        db = SessionLocal()
        count = db.query(User) \\
            .filter(User.name == name) \\
            .count()
        text = \'\'\'a \\
        b\'\'\'
        db.close()
        return count, text
        """,
        """
        with get_db_session() as db:
            count = db.query(User) \\
                .filter(User.name == name) \\
                .count()
            text = \'\'\'a \\
        b\'\'\'
        return count, text
        """,
    ),
    "comment_at_the_close": (
        """
        # how many
        db = SessionLocal()
        count = db.query(User).count()
        db.close()  # give it back
        return count
        """,
        """
        # how many
        # give it back
        with get_db_session() as db:
            count = db.query(User).count()
        return count
        """,
    ),
    "straight": (
        """
        db: Session = SessionLocal()
        count = db.query(User).count()
        db.close()
        return count
        """,
        """
        with get_db_session() as db:
            count = db.query(User).count()
        return count
        """,
    ),
    "closed_on_each_way": (
        """
        db = SessionLocal()
        if not db.query(User).count():
            db.close()
            return 0
        for user in db.query(User):
            print(
                user.name,
            )
        db.close()
        """,
        """
        with get_db_session() as db:
            if not db.query(User).count():
                return 0
            for user in db.query(User):
                print(
                    user.name,
                )
        """,
    ),
    "never_closed": (
        """
        db = SessionLocal()
        user = db.query(User).first()
        number = user.id
        return number
        """,
        """
        with get_db_session() as db:
            user = db.query(User).first()
            number = user.id
        return number
        """,
    ),
    "opened_before_it_is_needed": (
        """
        db = SessionLocal()
        if not name:
            return 0
        try:
            return db.query(User).count()
        finally:
            db.close()
            print("done")
        """,
        """
        if not name:
            return 0
        try:
            with get_db_session() as db:
                return db.query(User).count()
        finally:
            print("done")
        """,
    ),
    "a_log_may_stand_before_the_close": (
        """
        db = SessionLocal()
        user = db.get(User, 1)
        try:
            return user.name
        finally:
            db.close()
            print(name)
        """,
        """
        with get_db_session() as db:
            user = db.get(User, 1)
            try:
                return user.name
            finally:
                print(name)
        """,
    ),
    "a_log_that_speaks_of_the_close_stays_behind_it": (
        """
        db = SessionLocal()
        try:
            return db.query(User).count()
        finally:
            db.close()
            print(f"The session of {name} is closed")
        """,
        """
        try:
            with get_db_session() as db:
                return db.query(User).count()
        finally:
            print(f"The session of {name} is closed")
        """,
    ),
    "closed_where_the_name_is_bound": (
        """
        try:
            db = SessionLocal()
            number = db.query(User).count()
            return number
        except ValueError as error:
            print(error)
            return 0
        finally:
            if "db" in locals():
                db.close()
        """,
        """
        try:
            with get_db_session() as db:
                number = db.query(User).count()
                return number
        except ValueError as error:
            print(error)
            return 0
        """,
    ),
    "opened_in_the_try": (
        """
        db = None

        try:
            db = SessionLocal()  # late
            # how many
            number = db.query(User).count()
            return number
        except ValueError as error:
            if db:
                db.rollback()
            print(error)
            return 0
        finally:
            if db is not None:
                db.close()
        """,
        """
        try:
            with get_db_session() as db:  # late
                # how many
                number = db.query(User).count()
                return number
        except ValueError as error:
            print(error)
            return 0
        """,
    ),
    "opened_in_the_try_without_handlers": (
        """
        print(name)
        db = None
        try:
            print("now")

            db = SessionLocal()
            db.add(User(name=name))
            db.commit()
        finally:
            print("done")
            if db:
                db.close()
        return name
        """,
        """
        print(name)
        try:
            print("now")

            with get_db_session() as db:
                db.add(User(name=name))
        finally:
            print("done")
        return name
        """,
    ),
    "opened_in_a_try_that_goes": (
        """
        db = None
        try:
            db = SessionLocal()
            db.add(User(name=name))
            db.commit()
        except Exception:
            db.rollback()
            raise
        finally:
            if db:
                db.close()
        """,
        """
        with get_db_session() as db:
            db.add(User(name=name))
        """,
    ),
    "opened_in_the_try_whose_handler_needs_it": (
        """
        db = None
        try:
            db = SessionLocal()
            user = db.get(User, name)
            user.name = "a"
            db.commit()
        except ValueError:
            db.rollback()
            print(user.name)
        finally:
            db.close()
        """,
        """
        with get_db_session() as db:
            try:
                user = db.get(User, name)
                user.name = "a"
                db.commit()
            except ValueError:
                db.rollback()
                print(user.name)
        """,
    ),
    "blank_lines": (
        """
        db = SessionLocal()

        if not name:
            return 0

        # now
        number = db.query(User).count()

        db.close()

        return number
        """,
        """
        if not name:
            return 0

        with get_db_session() as db:
            # now
            number = db.query(User).count()

        return number
        """,
    ),
    "twice": (
        """
        db = SessionLocal()
        try:
            first = db.query(User).count()
        finally:
            db.close()
        db = SessionLocal()
        try:
            return first + db.query(User).count()
        finally:
            db.close()
        """,
        """
        with get_db_session() as db:
            first = db.query(User).count()
        with get_db_session() as db:
            return first + db.query(User).count()
        """,
    ),
    "closes_and_rollbacks_whose_errors_nobody_hears_of": (
        """
        db = SessionLocal()
        try:
            db.add(User(name=name))
            db.commit()
        except ValueError as error:
            print(error)
            try:
                db.rollback()
            except Exception: pass
        finally:
            try:
                db.close()
            except Exception as error:
                print(error)
        """,
        """
        try:
            with get_db_session() as db:
                db.add(User(name=name))
        except ValueError as error:
            print(error)
        """,
    ),
    "a_close_with_suppress": (
        """
        from contextlib import suppress
        db = SessionLocal()
        try:
            db.add(User(name=name))
            db.commit()
        finally:
            with suppress(Exception):
                db.close()
        """,
        """
        with get_db_session() as db:
            db.add(User(name=name))
        """,
    ),
    "in_a_block": (
        """
        for each in name:
        \tif each:
        \t\tdb = SessionLocal()
        \t\ttry:
        \t\t\tdb.add(User(name=each))
        \t\t\tdb.commit()
        \t\tfinally:
        \t\t\tdb.close()
        """.replace("\t", "    "),
        """
        for each in name:
            if each:
                with get_db_session() as db:
                    db.add(User(name=each))
        """,
    ),
}


def service(body: str, name: str = "SessionLocal", session: str = "") -> str:
    return (
        f"from core.database import {name}\n"
        "from core.models import User\n"
        f"{session}"
        f"\n\ndef work(name):\n{indent(dedent(body).strip(chr(10)), '    ')}\n"
    )


@pytest.mark.parametrize(("before", "after"), FORMS.values(), ids=FORMS)
def test_forms(before: str, after: str, tmp_path: Path) -> None:
    imported = "from sqlalchemy.orm import Session\n" if "Session =" in before else ""
    files = {**HOUSE, "work.py": service(before, session=imported)}
    repair = repaired(tmp_path, files, "work.py", CODES)
    assert repair.left == ()
    assert repair.text.content == service(after, "get_db_session")
    again = repaired(tmp_path, {**files, "work.py": repair.text.content}, "work.py", CODES)
    assert again.text == repair.text


LEFT = {
    "handed_on": ("db = SessionLocal()\ncache.db = db", "line 7 hands it on"),
    "argument": ("return work(SessionLocal())", "held by a call's argument"),
    "options": ("db = SessionLocal(bind=name)\ndb.close()", "opened with arguments"),
    "used_later": (
        "db = SessionLocal()\nprint(db.query(User).count())\ndb.close()\nprint(db.query(1).all())",
        "line 9 uses it after its close",
    ),
    "in_a_try_and_used_later": (
        "db = None\ntry:\n    db = SessionLocal()\n    db.commit()\nfinally:\n    db.close()\n"
        "return db is None",
        "line 12 uses `db` too",
    ),
    "in_a_try_and_tested_before": (
        "db = None\nif db:\n    pass\ntry:\n    db = SessionLocal()\n    db.commit()\n"
        "finally:\n    db.close()",
        "line 7 uses `db` too",
    ),
    "in_a_try_and_needed_by_a_handler": (
        "try:\n    print(name)\n    db = SessionLocal()\n    user = db.get(User, 1)\n"
        "    print(user.name)\nexcept ValueError:\n    print(user.id)\nfinally:\n    db.close()",
        "a handler needs the session, which is opened late",
    ),
    "finally_that_does_more_than_to_log": (
        "db = SessionLocal()\nuser = db.get(User, 1)\ntry:\n    return user.name\n"
        "finally:\n    db.close()\n    error(name)",
        "line 12 would also run where its `try` is not reached",
    ),
    "finally_that_leaves": (
        "db = SessionLocal()\ntry:\n    db.commit()\nfinally:\n    db.close()\n    return 1",
        "a `finally` leaves by itself, and swallows errors",
    ),
    "bound_anew": (
        "db = SessionLocal()\nfor db in work(db):\n    db.commit()\ndb.close()",
        "line 7 binds `db` anew",
    ),
    "another_name": (
        "db = SessionLocal()\nother = db\nother.commit()\ndb.close()",
        "line 7 gives `db` another name",
    ),
    "closed_before_the_work": (
        "db = SessionLocal()\nif db.query(User).count():\n    db.close()\n    print(name)\n"
        "else:\n    db.close()",
        "it is closed before the work is done",
    ),
    "one_line": (
        "db = SessionLocal()\ntry: db.commit()\nfinally: db.close()",
        "it is closed in a place of its own",
    ),
    "errors_of_a_close_that_matter": (
        "db = SessionLocal()\ntry:\n    db.add(User())\n    db.commit()\nfinally:\n    try:\n"
        "        db.close()\n    except ValueError:\n        name = None\nreturn name",
        "it is closed in a place of its own",
    ),
    "semicolons": (
        "db = SessionLocal(); db.commit(); db.close()",
        "share a line",
    ),
    "uncommitted": (
        "db = SessionLocal()\ndb.add(User())\ndb.close()",
        "`get_db_session` would commit what line 7 may leave uncommitted",
    ),
    "lent_out": (
        "db = SessionLocal()\nuser = db.query(User).first()\ndb.close()\nreturn user",
        "`get_db_session` expires loaded objects when it commits, and line 7 may let one out",
    ),
}


@pytest.mark.parametrize(("body", "reason"), LEFT.values(), ids=LEFT)
def test_what_is_left_and_why(body: str, reason: str, tmp_path: Path) -> None:
    found = reasons(tmp_path, {**HOUSE, "work.py": service(body)}, "work.py", CODES)
    assert found
    for each in found:
        assert reason in each or "DBS304" in each


@pytest.mark.parametrize("database", [LOADED_DATABASE, READING_DATABASE], ids=["keeps", "reads"])
def test_an_object_whose_session_was_never_closed_is_left(database: str, tmp_path: Path) -> None:
    body = "db = SessionLocal()\nuser = db.query(User).first()\nreturn user"
    files = {**HOUSE, "core/database.py": database, "work.py": service(body)}
    for reason in reasons(tmp_path, files, "work.py", CODES):
        assert "may let a loaded object out of the block, whose session stays open now" in reason
    files["work.py"] = service(f"{body[:-11]}db.close()\nreturn user")
    assert repaired(tmp_path, files, "work.py", CODES).fixed


def test_a_script_is_fixed_as_a_whole(tmp_path: Path) -> None:
    before = """
        from core.database import SessionLocal
        from core.models import User

        if __name__ == "__main__":
            db = SessionLocal()
            print(db.query(User).count())
            db.close()
    """
    after = """
        from core.database import get_db_session
        from core.models import User

        if __name__ == "__main__":
            with get_db_session() as db:
                print(db.query(User).count())
    """
    repair = repaired(tmp_path, {**HOUSE, "work.py": before}, "work.py", CODES)
    assert repair.text.content == dedent(after)
    assert [fixed.code for fixed in repair.fixed] == ["DBS101", "DBS301"]


BARE = DATABASE[: DATABASE.index("    @contextmanager")]


def test_a_house_without_a_provider_gets_the_blocks_of_its_factory(tmp_path: Path) -> None:
    before = """
        from core.database import SessionLocal
        from core.models import User

        def count(name):
            db: Session = SessionLocal(autoflush=False)  # by hand
            if not name:
                return 0
            number = db.query(User).count()
            db.close()
            return number
    """
    after = """
        from core.database import SessionLocal
        from core.models import User

        def count(name):
            with SessionLocal(autoflush=False) as db:  # by hand
                if not name:
                    return 0
                number = db.query(User).count()
            return number
    """
    files = {**HOUSE, "core/database.py": BARE, "work.py": before}
    repair = repaired(tmp_path, files, "work.py", CODES)
    assert repair.text.content == dedent(after)
    assert repair.left == ()


def test_a_block_that_only_closes_keeps_rollbacks(tmp_path: Path) -> None:
    before = """
        db = SessionLocal()
        try:
            db.add(User(name=name))
            db.commit()
        except Exception:
            db.rollback()
            raise
        finally:
            db.close()
    """
    after = """
        with SessionLocal() as db:
            try:
                db.add(User(name=name))
                db.commit()
            except Exception:
                db.rollback()
                raise
    """
    files = {**HOUSE, "core/database.py": BARE, "work.py": service(before)}
    repair = repaired(tmp_path, files, "work.py", CODES)
    assert repair.text.content == service(after)


def test_a_factory_made_on_the_spot_is_closed_by_its_block(tmp_path: Path) -> None:
    before = """
        from sqlalchemy import create_engine
        from sqlalchemy.orm import sessionmaker
        from core.models import User

        def count(url):
            make = sessionmaker(create_engine(url))
            db = make()
            print(db.query(User).count())
            db.close()
    """
    files = {**HOUSE, "work.py": before}
    repair = repaired(tmp_path, files, "work.py", f"{CODES} DBS103")
    assert repair.text.content == dedent(before).replace(
        "db = make()\n    print(db.query(User).count())\n    db.close()",
        "with make() as db:\n        print(db.query(User).count())",
    )
    assert repair.left == ()


def test_an_object_that_an_error_would_cut_off_is_a_doubt(tmp_path: Path) -> None:
    body = "db = SessionLocal()\nname.user = db.get(User, 1)\nprint(name)\ndb.close()"
    files = {**HOUSE, "core/database.py": BARE, "work.py": service(body)}
    found = reasons(tmp_path, files, "work.py", "DBS303")
    assert found == [
        "6: DBS303 line 7 may let a loaded object out, whose session an error closes now"
    ]


def test_what_was_never_given_up_is_a_doubt(tmp_path: Path) -> None:
    body = "db = SessionLocal()\ndb.add(User(name=name))\ndb.flush()\nreturn name"
    files = {**HOUSE, "core/database.py": BARE, "work.py": service(body)}
    assert reasons(tmp_path, files, "work.py", "DBS302") == [
        "6: DBS302 the block would give up what line 7 may leave uncommitted"
    ]
    files["work.py"] = service(body.replace("flush", "commit"))
    assert repaired(tmp_path, files, "work.py", "DBS302").fixed


def test_a_fix_that_would_bring_a_new_violation_to_light_is_left(tmp_path: Path) -> None:
    work = """
        from core.database import SessionLocal
        from core.models import User

        def swallowed(name):
            db = SessionLocal()
            try:
                user = db.get(User, 1)
                user.name = name
                db.commit()
            except Exception:
                print(user.name)
            finally:
                db.close()

        def count():
            with SessionLocal() as db:
                return db.query(User).count()
    """
    repair = repaired(tmp_path, {**HOUSE, "work.py": work}, "work.py", unsafe=True)
    assert [(left.code, left.reason) for left in repair.left] == [
        ("DBS101", "the fixed code would report DBS308"),
        ("DBS301", "the fixed code would report DBS308"),
    ]
    assert [fixed.code for fixed in repair.fixed] == ["DBS102"]


def test_a_session_that_nothing_uses_goes(tmp_path: Path) -> None:
    body = "db = SessionLocal()\nprint(name)\ndb.close()\nreturn name"
    content = repaired(tmp_path, {**HOUSE, "work.py": service(body)}, "work.py").text.content
    assert content.endswith("def work(name):\n    print(name)\n    return name\n")


def test_the_import_of_an_error_goes_with_its_handler(tmp_path: Path) -> None:
    before = """
        from sqlalchemy.exc import IntegrityError, SQLAlchemyError
        from core.database import SessionLocal
        from core.models import User

        def work(name):
            db = SessionLocal()
            try:
                db.add(User(name=name))
                db.commit()
            except SQLAlchemyError:
                db.rollback()
                raise
            finally:
                db.close()

        def other(error):
            return isinstance(error, IntegrityError)
    """
    done = repaired(tmp_path, {**HOUSE, "work.py": before}, "work.py", CODES)
    text = done.text.content
    assert "with get_db_session() as db:" in text
    assert "from sqlalchemy.exc import IntegrityError\n" in text


COMMITTED = {
    "what_comes_after_it": (
        """
        db = SessionLocal()
        try:
            user = User(name=name)
            db.add(user)
            db.commit()
            return user.id
        finally:
            db.close()
        """,
        True,
    ),
    "a_way_without_it": (
        """
        db = SessionLocal()
        try:
            if not name:
                return None
            db.add(User(name=name))
            db.commit()
        finally:
            db.close()
        """,
        True,
    ),
    "a_comment": (
        """
        db = SessionLocal()
        try:
            db.add(User(name=name))
            db.commit()  # at once
        finally:
            db.close()
        """,
        True,
    ),
    "one_before_the_last": (
        """
        db = SessionLocal()
        try:
            db.commit()
            db.add(User(name=name))
            db.commit()
            print(name)
        finally:
            db.close()
        """,
        True,
    ),
    "nothing": (
        """
        db = SessionLocal()
        try:
            db.add(User(name=name))
            db.commit()
            print(name)
        finally:
            db.close()
        """,
        False,
    ),
}


@pytest.mark.parametrize(("body", "is_kept"), COMMITTED.values(), ids=COMMITTED)
def test_a_commit_is_left_to_the_provider_where_nothing_needs_it(
    body: str, is_kept: bool, tmp_path: Path
) -> None:
    files = {**HOUSE, "core/database.py": LOADED_DATABASE, "work.py": service(body)}
    after = repaired(tmp_path, files, "work.py", CODES).text.content
    assert "with get_db_session()" in after
    assert ("db.commit()" in after) is is_kept


def test_a_provider_that_does_not_commit_is_left_none(tmp_path: Path) -> None:
    files = {**HOUSE, "core/database.py": READING_DATABASE}
    files["work.py"] = service(COMMITTED["nothing"][0])
    after = repaired(tmp_path, files, "work.py", CODES).text.content
    assert (
        "with get_db_session() as db:\n        db.add(User(name=name))\n        db.commit()"
        in after
    )
