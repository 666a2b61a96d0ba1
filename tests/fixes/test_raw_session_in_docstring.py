"""DBS110: the fix of an example's code, inside its docstring."""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import dedent, indent

import pytest

from tests.fixes.house import DATABASE, HOUSE
from tests.fixes.repairs import reasons, repaired
from tests.fixes.stage import Stage

# Runs the doctests of the rest; gives the number of failures and of examples.
WORK = """\
import doctest
from core.models import User


def work(self, name, cache: dict):
    (test,) = doctest.DocTestFinder().find(count, "count", module=False, globs=dict(globals()))
    return list(doctest.DocTestRunner().run(test))


"""
FORMS = {
    "fenced_block": (
        '''
        def count():
            """Count.

            ```python
            from core.database import SessionLocal

            with SessionLocal() as db:  # once
                db.query(User).count()
            ```
            """
        ''',
        '''
        def count():
            """Count.

            ```python
            from core.database import get_db_session

            with get_db_session() as db:  # once
                db.query(User).count()
            ```
            """
        ''',
    ),
    "literal_block_by_hand": (
        '''
        def count():
            """Count::

                from core.database import SessionLocal, get_db

                db = SessionLocal()  # DBS110

                try:
                    user = db.query(User).first()

                    print(user)
                except Exception:
                    db.rollback()
                    raise
                finally:
                    db.close()

            And then::

                from core.database import get_db
                db = next(get_db())
                print(db.query(User).count())
            """
        ''',
        '''
        def count():
            """Count::

                from core.database import get_db, get_db_session

                with get_db_session() as db:  # DBS110
                    user = db.query(User).first()

                    print(user)

            And then::

                from core.database import get_db_session
                with get_db_session() as db:
                    print(db.query(User).count())
            """
        ''',
    ),
    "two_of_one_example": (
        '''
        class Users:
            """Users.

            Usage:
                from core.database import SessionLocal, get_db

                def first():
                    with SessionLocal() as db:
                        return db.query(User).count()

                for session in get_db():
                    print(session.query(User).count())

                with SessionLocal() as db:
                    print(db.query(User).count())
            """
        ''',
        '''
        class Users:
            """Users.

            Usage:
                from core.database import get_db_session

                def first():
                    with get_db_session() as db:
                        return db.query(User).count()

                with get_db_session() as session:
                    print(session.query(User).count())

                with get_db_session() as db:
                    print(db.query(User).count())
            """
        ''',
    ),
    "doctest": (
        '''
        def count():
            """Count.

                >>> from core.database import SessionLocal
                >>> 1 + 1
                2

            Now:

                >>> db = SessionLocal()
                >>> for number in range(2):
                ...     print(number)
                ...     db.query(User).count()
                0
                2
                1
                2
                >>> db.close()
                >>> 2 + 2
                4
            """
        ''',
        '''
        def count():
            """Count.

                >>> from core.database import get_db_session
                >>> 1 + 1
                2

            Now:

                >>> with get_db_session() as db:
                ...     for number in range(2):
                ...         print(number)
                ...         db.query(User).count()
                0
                2
                1
                2
                >>> 2 + 2
                4
            """
        ''',
    ),
    "names_of_the_module": (
        '''
        from core.database import SessionLocal, get_db_session as session_scope

        def count(db):
            """
            >>> with SessionLocal() as db:
            ...     db.query(User).count()
            2
            """
            return db.query(User).count() if db else SessionLocal
        ''',
        '''
        from core.database import SessionLocal, get_db_session as session_scope

        def count(db):
            """
            >>> with session_scope() as db:
            ...     db.query(User).count()
            2
            """
            return db.query(User).count() if db else SessionLocal
        ''',
    ),
    "text_without_imports": (
        '''
        from core.database import SessionLocal

        def count(db):
            """Count::

                with SessionLocal() as db:
                    db.add(User())
            """
        ''',
        '''
        from core.database import SessionLocal

        def count(db):
            """Count::

                with get_db_session() as db:
                    db.add(User())
            """
        ''',
    ),
}


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["unix", "windows"])
@pytest.mark.parametrize(("before", "after"), FORMS.values(), ids=FORMS)
def test_forms(before: str, after: str, end: str, tmp_path: Path) -> None:
    files = {**HOUSE, "work.py": dedent(before).replace("\n", end)}
    repair = repaired(tmp_path, files, "work.py", "DBS110")
    assert repair.text.content.replace("\r\n", "\n") == dedent(after)
    assert repair.text.content.count("\r") == (after.count("\n") if end == "\r\n" else 0)
    assert repair.left == ()
    assert not repaired(tmp_path, {**files, "work.py": after}, "work.py", "DBS110").fixed


