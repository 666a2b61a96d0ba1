"""``dbsession standard``: what it prints, and what its check says."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from flake8_dbsession.command.group import main
from flake8_dbsession.policy.loading import forget_policies
from tests.cases import write_project


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_project(tmp_path, {"dbsession.toml": 'preset = "flask"', "app/views.py": ""})
    monkeypatch.chdir(tmp_path)
    return tmp_path


def standard(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["standard", *arguments])


def test_prints_the_standard_of_the_policy_above(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project / "app")
    result = standard()
    assert result.exit_code == 0
    assert "`db = get_request_db_session()`" in result.stdout


def test_prints_the_standard_of_a_named_policy(project: Path) -> None:
    (project / "other.toml").write_text('preset = "sqlite"')
    assert "with self._get_connection() as conn:" in standard("--policy", "other.toml").stdout


def test_flake8_s_settings_hold(project: Path) -> None:
    write_project(project, {"house.toml": 'preset = "sqlite"'})
    write_project(project, {"setup.cfg": "[flake8]\ndbsession-policy = ./house.toml\n"})
    assert "with self._get_connection() as conn:" in standard().stdout
    assert "`db = get_request_db_session()`" in standard("--policy", "dbsession.toml").stdout
    write_project(project, {"setup.cfg": "[flake8]\ndbsession-preset = sqlite\n"})
    assert "with self._get_connection() as conn:" in standard().stdout


def test_check(project: Path) -> None:
    document = project / "standard.md"
    document.write_text(standard().stdout, encoding="utf-8")
    fresh = standard("--check", "standard.md")
    assert (fresh.exit_code, fresh.output) == (0, "")
    document.write_bytes(document.read_bytes().replace(b"\n", b"\r\n"))
    assert standard("--check", "standard.md").exit_code == 0  # as git may check it out
    document.write_text(standard().stdout + "More.\n", encoding="utf-8")
    stale = standard("--check", "standard.md")
    assert stale.exit_code == 1
    assert stale.stdout == ""
    assert "run: dbsession standard > standard.md" in stale.stderr


def test_the_document_s_bad_examples_are_not_reported(project: Path) -> None:
    (project / "standard.md").write_text(standard().stdout, encoding="utf-8")
    result = CliRunner().invoke(main, ["check", "standard.md"])
    assert (result.exit_code, result.output) == (0, "")


@pytest.mark.usefixtures("project")
def test_a_missing_document_is_no_pass() -> None:
    result = standard("--check", "standard.md")
    assert result.exit_code == 1
    assert result.stderr == ("standard.md does not exist; run: dbsession standard > standard.md\n")


@pytest.mark.usefixtures("project")
def test_a_folder_is_wrong_use() -> None:
    result = standard("--check", "app")
    assert result.exit_code == 2
    assert result.stderr == "Error: app: cannot be read: Is a directory\n"


def test_a_document_that_is_not_utf_8_is_wrong_use(project: Path) -> None:
    (project / "standard.md").write_bytes(b"\xff")
    result = standard("--check", "standard.md")
    assert result.exit_code == 2
    assert result.stderr == "Error: standard.md: cannot be read: it is not UTF-8\n"


@pytest.mark.parametrize(
    ("policy", "problem"),
    [("enable = ['DBS999']", "unknown code `DBS999`"), ("presett = 1", "did you mean `preset`?")],
)
def test_broken_policy_is_wrong_use(project: Path, policy: str, problem: str) -> None:
    (project / "dbsession.toml").write_text(policy)
    result = standard()
    assert result.exit_code == 2
    assert problem in result.stderr
    assert result.stdout == ""


HOUSE = """
from contextlib import contextmanager
from sqlalchemy.orm import sessionmaker

make = sessionmaker()


@contextmanager
def session_scope():
    with make() as db:
        yield db
