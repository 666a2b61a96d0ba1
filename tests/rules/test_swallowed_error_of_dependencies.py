"""DBS308: what a dependency swallows, and a route meets that is given the same session."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases import assert_cases

CORE = """
    from fastapi import Depends
    from sqlalchemy import create_engine
    from sqlalchemy.orm import Session, sessionmaker

    SessionLocal = sessionmaker(create_engine("postgresql://localhost/shop"))

    def get_db():
        db = SessionLocal()
        try:
            yield db
        finally:
            db.close()

    def get_other_db():
        with SessionLocal() as db:
            yield db
"""

USERS = """
    from core import get_db
    from fastapi import Depends
    from sqlalchemy.orm import Session

    def get_user(db: Session = Depends(get_db)):
        user = db.query(User).first()
        {statement}
            user.seen = True
            db.flush()
        except Exception as error:  # {code}
            {handler}
        {end} user

    def only_active(user=Depends(get_user)):
        if not user.is_active:
            raise PermissionError
        return user
"""

ROUTES = """
    from typing import Annotated

    from core import get_db, get_other_db
    from fastapi import APIRouter, Depends
    from services import add_order, count_orders
    from sqlalchemy.orm import Session
    from users import get_user, only_active

    router = APIRouter()

    {decorator}
    def add({parameters}):
        {body}
"""

SERVICES = """
    def add_order(db, user):
        db.add(Order(user))

    def count_orders(db):
        return db.query(Order).count()
"""

USER = "user=Depends(get_user)"
SHARED = f"{USER}, db: Session = Depends(get_db)"
POST = '@router.post("/orders")'


def assert_dependency(tmp_path: Path, code: str, **parts: str) -> None:
    parts = {
        "statement": "try:",
        "handler": "print(error)",
        "end": "return",
        "decorator": POST,
        "parameters": SHARED,
        "body": "db.add(Order(user)); db.commit()",
        **parts,
    }
    files = {
        "core.py": CORE,
        "users.py": USERS.format(code=code, **parts),
        "routes.py": ROUTES.format(**parts),
        "services.py": SERVICES,
    }
    assert_cases(tmp_path, files, {"DBS308"})


@pytest.mark.parametrize(
    ("parameters", "body"),
    [
        (SHARED, "db.add(Order(user)); db.commit()"),
        (SHARED, "return db.query(Order).all()"),
        (SHARED, "return count_orders(db)"),
        (
            "db: Session = Depends(get_db), user=Depends(only_active)",
            "return db.query(Order).all()",
        ),
        (
            "user: Annotated[object, Depends(get_user)], db: Annotated[Session, Depends(get_db)]",
            "return db.query(Order).all()",
        ),
    ],
)
def test_a_route_that_works_with_the_session_of_its_dependency(
    tmp_path: Path, parameters: str, body: str
) -> None:
    assert_dependency(tmp_path, "DBS308", parameters=parameters, body=body)


def test_a_route_that_names_the_dependency_by_an_alias(tmp_path: Path) -> None:
    files = {
        "core.py": CORE,
        "users.py": USERS.format(
            statement="try:", handler="print(error)", end="return", code="DBS308"
        ),
        "deps.py": """
            from typing import Annotated

            from core import get_db
            from fastapi import Depends
            from sqlalchemy.orm import Session
            from users import get_user

            CurrentUser = Annotated[object, Depends(get_user)]
            Database = Annotated[Session, Depends(get_db)]
        """,
        "routes.py": """
            from deps import CurrentUser, Database
            from fastapi import APIRouter

            router = APIRouter()

            @router.get("/orders")
            def orders(user: CurrentUser, db: Database):
                return db.query(Order).all()
        """,
    }
    assert_cases(tmp_path, files, {"DBS308"})


def test_a_route_whose_decorator_names_the_dependency(tmp_path: Path) -> None:
    decorator = '@router.get("/orders", dependencies=[Depends(get_user)])'
    parameters, body = "db: Session = Depends(get_db)", "return db.query(Order).all()"
    assert_dependency(tmp_path, "DBS308", decorator=decorator, parameters=parameters, body=body)
    decorator = decorator.replace("get_user", "get_other_db")
    assert_dependency(tmp_path, "silent", decorator=decorator, parameters=parameters, body=body)


@pytest.mark.parametrize(
    ("parameters", "body"),
    [
        (USER, "return user.name"),
        (SHARED, "return user.name"),
        (SHARED, "db.rollback(); return db.query(Order).all()"),
        (f"{USER}, db: Session = Depends(get_other_db)", "return db.query(Order).all()"),
        (f"{USER}, db: Session = Depends(get_db, use_cache=False)", "return db.query(Order).all()"),
        ("user, db: Session = Depends(get_db)", "return db.query(Order).all()"),
    ],
)
def test_a_route_that_does_not(tmp_path: Path, parameters: str, body: str) -> None:
    assert_dependency(tmp_path, "silent", parameters=parameters, body=body)


@pytest.mark.parametrize(
    "parts",
    [
        {"handler": "db.rollback()"},
        {"handler": "raise"},
        {"handler": "user = None"},
        {"statement": "user = None\n        try:\n            user = db.get(User, 1)"},
        {"handler": "return None"},
        {"end": "yield"},
    ],
)
def test_a_dependency_that_rolls_back_or_tells_of_the_error(
    tmp_path: Path, parts: dict[str, str]
) -> None:
    assert_dependency(tmp_path, "silent", **parts)


def test_a_function_that_a_dependency_gives_its_session(tmp_path: Path) -> None:
    users = """
        from core import get_db
        from fastapi import Depends
        from sqlalchemy.orm import Session

        def {name}(db: Session, key):
            try:
                db.add(Seen(key))
                db.flush()
            except Exception as error:  # {code}
                print(error)

        def get_{name}_user(key, db: Session = Depends(get_db)):
            {name}(db, key)
            return key
    """
    routes = """
        from core import get_db
        from fastapi import APIRouter, Depends
        from sqlalchemy.orm import Session
        from users import get_shared_user
        from guests import get_alone_user

        router = APIRouter()

        @router.get("/orders")
        def orders(user=Depends(get_shared_user), db: Session = Depends(get_db)):
            return db.query(Order).all()

        @router.get("/me")
        def me(user=Depends(get_alone_user)):
            return user
    """
    files = {
        "core.py": CORE,
        "users.py": users.format(name="shared", code="DBS308"),
        "guests.py": users.format(name="alone", code="silent"),
        "routes.py": routes,
    }
    assert_cases(tmp_path, files, {"DBS308"})