@pytest.mark.parametrize("name", ["doctest", "names_of_the_module"])
def test_doctests_pass_before_and_after(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("core", "core.models", "core.database"):
        monkeypatch.setitem(sys.modules, module, sys)
    parts = []
    with Stage(tmp_path, DATABASE) as stage:
        for source in FORMS[name]:
            run = stage.run(f"{WORK}{dedent(source)}", "a")
            failed, attempted = run.result  # type: ignore[misc]
            assert failed == 0
            parts.append(attempted)
    assert parts == {"doctest": [6, 4], "names_of_the_module": [1, 1]}[name]


IMPORTED = "from core.database import SessionLocal, get_db, get_db_session"
LEFT = {
    "output_in_the_middle": (
        """
        >>> db = SessionLocal()
        >>> db.query(User).count()
        0
        >>> db.query(Post).count()
        0
        >>> db.close()
        """,
        "what the doctest prints stands in the middle of the new block",
    ),
    "used_later": (
        """
        >>> db = SessionLocal()
        >>> print(db.query(User).count())
        0
        >>> db.close()

        Later:

        >>> db.query(User).count()
        0
        """,
        "line 12 uses it after its close",
    ),
    "doctest_that_does_not_commit": (
        """
        >>> with SessionLocal() as db:
        ...     db.add(User())
        """,
        "`get_db_session` would commit what line 6 may leave uncommitted",
    ),
    "doctest_option": (
        """
        >>> db = SessionLocal()
        >>> db.query(User).count()  # doctest: +SKIP
        0
        >>> db.close()
        """,
        "a doctest's option would hold for the whole block",
    ),
    "no_name": (
        """
        Usage::

            SessionLocal().query(User).count()
        """,
        "it is held by nothing, not by a local name",
    ),
}


@pytest.mark.parametrize(("text", "reason"), LEFT.values(), ids=LEFT)
def test_what_is_left_and_why(text: str, reason: str, tmp_path: Path) -> None:
    text = indent(dedent(text), "    ")
    work = f'{IMPORTED}\n\ndef count():\n    """Count.{text}    """\n'
    (found,) = reasons(tmp_path, {**HOUSE, "work.py": work}, "work.py", "DBS110")
    assert found.endswith(f": DBS110 {reason}")


@pytest.mark.parametrize(
    "docstring",
    [
        '""">>> with SessionLocal() as db:\n    ...     work(db)\n    """',
        '"""\n    >>> with SessionLocal() as db: work(db)"""',
    ],
    ids=["opening", "closing"],
)
def test_code_beside_the_quotes_is_left(docstring: str, tmp_path: Path) -> None:
    work = f"{IMPORTED}\n\ndef work():\n    {docstring}\n"
    (found,) = reasons(tmp_path, {**HOUSE, "work.py": work}, "work.py", "DBS110")
    assert found.endswith("its code shares a line with the docstring's quotes")


def test_a_doctest_that_would_not_find_the_provider_is_unsafe(tmp_path: Path) -> None:
    work = dedent(
        '''
        from core.database import SessionLocal

        def work(db):
            """
            >>> with SessionLocal() as db:
            ...     db.query(1).count()
            """
        '''
    )
    (found,) = reasons(tmp_path, {**HOUSE, "work.py": work}, "work.py", "DBS110")
    assert found == "6: DBS110 `get_db_session` is not imported where the doctest runs"
    repair = repaired(tmp_path, {**HOUSE, "work.py": work}, "work.py", "DBS110", unsafe=True)
    assert repair.text.content == work.replace("with SessionLocal", "with get_db_session")
