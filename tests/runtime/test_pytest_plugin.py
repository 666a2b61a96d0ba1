"""The pytest plugin: which tests fail, whose fault it is said to be, and what it costs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from flake8_dbsession.runtime.reporting.report import from_json
from tests.runtime.runs import failed, run_pytest, write

MARK = "# leaks"


def marked(source: str) -> set[str]:
    """Give the tests with the mark on their line."""
    lines = [line.strip() for line in source.splitlines() if MARK in line]
    return {line.split("(")[0].removeprefix("async ").removeprefix("def ") for line in lines}


FIXTURES = """
    import sqlite3, threading, unittest
    import pytest
    from app import QUERY, SessionLocal, engine, fine, leaky
    from sqlalchemy.orm import close_all_sessions

    @pytest.fixture(scope="module")
    def shared():
        db = SessionLocal()
        db.execute(QUERY)
        yield db
        db.close()

    @pytest.fixture(scope="class")
    def never_closed():
        db = SessionLocal()
        db.execute(QUERY)
        return db

    @pytest.fixture
    def own():
        db = SessionLocal()
        yield db
        db.close()

    @pytest.fixture
    def lost(own):
        db = SessionLocal()
        db.execute(QUERY)
        return db

    @pytest.fixture(scope="session")
    def known():
        db = SessionLocal()
        db.execute(QUERY)
        return db

    def test_that_leaks(): # leaks
        leaky()

    def test_that_does_not():
        fine()

    def test_with_a_shared_one(shared):
        shared.execute(QUERY)

    def test_with_a_shared_one_again(shared):
        shared.execute(QUERY)

    def test_with_its_own(own):
        own.execute(QUERY)

    def test_with_one_that_is_lost(lost): # leaks
        lost.execute(QUERY)

    def test_with_a_known_one(known):
        known.execute(QUERY)

    class TestScope:
        def test_first(self, never_closed):
            never_closed.execute(QUERY)

        @pytest.mark.allow_dbsession_leaks(reason="its own alone")
        def test_last(self, never_closed): # leaks
            never_closed.execute(QUERY)

    @pytest.mark.allow_dbsession_leaks(reason="what the class shares")
    class TestAllowedScope:
        def test_of_an_allowed_class(self, never_closed):
            never_closed.execute(QUERY)

    class TestCase(unittest.TestCase):
        @classmethod
        def setUpClass(cls):
            cls.connection = sqlite3.connect("case.db")

        @classmethod
        def tearDownClass(cls):
            cls.connection.close()

        def setUp(self):
            self.db = SessionLocal()
            self.addCleanup(self.db.close)

        def test_case(self):
            self.db.execute(QUERY)
            self.connection.execute("select 1")

        def test_case_that_leaks(self): # leaks
            leaky()

    @pytest.mark.allow_dbsession_leaks(reason="on purpose")
    def test_allowed():
        leaky()

    @pytest.mark.allow_dbsession_leaks("app.py:leaky")
    def test_allowed_by_place():
        leaky()

    @pytest.mark.allow_dbsession_leaks("other.py")
    def test_allowed_elsewhere(): # leaks
        leaky()

    @pytest.fixture
    def sweep():
        yield
        close_all_sessions()

    def test_that_leaves_it_to_a_sweep(sweep): # leaks
        leaky()

    def test_that_sweeps_up_after_itself(sweep):
        db = SessionLocal()
        db.execute(QUERY)

    def test_closed_a_moment_later_by_a_thread():
        db = []
        ready = threading.Event()
        def work():
            with SessionLocal() as session:
                session.execute(QUERY)
                ready.set()
                threading.Event().wait(0.1)
        threading.Thread(target=work).start()
        ready.wait()
