"""Imports: the provider's comes where it is needed, and what nothing uses any more goes."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from tests.fixes.house import HOUSE
from tests.fixes.repairs import reasons, repaired

CORE = "core.database"
USE = """

def count():
    with {}() as db:
        return db.query(1).count()
"""
KEPT = "\n\ndef factory():\n    return SessionLocal\n"

CHANGES = {
    "replaced": (
        "from core.database import SessionLocal  # the factory",
        "from core.database import get_db_session  # the factory",
    ),
    "among_others": (
        "from core.database import Base, SessionLocal, engine",
        "from core.database import Base, engine, get_db_session",
    ),
    "unsorted": (
        "from core.database import engine, SessionLocal, Base",
        "from core.database import engine, Base, get_db_session",
    ),
    "in_parentheses": (
        "from core.database import (\n    SessionLocal,  # opens\n    engine,  # runs\n)",
        "from core.database import (\n    engine,  # runs\n    get_db_session,\n)",
    ),
    "in_parentheses_without_comma": (
        "from core.database import (SessionLocal,\n                           zero)",
        "from core.database import (get_db_session,\n                           zero)",
    ),
    "there_already": (
        "from core.database import SessionLocal\nfrom core.database import get_db_session",
        "from core.database import get_db_session",
    ),
    "there_under_an_alias": (
        "from core.database import SessionLocal, get_db_session as provided",
        "from core.database import get_db_session as provided",
    ),
    "tried_and_left_where_it_fails": (
        "import sys\n"
        "try:\n    from core.database import SessionLocal\n"
        "except ImportError:\n    sys.exit(1)",
        "import sys\n"
        "try:\n    from core.database import get_db_session\n"
        "except ImportError:\n    sys.exit(1)",
    ),
    "type_checking_does_not_count": (
        "from typing import TYPE_CHECKING\n"
        "from core.database import SessionLocal\n"
        "if TYPE_CHECKING:\n    from core.database import engine",
        "from typing import TYPE_CHECKING\n"
        "from core.database import get_db_session\n"
        "if TYPE_CHECKING:\n    from core.database import engine",
    ),
}


LONG = "from core.database import SessionLocal, some_other_name, some_second_name, zero"
WRAPPED = """from core.database import (
    SessionLocal,
    get_db_session,
    some_other_name,
    some_second_name,
    zero,
)"""


def test_an_import_that_becomes_too_long_is_wrapped(tmp_path: Path) -> None:
    files = {**HOUSE, "work.py": LONG + KEPT + USE.format("SessionLocal")}
    fixed = repaired(tmp_path, files, "work.py", "DBS102").text.content
    assert fixed == WRAPPED + KEPT + USE.format("get_db_session")
    (tmp_path / "setup.cfg").write_text("[flake8]\nmax-line-length = 99\n")
    fixed = repaired(tmp_path, files, "work.py", "DBS102").text.content
    assert fixed.startswith("from core.database import SessionLocal, get_db_session, some_other")


@pytest.mark.parametrize(("before", "after"), CHANGES.values(), ids=CHANGES)
def test_the_import_follows(before: str, after: str, tmp_path: Path) -> None:
    name = "provided" if "as provided" in before else "get_db_session"
    files = {**HOUSE, "work.py": before + USE.format("SessionLocal")}
    assert repaired(tmp_path, files, "work.py", "DBS102").text.content == after + USE.format(name)


@pytest.mark.parametrize(
    ("before", "after", "written", "called"),
    [
        (
            "from .database import SessionLocal as new",
            "from .database import get_db_session",
            "new",
            "get_db_session",
        ),
        ("from . import database", None, "database.SessionLocal", "database.get_db_session"),
        ("import core.database as d", None, "d.SessionLocal", "d.get_db_session"),
        (
            "import core.database",
            None,
            "core.database.SessionLocal",
            "core.database.get_db_session",
        ),
    ],
)
def test_the_style_is_kept(
    before: str, after: str | None, written: str, called: str, tmp_path: Path
) -> None:
    files = {**HOUSE, "core/__init__.py": "", "core/work.py": before + USE.format(written)}
    fixed = repaired(tmp_path, files, "core/work.py", "DBS102").text.content
    assert fixed == (after or before) + USE.format(called)


@pytest.mark.parametrize(
    "use",
    [
        "__all__ = ['SessionLocal']",
        "x: 'SessionLocal | None' = None",
        "def f():\n    return SessionLocal",
    ],
)
def test_an_import_that_is_used_stays(use: str, tmp_path: Path) -> None:
    begin = "from core.database import SessionLocal"
    files = {**HOUSE, "work.py": f"{begin}\n{use}\n{USE.format('SessionLocal')}"}
    fixed = repaired(tmp_path, files, "work.py", "DBS102").text.content
    assert fixed == f"{begin}, get_db_session\n{use}\n{USE.format('get_db_session')}"


def test_an_import_that_is_there_on_purpose_stays(tmp_path: Path) -> None:
    begin = "from core.database import SessionLocal{}  # noqa: F401\n"
    package = "from core.database import SessionLocal{}\n"
    files = {
        **HOUSE,
        "work.py": begin.format("") + USE.format("SessionLocal"),
        "pack/__init__.py": package.format("") + USE.format("SessionLocal"),
    }
    for name, line in (("work.py", begin), ("pack/__init__.py", package)):
        fixed = repaired(tmp_path, files, name, "DBS102").text.content
        assert fixed == line.format(", get_db_session") + USE.format("get_db_session")


@pytest.mark.parametrize(
    ("comment", "names"),
    [
        ("# noqa: E402", "get_db_session"),
        ("# noqa: E402,I001 - after the path", "get_db_session"),
        ("# noqa", "SessionLocal, get_db_session"),
        ("# NOQA:E402,F401", "SessionLocal, get_db_session"),
        ("# noqa: F", "SessionLocal, get_db_session"),
        ("# noqa: unused-import", "SessionLocal, get_db_session"),
    ],
)
def test_a_comment_that_hides_something_else_keeps_no_name(
    comment: str, names: str, tmp_path: Path
) -> None:
    line = "from core.database import {}  " + comment + "\n"
    files = {**HOUSE, "work.py": line.format("SessionLocal") + USE.format("SessionLocal")}
    fixed = repaired(tmp_path, files, "work.py", "DBS102").text.content
    assert fixed == line.format(names) + USE.format("get_db_session")


def test_imports_in_functions_are_extended_where_they_stand(tmp_path: Path) -> None:
    before = """
        def work(kind):
            if kind:
                from core.database import SessionLocal

                with SessionLocal() as db:
                    first = db.query(1).count()
                with SessionLocal() as db:
                    return first + db.query(1).count()
            else:
                from core.database import SessionLocal
                with SessionLocal() as db:
                    return db.query(2).count()
    """
    files = {**HOUSE, "work.py": before}
    fixed = repaired(tmp_path, files, "work.py", "DBS102").text.content
    assert fixed == dedent(before).replace("SessionLocal", "get_db_session")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (
            "from core.database import SessionLocal\nget_db_session = None",
            "`get_db_session` means something else here",
        ),
        (
            "from core.again import SessionLocal",
            "`core.again` does not give `get_db_session`",
        ),
    ],
)
def test_what_cannot_be_reached_is_a_reason_to_leave_it(
    code: str, reason: str, tmp_path: Path
) -> None:
    files = {
        **HOUSE,
        "core/again.py": "from core.database import SessionLocal\n",
        "work.py": code + USE.format("SessionLocal"),
    }
    (found,) = reasons(tmp_path, files, "work.py", "DBS102")
    assert found.partition(" DBS102 ")[2] == reason


POLICY = """
    [[layers]]
    name = "all"
    paths = ["*"]
    use = "{}"
    style = "context"
