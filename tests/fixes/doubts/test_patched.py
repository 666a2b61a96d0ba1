"""A fix that a test would notice, for it patches what the module uses no more, is unsafe."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

import pytest
from click.testing import CliRunner

from flake8_dbsession.analysis.source.outline import parse
from flake8_dbsession.command.group import main
from flake8_dbsession.fixes.doubts import notices
from flake8_dbsession.rewriting.edits import Kind
from tests.cases import write_project
from tests.fixes.house import HOUSE
from tests.fixes.repairs import reasons, repaired

WORK = """
    from core.database import SessionLocal
    from core.models import User

    def work(name):
        with SessionLocal() as db:
            return db.query(User).count()
"""
PATCHES = [
    '@patch("app.work.SessionLocal")\ndef test(): pass',
    "mocker.patch(\n    'app.work.SessionLocal', autospec=True)",
    'monkeypatch.setattr("app.work.SessionLocal", None)',
    'from app import other, work\nmonkeypatch.setattr(work, "SessionLocal", None)',
    "import app.work\npatch.object(app.work, 'SessionLocal')",
    'from app import other, work as it\nmonkeypatch.setattr(it, "SessionLocal", None)',
    'import app.work as it\nmonkeypatch.setattr(it, "SessionLocal", None)',
]
PATCHES += [
    'HOME = "app.work"\npatch(f"{HOME}.SessionLocal")',
    'patch("app." + "work.SessionLocal")',
    'patch("app.wo" + "rk.SessionLocal")',
    "patch(f\"app.{'wo'}rk.SessionLocal\")",
    'patch(target="app.work.SessionLocal")',
    'patch.multiple("app.work", SessionLocal=None)',
    "from app import work\npatch.multiple(work, spec=True, SessionLocal=None)",
    "from app import work\nwork.SessionLocal = None",
    'patch.multiple("app.work", **{"SessionLocal": None})',
    'import importlib\nit = importlib.import_module("app.work")\nit.SessionLocal = None',
]
UNREAD = [
    "patch(TARGETS[0] + work, SessionLocal)",
    'patch.object(modules["work"], "SessionLocal")',
    'given = {"SessionLocal": None}\npatch.multiple("app.work", **given)',
    'def test(module): monkeypatch.setattr(f"{module}.SessionLocal", work)',
]
OTHERS = [
    '@patch("app.other.SessionLocal")',
    '@patch("core.database.SessionLocal")',
    '@patch("app.work.get_db_session")',
    'from app import other as work\nmonkeypatch.setattr(work, "SessionLocal", None)',
    'work.SessionLocal("app.work.SessionLocal")',
]


@pytest.mark.parametrize("test", PATCHES)
def test_what_a_test_patches_is_a_doubt(test: str, tmp_path: Path) -> None:
    files = {**HOUSE, "app/work.py": WORK, "tests/test_work.py": test}
    found = reasons(tmp_path, files, "app/work.py", "DBS102")
    told = [reason.partition(";")[0] for reason in found]
    assert told == ["6: DBS102 `tests/test_work.py` patches `SessionLocal` in this module"]
    assert repaired(tmp_path, files, "app/work.py", "DBS102", unsafe=True).fixed


def test_a_doubt_that_can_be_accepted_hides_no_patch(tmp_path: Path) -> None:
    writing = WORK.replace("return db.query(User).count()", "db.add(User(name=name))")
    files = {**HOUSE, "app/work.py": writing, "tests/test_work.py": UNREAD[0]}
    (found,) = repaired(tmp_path, files, "app/work.py", "DBS102").left
    assert [doubt.kind for doubt in found.doubts] == [Kind.COMMIT, Kind.PATCHED]
    assert "line 7 may leave uncommitted; `tests/test_work.py` may patch" in found.reason


@pytest.mark.parametrize("test", UNREAD)
def test_a_patch_that_cannot_be_read_is_a_doubt(test: str, tmp_path: Path) -> None:
    files = {**HOUSE, "app/work.py": WORK, "tests/test_work.py": test}
    found = reasons(tmp_path, files, "app/work.py", "DBS102")
    assert found == ["6: DBS102 `tests/test_work.py` may patch `SessionLocal` in this module"]


@pytest.mark.parametrize("test", OTHERS)
def test_what_it_patches_elsewhere_is_none(test: str, tmp_path: Path) -> None:
    files = {**HOUSE, "app/work.py": WORK, "tests/test_work.py": test}
    assert repaired(tmp_path, files, "app/work.py", "DBS102").fixed
    not_a_test = {**HOUSE, "app/work.py": WORK, "app/tool.py": PATCHES[0]}
    assert repaired(tmp_path, not_a_test, "app/work.py", "DBS102").fixed


LATE = """
    from core.models import User

    def work(name):
        from core.database import SessionLocal

        with SessionLocal() as db:
            return db.query(User).count()