"""


class TestNamesThatExist:
    @pytest.fixture
    def house(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        write_project(tmp_path, {"shop/__init__.py": "", "shop/db.py": HOUSE})
        monkeypatch.chdir(tmp_path)
        return tmp_path

    @pytest.mark.usefixtures("house")
    def test_without_a_policy(self) -> None:
        text = standard().stdout
        assert "with session_scope() as db:" in text
        assert "get_db_session" not in text
        assert "fastapi" not in text.lower()

    def test_with_a_preset(self, house: Path) -> None:
        (house / "dbsession.toml").write_text('preset = "standard"')
        text = standard("--short").stdout
        assert "| `with session_scope() as db:` (`from shop.db import session_scope`) |" in text
        assert "get_db_session" not in text

    @pytest.mark.usefixtures("house")
    def test_short_fits_a_page(self) -> None:
        text = standard("--short").stdout
        assert len(text.splitlines()) < 50

    def test_several_policies_below(self, house: Path) -> None:
        write_project(house, {"a/dbsession.toml": "", "b/dbsession.toml": ""})
        result = standard()
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr == (
            "Error: several policies hold here: a/dbsession.toml, b/dbsession.toml;"
            " name one with --policy\n"
        )
        assert standard("--policy", "a/dbsession.toml").exit_code == 0

    def test_beside_the_users_own(self, house: Path) -> None:
        policy = '[[layers]]\nname = "jobs"\npaths = ["jobs/"]\nuse = "acme:job_session"\n'
        (house / "dbsession.toml").write_text(policy)
        text = standard("--short").stdout
        assert "| jobs | `with job_session() as db:`" in text
        assert "| services | `with session_scope() as db:` (`from shop.db import" in text
        assert "get_db" not in text


def test_each_database_of_a_house_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = """
        from sqlalchemy import create_engine
        from sqlalchemy.orm import sessionmaker

        {name}Session = sessionmaker(create_engine("postgresql:///{name}"))
    """
    dependency = """
        def get_{name}():
            with {name}Session() as session:
                yield session
    """
    routes = """
        from fastapi import APIRouter, Depends
        from app.one import get_One

        router = APIRouter()

        @router.get("/")
        def show(session=Depends(get_One)):
            return session.get(Item, 1)
    """
    files = {
        "app/routes.py": routes,
        "app/one.py": database.format(name="One") + dependency.format(name="One"),
        "app/more.py": "".join(
            database.format(name=name) + dependency.format(name=name) for name in ("Two", "Six")
        ),
    }
    write_project(tmp_path, files)
    monkeypatch.chdir(tmp_path)
    short = standard("--short").stdout
    for name in ("One", "Two", "Six"):
        assert f"db = Depends(get_{name})" in short
        assert f"with {name}Session() as db:" in short


def test_the_short_one_is_checked_as_what_it_is(project: Path) -> None:
    page = project / "short.md"
    page.write_text(standard("--short").stdout)
    assert standard("--check", "short.md").exit_code == 0
    page.write_text(f"{page.read_text()}more\n")
    result = standard("--check", "short.md")
    assert result.exit_code == 1
    assert "run: dbsession standard --short > short.md" in result.stderr


SQLITE_AND_SESSIONS = {
    "notes/__init__.py": "",
    "notes/manager.py": """
        import sqlite3
        from contextlib import contextmanager

        class Manager:
            def __init__(self):
                self.path = "notes.db"

            @contextmanager
            def get_connection(self):
                conn = sqlite3.connect(self.path)
                try:
                    yield conn
                    conn.commit()
                finally:
                    conn.close()

        manager = Manager()
    """,
    "notes/models.py": """
        from contextlib import contextmanager
        from flask import g
        from sqlalchemy import create_engine
        from sqlalchemy.orm import sessionmaker

        Session = sessionmaker(create_engine("sqlite:///notes.db"))

        def get_session():
            if "session" not in g:
                g.session = Session()
            return g.session
    """,
    "notes/routes/notes.py": """
        from flask import Blueprint
        from notes.manager import manager
        from notes.models import get_session

        bp = Blueprint("notes", __name__)

        @bp.route("/")
        def index():
            with manager.get_connection() as conn:
                conn.execute("x")
            return get_session().execute("x").scalar()
    """,
    "notes/jobs.py": """
        import sqlite3

        def count(path):
            conn = sqlite3.connect(path)
            return conn.execute("x").fetchone()

        def more(path):
            conn = sqlite3.connect(path)
            return conn.execute("x").fetchone()
    """,
}
SESSION_SCOPE = """
        @contextmanager
        def session_scope():
            with Session() as session:
                yield session
                session.commit()
