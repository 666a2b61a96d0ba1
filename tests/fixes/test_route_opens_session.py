"""DBS401: a request handler's own session becomes a parameter that the framework fills."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from textwrap import dedent, indent
from types import ModuleType
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from tests.fixes.house import DATABASE, HOUSE
from tests.fixes.repairs import repaired

HEAD = """
    from fastapi import APIRouter, Depends, HTTPException
    from sqlalchemy.orm import Session
    from core.database import SessionLocal, get_db, get_db_session
    from core.models import User

    router = APIRouter()

    @router.get("/injected")
    def injected(db: Session = Depends(get_db)):
        return db.query(User).count()
"""
ADD = """
    @router.post("/users/{name}")
    def handler(name: str, twice: bool = False):
"""
TAKEN = "def handler(name: str, twice: bool = False, db: Session = Depends(get_db)):"
FORMS = {
    "try_finally": (
        """
        db = SessionLocal()
        try:
            db.add(User(name=name))
            if twice:
                raise HTTPException(409, "twice")
            db.commit()
            return db.query(User).count()
        except ValueError:
            db.rollback()
            return -1
        finally:
            db.close()
        """,
        """
        try:
            db.add(User(name=name))
            if twice:
                raise HTTPException(409, "twice")
            db.commit()
            return db.query(User).count()
        except ValueError:
            db.rollback()
            return -1
        """,
    ),
    "in_try": (
        """
        db = None
        try:
            # why
            db = SessionLocal()
            return db.query(User).count()
        finally:
            if db:
                db.close()
        """,
        """
        # why
        return db.query(User).count()
        """,
    ),
    "block": (
        """
        if twice:
            with SessionLocal() as db:
                return db.query(User).count()
        return 0
        """,
        """
        if twice:
            return db.query(User).count()
        return 0
        """,
    ),
    "provider": (
        """
        with get_db_session() as db:  # all
            count = db.query(User).count()
        return {"count": count}
        """,
        """
        # all
        count = db.query(User).count()
        return {"count": count}
        """,
    ),
    "close": (
        """
        half = len(name) / 2

        db = SessionLocal()
        count = db.query(User).count()
        db.close()
        return half + count
        """,
        """
        half = len(name) / 2

        count = db.query(User).count()
        return half + count
        """,
    ),
}


def _answers(source: str, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Ask an application's handler, and read what is left."""
    from core.database import engine  # type: ignore[import-not-found]
    from core.models import Base  # type: ignore[import-not-found]

    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    module = ModuleType("routes")
    monkeypatch.setitem(sys.modules, "routes", module)
    exec(compile(dedent(source), "routes", "exec"), module.__dict__)
    application = FastAPI()
    application.include_router(module.__dict__["router"])
    client = TestClient(application, raise_server_exceptions=False)
    asked = ["/users/a", "/users/b?twice=1", "/users/c"]
    answers = [(r.status_code, r.text) for r in map(client.post, asked)]
    taken = client.get("/injected")
    assert engine.pool.checkedout() == 0
    return [*answers, taken.status_code, taken.text]