"""


@pytest.mark.parametrize(
    ("use", "before", "after", "called"),
    [
        (
            "house.sessions:provided",
            '"""Doc."""\nfrom __future__ import annotations\nfrom nowhere import SessionLocal',
            '"""Doc."""\nfrom __future__ import annotations\nfrom house.sessions import provided',
            "provided",
        ),
        (
            "house.sessions:provided",
            "from nowhere import SessionLocal\nfrom house.sessions import Other",
            "from house.sessions import Other, provided",
            "provided",
        ),
        (
            "house.sessions:manager.provided",
            "import house.sessions as h\nfrom nowhere import SessionLocal",
            "import house.sessions as h",
            "h.manager.provided",
        ),
        (
            "manager.provided",
            "from nowhere import SessionLocal, manager",
            "from nowhere import manager",
            "manager.provided",
        ),
    ],
)
def test_a_layer_says_where_its_provider_comes_from(
    use: str, before: str, after: str, called: str, tmp_path: Path
) -> None:
    files = {
        "dbsession.toml": POLICY.format(use),
        "work.py": before + "\n\n\ndef f():\n    with SessionLocal() as db:\n        db.commit()\n",
    }
    fixed = repaired(tmp_path, files, "work.py", "DBS102").text.content
    assert fixed == f"{after}\n\n\ndef f():\n    with {called}() as db:\n        db.commit()\n"


WORK = """
    from core.database import SessionLocal

    def count():
        with SessionLocal() as db:
            return db.query(1).count()