"""
BY_HOME = '@patch("core.database.SessionLocal")\ndef test_it():\n    from app.work import work'


OF_A_CLASS = """
    @patch("core.database.SessionLocal")
    class TestIt:
        def test_it(self, S):
            from app.work import kept, work

            {}
"""
ENTERED = OF_A_CLASS.format("S.return_value.__enter__.return_value = None")
COUNTED = OF_A_CLASS.format("S.return_value.commit.assert_called_once()")
FAKED = """
    class Fake:
        def query(self, *given): ...

    def test_it(monkeypatch):
        monkeypatch.setattr("core.database.SessionLocal", Fake)
        from app.work import work
"""
WHOLE = """
    def replaced(modules):
        return patch.dict(sys.modules, modules)

    def test_it(monkeypatch):
        @
        from app.work import work
"""

WHOLE_WAYS = {
    "in one fixture's item": 'monkeypatch.setitem(sys.modules, "core.database", Fake())',
    "in one item": 'sys.modules["core.database"] = Fake()',
    "by a patch": 'patch.dict("sys.modules", {"core.database": Fake()})',
    "by a helper": 'replaced({"core.database": Fake()})',
    "by what has a name": 'fakes = {"core.database": Fake()}\n        replaced(fakes)',
    "one after another": """
        for name in ("core.other", "core.database"):
            sys.modules[name] = Fake()
""",
    "as a default": 'sys.modules.setdefault("core.database", Fake())',
    "beside others": 'sys.modules.update(OTHERS, **{})\n        OTHERS["core.database"] = Fake()',
}


@pytest.mark.parametrize("test", [ENTERED, COUNTED])
def test_what_the_provider_would_do_otherwise_is_a_doubt(test: str, tmp_path: Path) -> None:
    files = {**HOUSE, "app/work.py": LATE, "tests/test_work.py": test}
    found = reasons(tmp_path, files, "app/work.py", "DBS102")
    assert found == ["7: DBS102 `tests/test_work.py` patches `core.database.SessionLocal`"]


def test_a_test_that_was_not_given_is_not_changed(tmp_path: Path) -> None:
    files = {**HOUSE, "app/work.py": LATE, "tests/test_work.py": FAKED}
    (found,) = reasons(tmp_path, files, "app/work.py", "DBS102")
    assert found == (
        "7: DBS102 `tests/test_work.py` patches `SessionLocal`; `dbsession fix` changes that along "
        "where it is given that file too"
    )


@pytest.mark.parametrize("way", WHOLE_WAYS.values(), ids=WHOLE_WAYS)
def test_a_module_that_is_replaced_has_no_provider(way: str, tmp_path: Path) -> None:
    test = WHOLE.replace("@", way)
    files = {**HOUSE, "app/work.py": LATE, "tests/test_work.py": test}
    found = reasons(tmp_path, files, "app/work.py", "DBS102")
    assert found == ["7: DBS102 `tests/test_work.py` replaces `core.database` as a whole"]


CALLS = {
    "late": """
        def call():
            from app.work import work
            return work("a")
    """,
    "early": """
        from app.work import work
        def call():
            return work("a")
    """,
}


@pytest.mark.parametrize(("when", "is_fixed"), [("late", True), ("early", False)])
def test_a_module_that_is_replaced_too_is_not_run(
    when: str, is_fixed: bool, tmp_path: Path
) -> None:
    test = """
        from app.calls import call

        def replaced(modules):
            return patch.dict(sys.modules, modules)

        def test_it():
            with replaced({
                "core.database": Fake(),
                "app.work": Fake(),
            }):
                call()
    """
    files = {**HOUSE, "app/calls.py": CALLS[when], "app/work.py": LATE, "tests/test_calls.py": test}
    assert bool(repaired(tmp_path, files, "app/work.py", "DBS102").fixed) is is_fixed


REAL = """
    @pytest.fixture
    def database(monkeypatch):
        monkeypatch.setattr("core.database.SessionLocal", sessionmaker(create_engine("sqlite://")))
        from app.work import work