@pytest.fixture
def _house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the house's modules be imported."""
    for name in ("core", "core.models", "core.database"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name, text in {**HOUSE, "core/__init__.py": ""}.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        pooled = text.replace('"sqlite://", poolclass=StaticPool', f'"sqlite:///{tmp_path}/db"')
        path.write_text(dedent(pooled))


@pytest.mark.usefixtures("_house")
@pytest.mark.parametrize("form", FORMS)
def test_the_session_is_a_parameter(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = (indent(dedent(text).strip(), " " * 8) + "\n" for text in FORMS[form])
    before = HEAD + ADD + old
    files = {**HOUSE, "dbsession.toml": "", "api/routes.py": before}
    repair = repaired(tmp_path / "code", files, "api/routes.py")
    after = repair.text.content
    assert TAKEN in after
    assert after.endswith(indent(dedent(new), " " * 4))
    assert repair.left == ()
    again = repaired(tmp_path / "code", {**files, "api/routes.py": after}, "api/routes.py")
    assert again.text.content == after
    assert _answers(before, monkeypatch) == _answers(after, monkeypatch)


ROUTE = """
    from fastapi import APIRouter

    from core.database import SessionLocal
    {more}
    router = APIRouter()

    @router.get("/users")
    {head}:
        db = SessionLocal()
        try:
            return db.query(1).scalar()
        finally:
            db.close()
"""


def _fixed(head: str, tmp_path: Path, more: str = "", **files: str) -> str:
    written = {path.replace("__", "/") + ".py": text for path, text in files.items()}
    routes = dedent(ROUTE).format(head=head, more=dedent(more))
    project = {**HOUSE, **written, "dbsession.toml": "", "api/routes.py": routes}
    return repaired(tmp_path, project, "api/routes.py").text.content


@pytest.mark.parametrize(
    ("head", "after"),
    [
        ("def users()", "def users(db: Session = Depends(get_db)):"),
        ("async def users(*, limit: int)", "(*, limit: int, db: Session = Depends(get_db)):"),
        (
            "def users(\n    limit: int,\n)",
            "(\n    limit: int,\n    db: Session = Depends(get_db),\n):",
        ),
        ("def users(\n    limit: int = 1\n)", "= 1,\n    db: Session = Depends(get_db)\n):"),
    ],
)
def test_it_comes_where_the_others_stand(head: str, after: str, tmp_path: Path) -> None:
    content = _fixed(head, tmp_path)
    assert after in content
    assert "from fastapi import APIRouter, Depends\nfrom sqlalchemy.orm import Session\n" in content
    assert "from core.database import get_db\n" in content


LONG = "def users(first: str, second: int = 1, *, third: str = 'x', fourth: bool = False)"
EXPLODED = """def users(
    first: str,
    second: int = 1,
    *,
    third: str = 'x',
    fourth: bool = False,
    db: Session = Depends(get_db),
):
"""


def test_a_line_that_becomes_too_long_is_parted(tmp_path: Path) -> None:
    assert EXPLODED in _fixed(LONG, tmp_path)
    short = "def users(first: str, second: int = 1, third: str = 'xyz.abc')"
    added = "third: str = 'xyz.abc', db: Session = Depends(get_db)"
    after = f"def users(\n    first: str, second: int = 1, {added}\n):"
    assert after in _fixed(short, tmp_path)
    (tmp_path / "pyproject.toml").write_text("[tool.ruff]\nline-length = 100\n")
    assert f"def users(first: str, second: int = 1, {added}):" in _fixed(short, tmp_path)


ALIAS = """
    from typing import Annotated
    from fastapi import Depends
    from sqlalchemy.orm import Session
    from core.database import get_db

    DB = Annotated[Session, Depends(get_db)]
"""
WITH_ALIAS = "from api.deps import DB\n\ndef other(session: DB):\n    session.query(1)\n"


def test_it_is_written_as_other_handlers_have_it(tmp_path: Path) -> None:
    content = _fixed("def users(limit: int = 1)", tmp_path, WITH_ALIAS, api__deps=ALIAS)
    assert "def users(db: DB, limit: int = 1):" in content
    content = _fixed("def users(a: int, limit: int = 1)", tmp_path, WITH_ALIAS, api__deps=ALIAS)
    assert "def users(a: int, db: DB, limit: int = 1):" in content


def test_another_name_like_the_handlers_is_no_call_of_it(tmp_path: Path) -> None:
    more = """
        def job(users):
            return [users for users in users]

        class Report:
            users = 1

            def of(self):
                from web import users
                return users
    """
    routes = dedent(ROUTE).format(head="def users()", more=dedent(more))
    project = {**HOUSE, "dbsession.toml": "", "api/routes.py": routes}
    repair = repaired(tmp_path, project, "api/routes.py", "DBS401")
    assert not repair.left
    assert "def users(db: Session = Depends(get_db)):" in repair.text.content


@pytest.mark.parametrize(
    ("done", "left"),
    [
        ("return db.query(User.id).filter_by(name=name).scalar()", 0),
        ("db.query(User).first().name = name", 1),
        ("db.commit()", 1),
        ("return found(db)", 1),
    ],
)
def test_a_session_that_is_shared_to_read_is_no_doubt(done: str, left: int, tmp_path: Path) -> None:
    more = f"""
        from fastapi import Depends
        from sqlalchemy.orm import Session
        from core.database import get_db
        from core.models import User
        from web import found

        def user(name: str, db: Session = Depends(get_db)):
            {done}

        def member(user=Depends(user)):
            return user
    """
    for given in ("user", "member"):
        head = f"def users(who=Depends({given}))"
        routes = dedent(ROUTE).format(head=head, more=dedent(more))
        project = {**HOUSE, "dbsession.toml": "", "api/routes.py": routes}
        repair = repaired(tmp_path, project, "api/routes.py", "DBS401")
        assert [each.reason for each in repair.left] == left * [
            f"`{given}` works with the session of `get_db`, too"
        ]


LATE = """
    from fastapi import APIRouter
    from web.start import started

    router = APIRouter()

    @router.get("/users")
    def users(name: str):
        from core.database import SessionLocal as make
        from core.models import User
        with make() as db:
            return db.query(User.id).filter_by(name=name).scalar()
"""


def test_what_a_function_imports_by_itself_is_imported_at_the_top(tmp_path: Path) -> None:
    files = {**HOUSE, "dbsession.toml": "", "web/start.py": "started = 1\n", "api/routes.py": LATE}
    repair = repaired(tmp_path, files, "api/routes.py", "DBS401")
    assert repair.text.content == dedent("""
        from core.database import get_db
        from fastapi import APIRouter, Depends
        from sqlalchemy.orm import Session
        from web.start import started

        router = APIRouter()

        @router.get("/users")
        def users(name: str, db: Session = Depends(get_db)):
            from core.models import User
            return db.query(User.id).filter_by(name=name).scalar()
    """)


@pytest.mark.parametrize(
    "imports",
    ["from api import routes", "import api.routes", "import web.start", "from . import late"],
)
def test_an_import_at_the_top_goes_round_in_no_circle(imports: str, tmp_path: Path) -> None:
    files = {
        **HOUSE,
        "dbsession.toml": "",
        "core/database.py": f"{imports}\n{dedent(DATABASE)}",
        "core/late.py": "from api.routes import router\n",
        "web/start.py": "from api import routes\nstarted = 1\n",
        "api/routes.py": LATE,
    }
    repair = repaired(tmp_path, files, "api/routes.py", "DBS401")
    assert [left.reason for left in repair.left] == [
        "`core.database` is imported in a function, and may import this file"
    ]


CALLER = "from api.routes import users\n\nusers()\n"
SHARING = """
    from fastapi import Depends
    from core.database import get_db

    def user(db=Depends(get_db)):
        return db.execute(1).scalar()
"""
COMMITTING = DATABASE.replace(
    "            yield db\n        finally",
    "            yield db\n            db.commit()\n        finally",
)


@pytest.mark.parametrize(
    ("more", "head", "files", "reason"),
    [
        ("", "def users()", {"api/jobs.py": CALLER}, "`jobs.py` uses `users` too"),
        ("def job():\n    users()\n", "def users()", {}, "uses `users` too"),
        ("", "def users(**rest)", {}, "`users` takes any arguments"),
        (
            SHARING,
            "def users(who=Depends(user))",
            {},
            "`user` works with the session of `get_db`, too",
        ),
        (
            "from web import limited\n",
            "@limited\ndef users()",
            {},
            "may not pass a new parameter on",
        ),
    ],
)
def test_what_is_left_and_why(
    more: str, head: str, files: dict[str, str], reason: str, tmp_path: Path
) -> None:
    routes = dedent(ROUTE).format(head=head, more=dedent(more))
    project = {**HOUSE, **files, "dbsession.toml": "", "api/routes.py": routes}
    repair = repaired(tmp_path, project, "api/routes.py", "DBS401")
    assert repair.text.content == routes
    assert [reason in left.reason for left in repair.left] == [True]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (
            """
    db = SessionLocal()
    user = db.get(User, 1)
    db.close()
    return user
""",
            "a line may let a loaded object out of the block, whose session stays open now",
        ),
        (
            """
    db = SessionLocal()
    count = db.query(User).count()
    db.close()
    send(count)
""",
            "the session would be open still when a line works",
        ),
        (
            """
    for name in "ab":
        with SessionLocal() as db:
            db.get(User, 1)
""",
            "a loop opens it again and again",
        ),
        (
            """
    with get_db_session() as db:
        db.add(User())
""",
            "`get_db` would not commit",
        ),
        (
            """
    with SessionLocal() as db:
        db.query(1)
    with SessionLocal() as db:
        db.query(1)
""",
            "`users` opens more than one session",
        ),
    ],
)
def test_a_session_that_lives_in_another_way(body: str, reason: str, tmp_path: Path) -> None:
    text = dedent(HEAD).split("@router")[0] + '@router.get("/users")\ndef users():\n' + body
    project = {**HOUSE, "dbsession.toml": "", "api/routes.py": text}
    repair = repaired(tmp_path, project, "api/routes.py", "DBS401")
    assert {re.sub(r"line \d+", "a line", left.reason) for left in repair.left} == {reason}