"""


def test_fixtures_cases_and_markers(tmp_path: Path) -> None:
    # What the collector takes before a test is judged is said in other words.
    write(tmp_path, test_it=FIXTURES, conftest="import gc\n\ngc.disable()\n")
    run = run_pytest(
        tmp_path, "--dbsession-leaks", "--strict-markers", "-o", "dbsession_allow=known"
    )
    assert failed(run.stdout) == marked(FIXTURES)
    assert run.returncode == 1
    message = run.stdout.split("ERROR at teardown of test_that_leaks")[1].split("\n\n")[1]
    lines = [line.strip() for line in message.splitlines()]
    call = FIXTURES.splitlines().index("        leaky()") + 1
    assert (
        lines[0]
        == f"Session opened at app.py:14 in leaky, called from test_it.py:{call} in test_that_leaks"
    )
    assert lines[1] == "by test test_it.py::test_that_leaks, thread MainThread"
    assert lines[2] == "took its connection at app.py:15 in leaky"
    assert "1 statement, its transaction open for 0." in lines[3]
    assert lines[4].startswith("DBS302: nothing closed it: its connection stays out of the pool")
    scope = run.stdout.split("ERROR at teardown of TestScope.test_last")[1]
    assert "by fixture never_closed (class scope) of test_it.py::TestScope, " in scope


WEB = """
    import asyncio
    import pytest
    from app import QUERY, AsyncSessionLocal, SessionLocal, fine, leaky
    from fastapi import Depends, FastAPI
    from fastapi.testclient import TestClient
    from flask import Flask, g

    api = FastAPI()

    def get_db():
        with SessionLocal() as db:
            yield db

    @api.get("/fine")
    def read(db=Depends(get_db)):
        return db.execute(QUERY).scalar()

    @api.get("/leaky")
    def read_and_leak():
        return leaky()

    site = Flask(__name__)

    @site.get("/fine")
    def show():
        return str(fine())

    @site.get("/leaky")
    def show_and_leak():
        return str(leaky())

    @pytest.fixture
    def anyio_backend():
        return "asyncio"

    def test_fastapi():
        with TestClient(api) as client:
            assert client.get("/fine").json() == 1

    def test_fastapi_leaks(): # leaks
        assert TestClient(api).get("/leaky").json() == 1

    def test_flask():
        assert site.test_client().get("/fine").text == "1"

    def test_flask_leaks(): # leaks
        assert site.test_client().get("/leaky").text == "1"

    @pytest.mark.anyio
    async def test_anyio():
        async with AsyncSessionLocal() as db:
            await db.execute(QUERY)

    @pytest.mark.anyio
    @pytest.mark.filterwarnings("ignore")
    async def test_anyio_leaks(): # leaks
        db = AsyncSessionLocal()
        await db.execute(QUERY)
"""
ASYNCIO = """
    import pytest
    import pytest_asyncio
    from app import QUERY, AsyncSessionLocal

    @pytest_asyncio.fixture
    async def own():
        async with AsyncSessionLocal() as db:
            yield db

    @pytest.mark.asyncio
    async def test_asyncio(own):
        await own.execute(QUERY)

    @pytest.mark.asyncio
    @pytest.mark.filterwarnings("ignore")
    async def test_asyncio_leaks(own): # leaks
        db = AsyncSessionLocal()
        await db.execute(QUERY)
"""


def test_web_applications_and_event_loops(tmp_path: Path) -> None:
    pytest.importorskip("pytest_asyncio")
    write(tmp_path, test_web=WEB, test_asyncio=ASYNCIO)
    run = run_pytest(tmp_path, "--dbsession-leaks")
    assert failed(run.stdout) == marked(WEB) | marked(ASYNCIO)
    assert "test_fastapi_leaks, GET /leaky, thread AnyIO worker thread" in run.stdout
    assert "test_flask_leaks, GET /leaky, thread MainThread" in run.stdout
    assert "AsyncSession opened at test_asyncio.py:" in run.stdout


SEVERAL = """
    import pytest
    from app import fine, leaky

    @pytest.mark.parametrize("number", range(5))
    def test_leaky(number):
        leaky()

    def test_often():
        for _ in range(2):
            leaky()