"""
GIVEN = """
    def test_it():
        db = MagicMock()
        with patch("core.database.SessionLocal", return_value=db):
            from app.work import work
        db.query.assert_called_once()
"""


@pytest.mark.parametrize("test", [BY_HOME, REAL, GIVEN])
def test_what_is_patched_at_home_the_provider_reads_as_well(test: str, tmp_path: Path) -> None:
    files = {**HOUSE, "app/work.py": LATE, "tests/test_work.py": test}
    assert repaired(tmp_path, files, "app/work.py", "DBS102").fixed


ALIEN = '@patch("core.database.SessionLocal")\ndef test_it(): other()'


@pytest.mark.parametrize("work", [WORK, LATE])
def test_who_is_not_tested_there_does_not_notice(work: str, tmp_path: Path) -> None:
    files = {**HOUSE, "app/work.py": work, "tests/test_other.py": ALIEN}
    assert repaired(tmp_path, files, "app/work.py", "DBS102").fixed


BESIDE = """
    from app import work

    @pytest.fixture(autouse=True)
    def database(monkeypatch):
        monkeypatch.setattr("core.database.SessionLocal", Mock())

    def test_it(monkeypatch):
        {}
        work.work("a")
"""
OWN_PATCH = 'monkeypatch.setattr(work, "SessionLocal", Mock())'


@pytest.mark.parametrize("test", [BY_HOME, BESIDE.format(f"work.work('b')\n        {OWN_PATCH}")])
def test_who_imports_early_would_read_the_patched_home_only_then(test: str, tmp_path: Path) -> None:
    files = {**HOUSE, "app/work.py": WORK, "tests/test_work.py": test}
    found = reasons(tmp_path, files, "app/work.py", "DBS102")
    why = "which the code would read only then"
    assert found == [f"6: DBS102 `tests/test_work.py` patches `core.database.SessionLocal`, {why}"]


@pytest.mark.parametrize("looks", ["", "made.assert_called_once()"])
def test_a_session_that_nothing_uses_goes_where_no_test_looks(looks: str, tmp_path: Path) -> None:
    work = """
        def work(name):
            from core.database import SessionLocal

            db = SessionLocal()
            name = name.upper()
            db.close()
            return name
    """
    test = f"""
        from unittest.mock import patch
        from app.work import work

        def test():
            with patch("core.database.SessionLocal") as made:
                made.return_value.close.return_value = None
                work("a")
            {looks}
    """
    files = {**HOUSE, "app/work.py": work, "tests/test_work.py": test}
    found = repaired(tmp_path, files, "app/work.py", "DBS101")
    assert ("SessionLocal" in found.text.content) is bool(looks)


def test_it_would_not_where_its_own_name_is_patched_all_the_time(tmp_path: Path) -> None:
    test = BESIDE.format(OWN_PATCH)
    files = {**HOUSE, "app/work.py": WORK, "tests/test_work.py": test}
    (found,) = reasons(tmp_path, files, "app/work.py", "DBS102")
    assert "patches `SessionLocal` in this module" in found


def test_a_function_that_imports_for_itself_does_so_still(tmp_path: Path) -> None:
    work = WORK + LATE.partition("import User\n")[2].replace("def work(", "def late(")
    done = repaired(tmp_path, {**HOUSE, "app/work.py": work}, "app/work.py", "DBS102")
    assert done.text.content.count("from core.database import get_db_session") == 2
    named = work.replace("SessionLocal\n", "SessionLocal, get_db_session\n", 1)
    named = named.replace(
        "with SessionLocal() as db:", "with SessionLocal() as db, get_db_session():"
    )
    done = repaired(tmp_path, {**HOUSE, "app/work.py": named}, "app/work.py", "DBS102")
    assert done.text.content.count("from core.database import get_db_session") == 1


def test_a_place_with_its_own_import_waits_for_no_other(tmp_path: Path) -> None:
    """Where the own place of the module is left, its name stays patched, and the other is fixed."""
    work = WORK + LATE.partition("import User\n")[2].replace("def work(", "def late(")
    test = f"""
        from app import work

        def test_it(monkeypatch):
            {OWN_PATCH}
            work.work("a"), work.late("a")
    """
    files = {**HOUSE, "app/work.py": work, "tests/test_work.py": test}
    done = repaired(tmp_path, files, "app/work.py", "DBS102")
    assert ([each.line for each in done.left], [each.line for each in done.fixed]) == ([6], [12])


DISPATCH = """
    async def dispatch(tool, given):
        if tool == "add":
            from app.jobs import work
            return work(given)
        elif tool in ("list", "count"):
            return [given]
        return await dispatch("list", given)