"""
REQUESTS = '[[layers]]\nname="requests"\npaths=["routes/"]\nuse="notes.models:get_session"\n'


class TestSessionsBesideConnections:
    """A house of both: sessions of one kind, and a manager of plain connections."""

    @pytest.fixture
    def house(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        write_project(tmp_path, SQLITE_AND_SESSIONS)
        monkeypatch.chdir(tmp_path)
        return tmp_path

    @staticmethod
    def with_provider(house: Path) -> None:
        text = SQLITE_AND_SESSIONS["notes/models.py"] + SESSION_SCOPE
        write_project(house, {"notes/models.py": text})

    @pytest.mark.parametrize("policy", ["", f'{REQUESTS}style = "request"\n'])
    def test_a_layer_of_the_preset_has_the_house_s_provider(self, policy: str, house: Path) -> None:
        self.with_provider(house)
        if policy:
            (house / "dbsession.toml").write_text(policy)
        page, text = standard("--short").stdout, standard().stdout
        assert "with session_scope() as db:" in page
        assert "with session_scope() as db:" in text
        assert "| requests | `db = get_session()`" in page
        assert "sqlite3.connect" not in page

    def test_without_a_provider_the_factory_s_block_is_shown(self, house: Path) -> None:
        page = standard("--short").stdout
        assert "with Session() as db:" in page
        assert "sqlite3.connect" not in page
        (house / "dbsession.toml").write_text(f'{REQUESTS}style = "request"\n')
        forget_policies()
        assert "| services | `with Session() as db:`" in standard("--short").stdout

    @pytest.mark.usefixtures("house")
    def test_connections_have_a_row_of_their_own(self) -> None:
        row = "| plain connections | `with manager.get_connection() as conn:`"
        assert f"{row} (`from notes.manager import manager`) |" in standard("--short").stdout
        text = standard().stdout
        assert "### Plain connections" in text
        assert "with manager.get_connection() as conn:" in text

    def test_where_nothing_gives_connections_the_driver_s_block_is_shown(self, house: Path) -> None:
        (house / "notes/manager.py").write_text("")
        page = standard("--short").stdout
        assert "| plain connections | `with closing(sqlite3.connect(database)) as conn:`" in page
        assert "with Session() as db:" in page

    def test_only_what_is_reported_is_said_to_be(self, house: Path) -> None:
        """DBS107 is silent where the policy names no connections, whatever the code has."""
        assert "DBS107" not in standard().stdout
        (house / "dbsession.toml").write_text(
            'connections = "notes.manager:manager.get_connection"\n'
        )
        forget_policies()
        text = standard().stdout
        assert "#### DBS107" in text
        assert "conn = sqlite3.connect(database)  # DBS107" in text

    @pytest.mark.usefixtures("house")
    def test_examples_open_by_the_house_s_own_factory(self) -> None:
        text = standard().stdout
        assert "SessionLocal" not in text
        assert "db = Session()  # DBS101" in text

    def test_a_way_is_shown_once(self, house: Path) -> None:
        """Where connections are all that a house has, no row says so a second time."""
        (house / "notes/models.py").write_text("")
        (house / "notes/routes/notes.py").unlink()
        (house / "notes/user.py").write_text(
            "from notes.manager import manager\n\n"
            "def use():\n    with manager.get_connection() as conn:\n        conn.execute('x')\n"
        )
        page = standard("--short").stdout
        assert page.count("manager.get_connection()") == 1


def test_examples_import_no_engine_by_the_factory_s_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = HOUSE.replace("make = sessionmaker()", "make = sessionmaker(create_engine(URL))")
    write_project(tmp_path, {"shop/__init__.py": "", "shop/db.py": database})
    monkeypatch.chdir(tmp_path)
    text = standard().stdout
    wrong = text.partition("#### DBS103")[2].partition("**Why:**")[0]
    assert "Session(engine)" in wrong
    assert "import make" not in wrong


PSYCOPG = """
    from contextlib import contextmanager
    from psycopg_pool import ConnectionPool

    pool = ConnectionPool("dbname=depot")

    @contextmanager
    def get_conn():
        with pool.connection() as conn:
            yield conn