"""
TAKERS = {
    "by_from": "from app.counting import SessionLocal",
    "relative": "from .counting import SessionLocal",
    "by_star": "from app.counting import *\nSessionLocal()",
    "as_an_attribute": "from app import counting\ncounting.SessionLocal()",
    "of_a_module": "import app.counting\napp.counting.SessionLocal()",
}


@pytest.mark.parametrize("taker", TAKERS.values(), ids=TAKERS)
def test_what_another_module_takes_from_here_stays(taker: str, tmp_path: Path) -> None:
    files = {**HOUSE, "app/__init__.py": "", "app/counting.py": WORK, "app/taker.py": taker}
    content = repaired(tmp_path, files, "app/counting.py", "DBS102").text.content
    assert "from core.database import SessionLocal, get_db_session  # noqa: F401\n" in content


def test_what_a_package_passes_on_stays(tmp_path: Path) -> None:
    package = "from app.counting import SessionLocal, count\n__all__ = ['SessionLocal', 'count']"
    files = {**HOUSE, "app/__init__.py": package, "app/counting.py": WORK}
    content = repaired(tmp_path, files, "app/counting.py", "DBS102").text.content
    assert "from core.database import SessionLocal, get_db_session  # noqa: F401\n" in content


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "from core.database import SessionLocal  # the factory",
            "from core.database import SessionLocal, get_db_session  # the factory",
        ),
        (
            "from core.database import (\n    SessionLocal,\n    engine,\n)\nprint(engine)",
            "from core.database import (\n    SessionLocal,  # noqa: F401\n    engine,\n"
            "    get_db_session,\n)\nprint(engine)",
        ),
        (
            "from core.database import SessionLocal\nfrom core.database import get_db_session",
            "from core.database import SessionLocal  # noqa: F401\n"
            "from core.database import get_db_session",
        ),
        (
            "from core import database\nfrom core.database import SessionLocal as SessionLocal\n"
            "from core.database import get_db_session",
            "from core import database\nfrom core.database import SessionLocal as SessionLocal\n"
            "from core.database import get_db_session",
        ),
    ],
    ids=["beside_a_comment", "on_its_line", "alone", "passed_on"],
)
def test_what_stays_for_another_module_says_so(before: str, after: str, tmp_path: Path) -> None:
    work = dedent(WORK).lstrip().replace("from core.database import SessionLocal", before)
    taker = "from app.counting import SessionLocal"
    files = {**HOUSE, "app/__init__.py": "", "app/counting.py": work, "app/taker.py": taker}
    content = repaired(tmp_path, files, "app/counting.py", "DBS102").text.content
    assert content.startswith(f"{after}\n\ndef count")


def test_an_import_goes_that_only_others_of_its_name_are_read_of(tmp_path: Path) -> None:
    own = """
        from core.database import SessionLocal

        def count():
            with SessionLocal() as db:
                return db.query(1).count()

        def kept():
            from core.database import SessionLocal
            return SessionLocal
    """
    content = repaired(tmp_path, {**HOUSE, "work.py": own}, "work.py", "DBS102").text.content
    assert content.lstrip().startswith("from core.database import get_db_session\n")
    assert "    from core.database import SessionLocal\n    return SessionLocal\n" in content


BRANCHES = """
    def work(kind, name):
        if kind == "count":
            from core.database import SessionLocal

            with SessionLocal() as db:
                return db.query(1).count()
        if kind == "kept":
            {}
            return SessionLocal{}