"""
TOOLS = """
    from app.tools import dispatch

    @pytest.fixture(autouse=True)
    def database(monkeypatch):
        monkeypatch.setattr("core.database.SessionLocal", Mock())

    def test_it(monkeypatch):
        dispatch({}, "a")
        monkeypatch.setattr("app.jobs.work", Mock())
        dispatch("add", "b")
"""


@pytest.mark.parametrize(
    ("told", "is_fixed"), [('"list"', True), ('"other"', True), ('"add"', False), ("told", False)]
)
def test_a_place_that_runs_for_some_texts_only_is_run_by_who_tells_them(
    told: str, is_fixed: bool, tmp_path: Path
) -> None:
    test = TOOLS.format(told)
    files = {**HOUSE, "app/jobs.py": WORK, "app/tools.py": DISPATCH, "tests/test_tools.py": test}
    assert bool(repaired(tmp_path, files, "app/jobs.py", "DBS102").fixed) is is_fixed


def test_each_test_is_asked_by_itself(tmp_path: Path) -> None:
    """One names the module without a runner, the other a runner of something else."""
    tests = """
        from app.tools import dispatch, work

        @pytest.fixture(autouse=True)
        def database(monkeypatch):
            monkeypatch.setattr("core.database.SessionLocal", Mock())

        def test_one():
            from app.jobs import LIMIT
            assert {}

        def test_other():
            dispatch(work)
    """
    for used, is_fixed in (("LIMIT", True), ("work(LIMIT)", False)):
        test = tests.format(used)
        files = {**HOUSE, "app/jobs.py": WORK + "\n    LIMIT = 3\n", "tests/test_jobs.py": test}
        assert bool(repaired(tmp_path, files, "app/jobs.py", "DBS102").fixed) is is_fixed


MOVED = {
    "entered_with_a_mock": (
        WORK,
        """
        @patch("app.work.SessionLocal")
        def test_it(S):
            S.return_value.__enter__.return_value = None
        """,
        '"app.work.get_db_session"',
    ),
    "entered_by_object": (
        WORK,
        """
        from app import work

        def test_it(monkeypatch):
            monkeypatch.setattr(work, "SessionLocal", lambda: Context())
        """,
        '"get_db_session"',
    ),
    "opened_by_hand": (
        WORK.replace(
            "with SessionLocal() as db:\n            return db.query(User).count()",
            "db = SessionLocal()\n        try:\n            return db.query(User).count()\n"
            "        finally:\n            db.close()",
        ),
        """
        def test_it(monkeypatch):
            monkeypatch.setattr("app.work.SessionLocal", sessionmaker())
        """,
        '"core.database.SessionLocal"',
    ),
}


@pytest.mark.parametrize(("work", "test", "target"), MOVED.values(), ids=MOVED)
def test_a_test_that_is_given_patches_what_is_used_now(
    work: str, test: str, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path, {**HOUSE, "app/work.py": work, "tests/test_work.py": test})
    before = Path("tests/test_work.py").read_text()
    arguments = ["fix", "--select=DBS101,DBS102,DBS301"]
    alone = CliRunner().invoke(main, [*arguments, "app", "--verbose"])
    assert (
        "`tests/test_work.py` patches `SessionLocal` in this module; `dbsession fix` changes that "
        "along where it is given that file too" in alone.stdout
    )
    assert Path("tests/test_work.py").read_text() == before
    both = CliRunner().invoke(main, [*arguments, "app", "tests"])
    assert both.exit_code == 0, both.stdout
    assert "with get_db_session() as db" in Path("app/work.py").read_text()
    assert "import SessionLocal" not in Path("app/work.py").read_text()
    after = Path("tests/test_work.py").read_text()
    old = re.search(r'"[\w.]*SessionLocal"', before)
    assert old is not None
    assert after == before.replace(old[0], target)


def test_a_comment_above_a_patch_names_what_that_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = """
        # SessionLocal is ours
        from app import work

        def test_it(monkeypatch):
            # work has its own SessionLocal, and core.database.SessionLocal
            # is not read.
            monkeypatch.setattr(
                "app.work.SessionLocal", Context
            )

        @(lambda function: function)
        def test_less():
            pass

        # The SessionLocal of work
        @patch("app.work.SessionLocal")
        def test_more(_):
            assert work  # by SessionLocal
    """
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path, {**HOUSE, "app/work.py": WORK, "tests/test_work.py": test})
    CliRunner().invoke(main, ["fix", "--select=DBS102", "app", "tests"])
    after = Path("tests/test_work.py").read_text().splitlines()
    assert [line.strip() for line in after if "get_db_session" in line] == [
        "# work has its own get_db_session, and core.database.SessionLocal",
        '"app.work.get_db_session", Context',
        "# The get_db_session of work",
        '@patch("app.work.get_db_session")',
    ]


def test_the_test_that_was_not_given_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    work, test, _ = MOVED["entered_with_a_mock"]
    tests = {f"tests/{name}/test_work.py": test for name in ("a", "b", "c")}
    write_project(tmp_path, {**HOUSE, "app/work.py": work, **tests})
    arguments = ["fix", "--select=DBS101,DBS102,DBS301", "app", "--verbose"]
    one = CliRunner().invoke(main, [*arguments, "tests/a/test_work.py", "tests/c"])
    assert "`tests/b/test_work.py` patches `SessionLocal` in this module" in one.stdout
    two = CliRunner().invoke(main, [*arguments, "tests/b"])
    assert "`tests/a/test_work.py` and 1 more patch `SessionLocal` in this module" in two.stdout


TWICE = """
    from core.database import SessionLocal
    from core.models import User

    def work(name):
        with SessionLocal() as db:
            return db.query(User).count()

    def kept():
        return SessionLocal
