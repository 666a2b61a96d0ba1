"""DBS102: ``with SessionLocal() as db`` becomes ``with get_db_session() as db``."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent, indent

import pytest

from tests.fixes.house import HOUSE, LOADED_DATABASE, READING_DATABASE
from tests.fixes.repairs import assert_fixed, reasons, repaired

SAFE = {
    "committed": """
        db.add(User(name=name))
        db.commit()
    """,
    "read_plain_values": """
        user = db.query(User).filter(User.name == name).first()
        if user is None:
            return None
        return {"name": user.name, "upper": user.name.upper(), "posts": len(user.posts)}
    """,
    "counted": "return db.query(User).count()",
    "what_there_is": """
        found = db.query(db.query(User).filter(User.name == name).exists()).scalar()
        return found
    """,
    "let_go": """
        users = db.query(User).all()
        for user in users:
            list(user.posts)
        db.expunge_all()
        return users, {"first": users}
    """,
    "the_columns_by_their_names": """
        user = db.get(User, 1)
        plain = {c.name: getattr(user, c.name) for c in User.__table__.columns}
        keyed = {}
        for column in user.__mapper__.column_attrs:
            keyed[column.key] = getattr(user, column.key, None)
        return plain, keyed
    """,
    "a_statement_and_its_values": """
        found = db.execute(text("SELECT id FROM users WHERE name = :name"), {"name": name})
        ids = [row[0] for row in found.fetchall()]
        return ids
    """,
    "columns": "return [name for name, in db.execute(select(User.name)).all()]",
    "committed_on_each_way": """
        user = db.get(User, 1)
        if name:
            user.name = name
            db.commit()
        else:
            db.delete(user)
            db.commit()
            return False
        return True
    """,
    "rolled_back": """
        db.add(User(name=name))
        db.flush()
        number = db.query(User).count()
        db.rollback()
        return number
    """,
    "failing_ways_do_not_count": """
        db.add(User(name=name))
        if not name:
            raise ValueError(name)
        db.commit()
    """,
    "caught_and_rolled_back": """
        try:
            db.add(User(name=name))
            db.commit()
        except ValueError:
            db.rollback()
    """,
    "rolled_back_whatever_comes": """
        try:
            db.add(User(name=name))
            db.commit()
        except Exception:
            try:
                db.rollback()
            except Exception:
                pass
    """,
    "caught_of_another_library": """
        from click import ClickException
        try:
            user = db.query(User).first()
            if not name:
                raise ClickException(name)
            return user.name
        except ClickException:
            return None
    """,
    "own_transaction": """
        with db.begin():
            db.add(User(name=name))
    """,
    "statement_by_steps": """
        query = db.query(User)
        if name:
            query = query.filter(User.name == name)
        statement = select(User)
        statement = statement.where(User.name == name)
        return query.count() + len(db.scalars(statement).all())
    """,
    "key_of_a_sort": """
        users = [user for user in db.query(User) if user.name]
        users.sort(key=lambda user: name.index(user.name))
        return len(users)
    """,
    "query_that_fails_and_is_swallowed": """
        try:
            return db.query(User).count()
        except Exception:
            return 0
    """,
}

UNSAFE = {
    "written": "db.add(User(name=name))",
    "changed": "db.get(User, 1).name = name",
    "changed_by_name": """
        user = db.get(User, 1)
        user.name = name
    """,
    "deleted": "db.query(User).filter(User.name == name).delete()",
    "executed": "db.execute(text('DELETE FROM users'))",
    "given_away": "rename(db, name)",
    "object_given_away": """
        user = db.get(User, 1)
        rename(user)
    """,
    "collection_changed": """
        user = db.get(User, 1)
        user.posts.append(Post())
    """,
    "committed_on_one_way": """
        user = db.get(User, 1)
        user.name = name
        if name:
            db.commit()
    """,
    "after_the_commit": """
        db.commit()
        db.add(User(name=name))
    """,
    "in_a_loop": """
        for each in name:
            db.commit()
            db.add(User(name=each))
    """,
    "swallowed": """
        try:
            db.add(User(name=name))
            db.commit()
        except ValueError:
            pass
    """,
    "left_by_finally": """
        try:
            return db.query(User).count()
        finally:
            db.add(User(name=name))
    """,
    "query_updated": """
        users = db.query(User)
        users.update({"name": name})
    """,
}

OUTLIVING = {
    "returned": "return db.query(User).first()",
    "returned_list": "return db.execute(select(User)).scalars().all()",
    "let_go_but_for_what_it_holds": """
        user = db.get(User, 1)
        list(user.posts)
        db.expunge(user)
        return user
    """,
    "loaded_again": """
        db.expunge_all()
        return db.query(User).first()
    """,
    "returned_in_dict": """
        user = db.get(User, 1)
        return {"user": user}
    """,
    "returned_relation": """
        user = db.get(User, 1)
        return {"posts": user.posts}
    """,
    "returned_list_of_objects": """
        found = []
        for user in db.query(User):
            found.append(user)
        return found
    """,
    "kept": "self.user = db.get(User, 1)",
    "kept_in_container": "cache[name] = db.get(User, 1)",
    "kept_by_keyword": "cache.update(user=db.get(User, 1))",
    "closed_over": """
        user = db.get(User, 1)
        return len(name), lambda: user.name
    """,
    "lazily": """
        users = db.query(User).all()
        return (user.name for user in users)
    """,
}

FAILING_LATER = {
    "kept": """
        self.user = db.get(User, 1)
        print(self.user.name)
    """,
    "kept_in_a_container_of_a_container": """
        cache.setdefault("all", []).append(db.get(User, 1))
        db.commit()
    """,
    "kept_in_a_loop": """
        for user in db.query(User):
            cache["user"] = user
    """,
    "handed_to_the_caller_by_turns": "yield db.get(User, 1)\nprint(name)",
    "read_by_a_closure": """
        user = db.get(User, 1)
        self.later = lambda: user.name
        print(name)
    """,
}


def service(body: str, name: str = "SessionLocal") -> str:
    """A service whose block works with a session that a name opens."""
    inner = indent(dedent(body).strip("\n"), " " * 8)
    return (
        "from sqlalchemy import select, text\n"
        f"from core.database import {name}\n"
        "from core.models import Post, User\n"
        "\n\ndef work(self, name, cache: dict):\n"
        f"    with {name}() as db:\n{inner}\n"
    )


@pytest.mark.parametrize("body", SAFE.values(), ids=SAFE)
def test_what_the_provider_would_not_change_is_safe(body: str, tmp_path: Path) -> None:
    before = service(body)
    after = service(body, "get_db_session")
    assert_fixed(tmp_path, {**HOUSE, "work.py": before}, "work.py", after, "DBS102")


@pytest.mark.parametrize("body", UNSAFE.values(), ids=UNSAFE)
def test_what_the_provider_would_commit_is_unsafe(body: str, tmp_path: Path) -> None:
    files = {**HOUSE, "work.py": service(body)}
    (reason,) = reasons(tmp_path, files, "work.py", "DBS102")
    assert re.search("`get_db_session` would commit(?: what line|$)", reason)
    repair = repaired(tmp_path, files, "work.py", "DBS102", unsafe=True)
    assert repair.text.content == service(body, "get_db_session")


@pytest.mark.parametrize("body", UNSAFE.values(), ids=UNSAFE)
def test_what_does_not_commit_changes_nothing(body: str, tmp_path: Path) -> None:
    files = {**HOUSE, "core/database.py": READING_DATABASE, "work.py": service(body)}
    repair = repaired(tmp_path, files, "work.py", "DBS102")
    assert repair.text.content == service(body, "get_db_session")


@pytest.mark.parametrize("body", OUTLIVING.values(), ids=OUTLIVING)
def test_an_object_that_outlives_the_block_is_unsafe(body: str, tmp_path: Path) -> None:
    files = {**HOUSE, "work.py": service(body)}
    (reason,) = reasons(tmp_path, files, "work.py", "DBS102")
    assert "`get_db_session` expires loaded objects when it commits" in reason
    files["core/database.py"] = LOADED_DATABASE
    assert repaired(tmp_path, files, "work.py", "DBS102").fixed


@pytest.mark.parametrize("body", FAILING_LATER.values(), ids=FAILING_LATER)
@pytest.mark.parametrize("database", [LOADED_DATABASE, READING_DATABASE], ids=["keeps", "reads"])
def test_an_object_that_is_out_when_the_provider_rolls_back_is_unsafe(
    body: str, database: str, tmp_path: Path
) -> None:
    files = {**HOUSE, "core/database.py": database, "work.py": service(body)}
    (reason,) = reasons(tmp_path, files, "work.py", "DBS102")
    assert reason.startswith("7: DBS102 `get_db_session` expires loaded objects when it rolls back")
    closing = database.replace("            db.rollback()\n", "")
    assert repaired(tmp_path, {**files, "core/database.py": closing}, "work.py", "DBS102").fixed


CAUGHT = """
    from core.database import SessionLocal
    from core.models import User

    def work(name):
        for each in name:
            try:
                with SessionLocal() as db:
                    user = db.get(User, 1)
                    print(user.name)
            except ValueError:
                pass
            {}