"""
OTHER = "from core.database import SessionLocal"


@pytest.mark.parametrize(
    ("other", "more", "goes"),
    [
        (OTHER, "", True),
        (f"if name:\n                {OTHER}", "", False),
        ("pass", "", False),
        ("from core.other import SessionLocal", "", False),
        (OTHER, "\n        return [SessionLocal]", False),
        (OTHER, "\n        return lambda: SessionLocal", False),
    ],
)
def test_an_import_goes_in_whose_place_others_stand_where_the_name_is_read(
    other: str, more: str, goes: bool, tmp_path: Path
) -> None:
    work = BRANCHES.format(other, more)
    files = {**HOUSE, "core/other.py": "SessionLocal = None", "app/work.py": work}
    found = repaired(tmp_path, files, "app/work.py", "DBS102").text.content
    first = found.partition("import ")[2].partition("\n")[0]
    assert first == ("get_db_session" if goes else "SessionLocal, get_db_session")
    assert other.partition("\n")[0] in found


def test_what_another_module_takes_from_elsewhere_goes(tmp_path: Path) -> None:
    taker = "from core.database import SessionLocal\nfrom app import counting"
    files = {**HOUSE, "app/__init__.py": "", "app/counting.py": WORK, "app/taker.py": taker}
    content = repaired(tmp_path, files, "app/counting.py", "DBS102").text.content
    assert "from core.database import get_db_session\n" in content


CLOSING = (
    "def work(path):\n    conn = sqlite3.connect(path)\n    conn.execute('x')\n    conn.close()\n"
)
ORDERS = {
    "among_sorted": (
        "import sqlite3\nfrom collections import deque\nfrom pathlib import Path\n",
        2,
    ),
    "after_plain_ones": ("import os\nimport sqlite3\n", 2),
    "interleaved": ("import ast\nfrom pathlib import Path\nimport sqlite3\n", 1),
    "not_beside_a_late_one": (
        "import os\nimport sqlite3\n\n# Why.\nfrom functools import wraps\n",
        2,
    ),
    "unsorted": ("from pathlib import Path\nimport sqlite3\nfrom ast import parse\n", 3),
    "above_other_packages": (
        "from __future__ import annotations\n\nfrom psycopg2 import connect\n",
        2,
    ),
    "beyond_a_text": (
        'from __future__ import annotations\n\n"""A module."""\n\nimport os\nimport sqlite3\n',
        6,
    ),
    "after_the_future_alone": (
        "from __future__ import annotations\n\nx = 1\nimport sqlite3\n",
        2,
    ),
    "after_a_docstring_alone": ('"""A module."""\n\nx = 1\nimport sqlite3\n', 2),
}


@pytest.mark.parametrize(("imports", "line"), ORDERS.values(), ids=ORDERS)
def test_a_new_import_follows_the_order_of_the_file(
    imports: str, line: int, tmp_path: Path
) -> None:
    code = imports + "\n\n" + CLOSING
    if "psycopg2" in imports:
        code = code.replace("sqlite3.connect", "connect").replace("conn.execute", "conn.commit")
    content = repaired(tmp_path, {"work.py": code}, "work.py", "DBS6").text.content
    assert content.splitlines()[line] == "from contextlib import closing"


RUN = "#!/usr/bin/env python3\n# coding: utf-8\n"
LICENSE = "# Free to use.\n#\n# By all.\n\n"
ADDED = "from contextlib import closing\n"
FIRST = {
    "nothing": ("", f"{ADDED}\n\n"),
    "to_run": (RUN, f"{RUN}\n{ADDED}\n\n"),
    "licensed": (LICENSE, f"{LICENSE}{ADDED}\n\n"),
    "said_of_what_follows": ("# Works.\n", f"{ADDED}\n\n# Works.\n"),
    "to_run_and_said": (f"{RUN}# Works.\n", f"{RUN}\n{ADDED}\n\n# Works.\n"),
    "another_statement": ("X = 1\n\n\n", f"{ADDED}\nX = 1\n\n\n"),
    "a_text": ('"""Works."""\n\n', f'"""Works."""\n\n{ADDED}\n\n'),
}


@pytest.mark.parametrize(("before", "after"), FIRST.values(), ids=FIRST)
def test_the_first_import_stands_below_what_opens_a_file(
    before: str, after: str, tmp_path: Path
) -> None:
    code = CLOSING.replace("    conn =", "    import sqlite3\n    conn =", 1)
    content = repaired(tmp_path, {"work.py": before + code}, "work.py", "DBS6").text.content
    assert content.startswith(f"{after}def work(path):")


def test_a_tried_import_that_may_have_failed_is_not_extended(tmp_path: Path) -> None:
    tried = "try:\n    from core.database import SessionLocal\nexcept ImportError:\n    {}\n"
    for handler in ("pass", "SessionLocal = None"):
        files = {**HOUSE, "work.py": tried.format(handler) + USE.format("SessionLocal")}
        assert not repaired(tmp_path, files, "work.py", "DBS102").fixed