"""


def test_examples_are_of_the_house_s_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = 'connections = "depot.pool:get_conn"\n'
    write_project(tmp_path, {"depot/__init__.py": "", "depot/pool.py": PSYCOPG})
    write_project(tmp_path, {"dbsession.toml": policy})
    monkeypatch.chdir(tmp_path)
    text = standard().stdout
    assert "conn = psycopg.connect(database)  # DBS107" in text
    assert "from psycopg_pool import ConnectionPool" in text
    assert not any(each in text for each in ("import sqlite3", "psycopg2", "#### DBS601"))


def test_a_function_that_gives_connections_is_closed_by_its_caller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = "import sqlite3\n\ndef connect():\n    return sqlite3.connect('shop.db')\n"
    use = (
        "from shop.db import connect\n\ndef work():\n    conn = connect()\n    conn.execute('x')\n"
    )
    write_project(tmp_path, {"shop/__init__.py": "", "shop/db.py": database, "shop/use.py": use})
    monkeypatch.chdir(tmp_path)
    page = standard("--short").stdout
    assert "`with closing(connect()) as conn:`" in page
    assert "`from shop.db import connect`" in page
    assert "sqlite3" not in page


def test_a_helper_of_one_file_is_no_way_of_the_house(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = """
        from contextlib import contextmanager
        from shop.db import make

        @contextmanager
        def job_session():
            with make() as db:
                yield db

        def run():
            with job_session() as db:
                db.execute("x")
    """
    database = "from sqlalchemy.orm import sessionmaker\nmake = sessionmaker()\n"
    work = "def work():\n    with make() as db:\n        db.execute('x')\n"
    other = f"from shop.db import make\n\n{work}"
    files = {"shop/__init__.py": "", "shop/db.py": database, "shop/job.py": job}
    write_project(tmp_path, files)
    monkeypatch.chdir(tmp_path)
    assert "with job_session() as db:" in standard("--short").stdout
    write_project(tmp_path, {"shop/other.py": other})
    page = standard("--short").stdout
    assert "job_session" not in page
    assert "with make() as db:" in page


EXTENSION = {
    "shelf/__init__.py": "",
    "shelf/extensions.py": """
        from flask_sqlalchemy import SQLAlchemy

        db = SQLAlchemy()
    """,
    "shelf/views.py": """
        from flask import Blueprint
        from shelf.extensions import db
        from sqlalchemy.orm import Session

        bp = Blueprint("books", __name__)

        @bp.get("/")
        def count():
            with Session(db.engine) as session:
                return session.query(Book).count()
    """,
}


@pytest.mark.parametrize(
    ("policy", "layer"), [("", "services"), ('preset = "flask"\n', "requests")]
)
def test_the_session_of_an_extension_is_its_way(
    policy: str, layer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_project(tmp_path, {**EXTENSION, "dbsession.toml": policy})
    monkeypatch.chdir(tmp_path)
    row = f"| {layer} | `db.session` (`from shelf.extensions import db`) |"
    assert row in standard("--short").stdout.splitlines()
    text = standard().stdout
    assert "item = db.session.get(Item, item_id)\n    item.name = name\n    db.session.com" in text
    right = text.partition("DBS302")[2].partition("**Instead")[2]
    assert "db.session.query(" in right
    assert "db = db.session" not in text


SPLIT = """
[[layers]]
name = "repositories"
paths = ["repositories/"]

[[layers]]
name = "services"
paths = ["services/"]
use = ["core.db:writing", "core.db:reading"]
"""
PAIR = """
from contextlib import contextmanager
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

SessionLocal = sessionmaker(create_engine("sqlite:///x.db"))

@contextmanager
def writing():
    with SessionLocal() as db:
        yield db
        db.commit()

@contextmanager
def reading():
    with SessionLocal() as db:
        yield db
"""


def test_the_way_that_reads_and_the_layer_that_is_given_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"core/db.py": PAIR, "services/a.py": "x = 1\n", "repositories/b.py": "x = 1\n"}
    write_project(tmp_path, {**files, "dbsession.toml": SPLIT})
    monkeypatch.chdir(tmp_path)
    text = standard().stdout
    assert "### Services: a `with` block, to write\n" in text
    reading = text.partition("### Services: a `with` block, to read\n")[2].partition("\n##")[0]
    assert "return item.name" in reading
    assert "commit()" not in reading
    assert "It does not commit: what it is for is reading." in reading
    assert "| repositories | `repositories/` | one that is passed in |" in text
    assert "| repositories | one that is passed in |" in standard("--short").stdout


def test_a_script_s_own_factory_is_none_of_the_house(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = """
        from sqlalchemy.orm import sessionmaker

        Own = sessionmaker()
        with Own() as db:
            db.execute("x")
    """
    use = "from shop.db import make\n\nwith make() as db:\n    db.execute('x')\n"
    database = "from sqlalchemy.orm import sessionmaker\nmake = sessionmaker()\n"
    files = {"shop/__init__.py": "", "shop/db.py": database, "shop/use.py": use}
    write_project(tmp_path, files | {"sync.py": script})
    monkeypatch.chdir(tmp_path)
    page = standard("--short").stdout
    assert "with make() as db:" in page
    assert "Own" not in page