"""
TWO = """
    from app import fine, leaky

    def test_fine():
        fine()

    def test_leaky():
        leaky()
"""


def test_warning_changes_no_outcome(tmp_path: Path) -> None:
    write(tmp_path, test_it=TWO)
    run = run_pytest(tmp_path, "-o", "dbsession_leaks=warn", "-W", "error")
    assert run.returncode == 0
    assert "2 passed" in run.stdout
    assert "\n1 database session left open\n\nSession opened at app.py:14 in leaky" in run.stdout
    assert "by test test_it.py::test_leaky, thread MainThread\n" in run.stdout
    assert "\n     1          1 " in run.stdout


def test_equal_leaks_are_said_once(tmp_path: Path) -> None:
    write(tmp_path, test_it=SEVERAL, conftest="import gc\n\ngc.disable()  # which would end some")
    for workers in ([], ["-n", "2"]):
        run = run_pytest(tmp_path, "-o", "dbsession_leaks=warn", *workers)
        assert "\n7 database sessions left open\n\n7 times: Session opened at app.py" in run.stdout
        assert run.stdout.count("Session opened at") == 1
        assert ", and by 1 more way\n" in run.stdout
        assert "; and 3 more\n" in run.stdout
    run = run_pytest(tmp_path, "--dbsession-leaks", "-k", "often")
    assert "\n2 database sessions left open\n\n2 times: Session opened at app.py" in run.stdout


def test_without_the_option_it_is_silent(tmp_path: Path) -> None:
    check = """
        import sys

        def pytest_unconfigure():
            assert "flake8_dbsession.runtime.pytest_guard" not in sys.modules
    """
    write(tmp_path, test_it=TWO, conftest=check)
    run = run_pytest(tmp_path)
    assert run.returncode == 0
    assert "database" not in run.stdout
    assert run.stderr == ""


def test_its_import_brings_nothing_along() -> None:
    """Hold the cost of a start without the option; what pytest imports by itself is free."""
    code = """
import sys, pytest
before = set(sys.modules)
import flake8_dbsession.runtime.pytest_plugin
print(*sorted(set(sys.modules) - before))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    package = "flake8_dbsession"
    assert run.stdout.split() == [package, f"{package}.runtime", f"{package}.runtime.pytest_plugin"]


def test_workers_of_xdist(tmp_path: Path) -> None:
    pytest.importorskip("xdist")
    write(tmp_path, test_one=TWO, test_two=TWO)
    run = run_pytest(tmp_path, "-n", "2", "--dbsession-leaks", "--dbsession-report", "report.json")
    assert "4 passed, 2 errors" in run.stdout
    report = from_json((tmp_path / "report.json").read_text())
    assert (report.opened, report.left_open, len(report.leaks)) == (4, 2, 2)


def test_reports(tmp_path: Path) -> None:
    write(tmp_path, test_it=TWO)
    run = run_pytest(tmp_path, "--dbsession-report=a.json", "--dbsession-report=a.html")
    assert run.returncode == 0
    report = from_json((tmp_path / "a.json").read_text())
    (verdict,) = report.verdicts
    assert (verdict.place.line, verdict.codes, verdict.leaked) == (14, ("DBS302",), 1)
    assert "1 of 2 connections were left open" in (tmp_path / "a.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "dbsession_leaks=loud"], "dbsession_leaks is error, warn or off, not 'loud'"),
        (["--dbsession-report=a.txt"], "a.txt: a report is written as FILE.json or FILE.html"),
        (["--dbsession-leaks", "-o", "dbsession_idle=x"], "dbsession_idle is a number of seconds"),
    ],
)
def test_a_setting_that_cannot_be_used(tmp_path: Path, arguments: list[str], message: str) -> None:
    run = run_pytest(tmp_path, *arguments)
    assert run.returncode == pytest.ExitCode.USAGE_ERROR
    assert message in run.stderr