def test_a_dependency_that_commits(tmp_path: Path) -> None:
    text = ROUTE.format(head="def users()", more="from core.models import User").replace(
        "return db.query(1).scalar()", "db.add(User())"
    )
    project = {**HOUSE, "core/database.py": COMMITTING, "dbsession.toml": "", "api/routes.py": text}
    repair = repaired(tmp_path, project, "api/routes.py", "DBS401")
    assert [left.reason for left in repair.left] == [
        "`get_db` would commit what line 12 may leave uncommitted"
    ]


ELSEWHERE = """
from fastapi import APIRouter
from core.database import SessionLocal
from core.models import User

router = APIRouter()


@router.get("/users")
def users(name: str):
    with SessionLocal() as db:
        return db.query(User.id).filter_by(name=name).scalar()
"""
FACTORY = """
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

SessionLocal = sessionmaker(create_engine("sqlite://"))
"""
DEPENDENCY = """
from core.database import SessionLocal


def get_db():
    with SessionLocal() as db:
        yield db
"""
INJECTING = """
from fastapi import APIRouter, Depends
from api.deps import get_db

router = APIRouter()


@router.get("/others")
def others(db=Depends(get_db)):
    return db.query(1)
"""


@pytest.mark.parametrize("imports", ["", "from api import routes\n", "import api\n"])
def test_a_dependency_that_other_files_inject_is_imported(imports: str, tmp_path: Path) -> None:
    """But not from a module that imports the handlers itself; its package is loaded by then."""
    files = {
        **HOUSE,
        "dbsession.toml": "",
        "core/database.py": FACTORY,
        "api/__init__.py": "from api import routes\n",
        "api/deps.py": imports + DEPENDENCY,
        "api/others.py": INJECTING,
        "api/routes.py": ELSEWHERE,
    }
    repair = repaired(tmp_path, files, "api/routes.py", "DBS401", unsafe=True)
    if "routes" in imports:
        assert [left.reason for left in repair.left] == ["`api.deps` imports this file"]
    else:
        assert "from api.deps import get_db\n" in repair.text.content
        assert "def users(name: str, db: Session = Depends(get_db)):" in repair.text.content