"""


@pytest.mark.parametrize(
    "later",
    [
        "print(user)",
        "if name:\n                user = None\n            print(user)",
        "for user in name:\n                pass\n            print(user)",
        "print(lambda: user)",
        "user = user or None",
        "try:\n                user = 1\n            except OSError:\n                print(user)",
    ],
)
def test_an_object_that_is_read_after_a_caught_error_is_unsafe(later: str, tmp_path: Path) -> None:
    body = CAUGHT.format(later)
    files = {**HOUSE, "core/database.py": LOADED_DATABASE, "work.py": body}
    (reason,) = reasons(tmp_path, files, "work.py", "DBS102")
    assert "expires loaded objects when it rolls back, and line 9" in reason


@pytest.mark.parametrize(
    "later",
    [
        "user = None\n            print(user)",
        "user, other = name\n            if other:\n                print(user)",
        "for user in name:\n                print(user)",
        "with open(each) as user:\n                print(user)",
        "print([user for user in name])",
        "try:\n                print()\n            except OSError as user:\n"
        "                user = None\n                print(user)",
    ],
)
def test_a_name_that_is_bound_again_before_it_is_read_is_another(
    later: str, tmp_path: Path
) -> None:
    files = {**HOUSE, "core/database.py": LOADED_DATABASE, "work.py": CAUGHT.format(later)}
    assert repaired(tmp_path, files, "work.py", "DBS102").fixed


def test_a_column_is_one_whatever_a_plain_class_has_of_its_name(tmp_path: Path) -> None:
    body = "user = db.query(User).first()\ncache['user'] = Copy([user.name])\nprint(cache)"
    copy = "@dataclass\nclass Copy:\n    name: list = field(default_factory=list)\n\n\ndef work"
    before = service(body).replace(
        "def work", f"from dataclasses import dataclass, field\n\n{copy}"
    )
    assert repaired(tmp_path, {**HOUSE, "work.py": before}, "work.py", "DBS102").fixed


@pytest.mark.parametrize("commit", ["db.commit()", "end(db)"])
def test_what_begins_and_commits_by_hand_is_unsafe(commit: str, tmp_path: Path) -> None:
    body = f"db.add(User(name=name))\n{commit}\ndb.query(User).count()"
    before = service(body).replace("SessionLocal()", "SessionLocal.begin()")
    before = f"def end(db):\n    db.commit()\n\n\n{before}"
    (reason,) = reasons(tmp_path, {**HOUSE, "work.py": before}, "work.py", "DBS102")
    assert "`begin()` lets nothing more be done after a commit by hand" in reason