"""


def test_what_the_module_uses_still_is_patched_still(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    test = OF_A_CLASS.replace("core.database", "app.work").format("work('a'), kept(), S")
    write_project(tmp_path, {**HOUSE, "app/work.py": TWICE, "tests/test_work.py": test})
    result = CliRunner().invoke(main, ["fix", "--select=DBS102", "app", "tests", "--verbose"])
    assert "`tests/test_work.py` patches `SessionLocal` in this module" in result.stdout
    assert Path("app/work.py").read_text() == dedent(TWICE)


FAILING = """
    from unittest.mock import MagicMock, patch

    def test_it():
        from app.work import work

        cache = MagicMock()
        with patch("core.database.SessionLocal", side_effect=RuntimeError("down")):
            {}
"""
BY_HAND = """
    from core.models import User

    def work(name):
        from core.database import SessionLocal

        db = SessionLocal()
        try:
            return db.query(User).count()
{}        finally:
            db.close()
"""
HANDLED = "        except Exception:\n            return None\n"


@pytest.mark.parametrize(("handler", "is_fixed"), [("", True), (HANDLED, False)])
def test_an_opening_that_fails_has_to_fail_where_it_did(
    handler: str, is_fixed: bool, tmp_path: Path
) -> None:
    test = FAILING.format("with pytest.raises(RuntimeError): work('a')")
    files = {**HOUSE, "app/work.py": BY_HAND.format(handler), "tests/test_work.py": test}
    assert bool(repaired(tmp_path, files, "app/work.py", "DBS101").fixed) is is_fixed


@pytest.mark.parametrize(
    ("made", "given", "is_fixed"),
    [
        ("MagicMock()", "lambda: db", True),
        ("MagicMock()", "MagicMock(return_value=db)", True),
        ("Fake()", "lambda: db", False),
        ("MagicMock()", "made(db)", True),
        ("MagicMock()", "MagicMock(return_value=Fake())", False),
        ("MagicMock(spec=['query'])", "lambda: db", False),
        ("sessionmaker(bind=engine)()", "lambda: db", True),
        ("given_elsewhere", "lambda: db", False),
        ("MagicMock()\n        prepare(db)", "db", False),
        ("MagicMock()", "db", True),
        ("MagicMock(query=MagicMock())", "lambda: db", True),
        ("MagicMock(commit=Fake())", "lambda: db", False),
        ("MagicMock()\n        db.close = MagicMock()", "lambda: db", True),
        ("MagicMock()\n        db.commit = Fake()", "lambda: db", False),
        (
            "MagicMock()\n        made = MagicMock()\n        made.return_value = Fake()",
            "made",
            False,
        ),
    ],
)
def test_what_a_mock_is_told_apart_from(
    made: str, given: str, is_fixed: bool, tmp_path: Path
) -> None:
    test = f"""
    def made(db):
        return MagicMock(return_value=db)

    def prepare(session):
        session.return_value = Fake()

    def other():
        db = given_elsewhere
        return db

    def test_it(monkeypatch):
        from app.work import work

        db = {made}
        row = SimpleNamespace(id=1)
        monkeypatch.setattr("core.database.SessionLocal", {given})
        work("a")
    """
    files = {**HOUSE, "app/work.py": BY_HAND.format(""), "tests/test_work.py": test}
    assert bool(repaired(tmp_path, files, "app/work.py", "DBS101").fixed) is is_fixed


THROUGH = """
    from core import database as base
    from core.models import User

    def work(name):
        with base.SessionLocal() as db:
            db.add(User(name=name))
            db.commit()
"""


@pytest.mark.parametrize(
    "patch",
    [
        'patch("core.database.SessionLocal")',
        'patch("app.work.base.SessionLocal")',
        'patch.object(app.work.base, "SessionLocal")',
    ],
)
def test_what_is_read_through_its_module_is_patched_there(patch: str, tmp_path: Path) -> None:
    test = f"""
        import app.work

        @{patch}
        def test_it(Made):
            app.work.work("a")
            Made.return_value.__enter__.return_value.commit.assert_called_once_with()
    """
    files = {**HOUSE, "app/work.py": THROUGH, "tests/test_work.py": test}
    (reason,) = reasons(tmp_path, files, "app/work.py", "DBS102")
    assert "`tests/test_work.py`" in reason
    assert "patch" in reason


HELD = """
    from unittest.mock import MagicMock, patch

    {}

    def test_work():
        from app.work import work

        assert work("a") is not None

    def test_other({}):
        from app import other

        with patch("core.database.SessionLocal") as made:
            {}
            made.return_value.commit.assert_called_once()
"""


@pytest.mark.parametrize(
    ("helper", "given", "runs", "is_fixed"),
    [
        ("", "", "other.run()", True),
        ("", "monkeypatch", "other.run()", True),
        ("", "", "work('a')", False),
        ("def helper():\n        return work('a')", "", "helper()", False),
        (
            "@pytest.fixture\n    def made_of():\n        yield app.work",
            "made_of",
            "made_of()",
            False,
        ),
        ("", "given_elsewhere", "given_elsewhere()", False),
        (
            "@pytest.fixture(autouse=True)\n    def always():\n        app.work.work()",
            "",
            "",
            False,
        ),
    ],
)
def test_a_patch_of_another_test_holds_nothing(
    helper: str, given: str, runs: str, is_fixed: bool, tmp_path: Path
) -> None:
    files = {**HOUSE, "app/work.py": LATE, "app/other.py": "def run(): pass"}
    files["tests/test_it.py"] = HELD.format(helper, given, runs or "pass")
    assert bool(repaired(tmp_path, files, "app/work.py", "DBS102").fixed) is is_fixed


@pytest.mark.parametrize(
    ("entered", "is_fixed"),
    [
        ("db.__enter__ = MagicMock(return_value=db)", True),
        ("db.__enter__.return_value = db\n        db.__exit__.return_value = False", True),
        ("db.__enter__.return_value = MagicMock()", False),
        ("db.__enter__ = MagicMock(return_value=db)\n        db.__exit__.assert_called()", False),
    ],
)
def test_a_mock_that_gives_itself_when_it_is_entered(
    entered: str, is_fixed: bool, tmp_path: Path
) -> None:
    test = f"""
    def test_it():
        from app.work import work

        db = MagicMock()
        {entered}
        with patch("core.database.SessionLocal", return_value=db):
            work("a")
    """
    files = {**HOUSE, "app/work.py": LATE, "tests/test_work.py": test}
    assert bool(repaired(tmp_path, files, "app/work.py", "DBS102").fixed) is is_fixed


@pytest.mark.parametrize("left", ["", "return name"])
def test_a_commit_that_takes_the_place_of_the_own_one_is_counted_as_before(
    left: str, tmp_path: Path
) -> None:
    work = f"""
        def work(name):
            from core.database import SessionLocal

            db = SessionLocal()
            try:
                if not name:
                    {left or "print(name)"}
                db.execute(name)
                db.commit()
            finally:
                db.close()
    """
    test = """
        def test_it():
            from app.work import work

            db = MagicMock()
            with patch("core.database.SessionLocal", return_value=db):
                work("a")
            db.commit.assert_called_once()
    """
    files = {**HOUSE, "app/work.py": work, "tests/test_work.py": test}
    assert bool(repaired(tmp_path, files, "app/work.py", "DBS101").fixed) is not left


def test_an_import_stays_that_only_a_test_replaces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    work = LATE.replace("\n", "\n    from core.database import SessionLocal\n", 1)
    test = """
        def test_it():
            with patch("core.database.SessionLocal", factory), patch("app.work.SessionLocal"):
                work("a")
    """
    files = {"app/work.py": work, "tests/test_work.py": test, "app/other.py": work}
    write_project(tmp_path, {**HOUSE, **files})
    done = CliRunner().invoke(main, ["fix", "--select=DBS102", "app", "tests", "--verbose"])
    assert done.exit_code == 0, done.stdout
    kept = "from core.database import SessionLocal  # noqa: F401\n"
    after = Path("app/work.py").read_text()
    assert kept in after
    assert "with get_db_session() as db" in after
    assert "SessionLocal" not in Path("app/other.py").read_text()


def test_only_a_test_that_names_the_module_is_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[str] = []
    monkeypatch.setattr(notices, "parse", lambda text: parsed.append(text) or parse(text))
    tests = {
        "tests/test_work.py": 'patch("app.work.SessionLocal")',
        "tests/test_other.py": 'patch("app.other.SessionLocal")',
    }
    assert reasons(tmp_path, {**HOUSE, "app/work.py": WORK, **tests}, "app/work.py", "DBS102")
    assert any("app.work" in text for text in parsed)
    assert not any("app.other" in text for text in parsed)
