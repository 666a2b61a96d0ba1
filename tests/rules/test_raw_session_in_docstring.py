"""DBS110: examples in docstrings that teach what the standard forbids."""

from __future__ import annotations

from pathlib import Path

from tests.cases import CHOSEN, assert_cases, lint, write_project

CODES = {"DBS110"}
DATABASE = """
    from contextlib import contextmanager
    from sqlalchemy.orm import sessionmaker

    SessionLocal = sessionmaker()

    @contextmanager
    def get_db_session():
        with SessionLocal() as db:
            yield db
            db.commit()

    def get_db():
        with SessionLocal() as db:
            yield db
"""


def assert_taught(folder: Path, text: str, name: str = "app.py", policy: str = "") -> None:
    files = {
        "dbsession.toml": CHOSEN["dbsession.toml"] + policy,
        "core/database.py": DATABASE,
        name: text,
    }
    assert_cases(folder, files, CODES)


def test_doctests(tmp_path: Path) -> None:
    assert_taught(
        tmp_path,
        '''
            """A module.

            >>> from core.database import SessionLocal as make
            >>> db = make()  # DBS110
            >>> def work():
            ...     with make() as db:  # DBS110
            ...         return db.query(1)
            ...
            >>> work()
            <output that is no Python>
            """

            class Service:
                """>>> SessionLocal().query(1)  # DBS110

                >>> 'SessionLocal()'
                """

                async def run(self):
                    """Run.

                    Text that says SessionLocal() is none.
                    >>> db = next(get_db())  # DBS110
                    """
        ''',
    )


def test_fences(tmp_path: Path) -> None:
    assert_taught(
        tmp_path,
        '''
            def one():
                """Do one thing.

                ```python
                db = SessionLocal()  # DBS110
                ```

                Or, without a language:

                ```
                from core.database import get_db

                for db in get_db():  # DBS110
                    ...
                ```

                ```bash
                SessionLocal()
                ```

                ```
                SessionLocal() is what this text speaks of
                ```

                ```pycon
                >>> SessionLocal()  # DBS110
                ```

                ~~~python
                db = SessionLocal()  # DBS110
                ~~~
                """

            def two():
                """Do another.

                ```python
                from core.database import SessionLocal

                with SessionLocal() as db:  # DBS110
                    await db.execute(1)
                """
        ''',
    )


def test_literal_blocks(tmp_path: Path) -> None:
    assert_taught(
        tmp_path,
        '''
            def one():
                """Use it::

                    db = SessionLocal()  # DBS110

                Or::

                    if True:

                        db = SessionLocal()  # DBS110

                SessionLocal()

                .. code-block:: python
                   :linenos:

                   db = SessionLocal()  # DBS110

                .. code-block:: console

                   SessionLocal()

                .. note::

                   SessionLocal() is what this note speaks of
                """

            def two():
                r"""
                Example::

                    >>> SessionLocal()  # DBS110
                """
        ''',
    )


def test_names_are_looked_up_in_the_example_then_in_the_module(tmp_path: Path) -> None:
    assert_taught(
        tmp_path,
        '''
            from core.database import SessionLocal as make, get_db_session

            def SessionLocal():
                return object()

            def one():
                """Do it::

                    db = make()  # DBS110
                    client = SessionLocal()
                    with get_db_session() as db:
                        pass
                """

            def two():
                """Do it::

                    from core.database import SessionLocal
                    db = SessionLocal()  # DBS110
                """

            def three():
                """An example that is an owner itself::

                    from sqlalchemy.orm import sessionmaker
                    SessionLocal = sessionmaker()
                    db = SessionLocal()
                """
        ''',
    )


EXAMPLE = '''
    def run():
        """Run.

        >>> db = SessionLocal()
        >>> session = db_manager.get_session()
        """
'''


def test_legacy_accessors(tmp_path: Path) -> None:
    policy = '[legacy]\n"*db_manager.get_session" = "get_db_session"\n'
    assert_taught(tmp_path, EXAMPLE.replace("()\n", "()  # DBS110\n"), policy=policy)


def test_what_silences_it(tmp_path: Path) -> None:
    with_block = EXAMPLE.replace("db = SessionLocal()", "with SessionLocal() as db: pass")
    silent = {
        "off/dbsession.toml": "docstrings = false\n",
        "off/app.py": EXAMPLE,
        "owner/dbsession.toml": 'owners = ["app.py"]\n',
        "owner/app.py": EXAMPLE,
        "tests/test_app.py": EXAMPLE,
        "documented/dbsession.toml": 'preset = "sqlalchemy"\n',
        "documented/app.py": with_block,
    }
    assert_cases(tmp_path, silent, CODES)


def test_position_and_message(tmp_path: Path) -> None:
    text = 'def run():\n    """Run::\n\n        db = SessionLocal()\n    """\n'
    write_project(tmp_path, {**CHOSEN, "core/database.py": DATABASE, "app.py": text})
    assert lint(tmp_path, "app.py") == [
        (
            4,
            13,
            "DBS110",
            "`SessionLocal()` opens a session by hand; use `with SessionLocal() as db:` "
            "(DBS101 in an example)",
        )
    ]


def test_a_block_under_usage_is_an_example(tmp_path: Path) -> None:
    text = (
        '"""Run agents.\n\nUsage:\n    from core.database import SessionLocal\n\n'
        '    with SessionLocal() as db:  # DBS110\n        run(db)\n"""\n'
    )
    assert_cases(tmp_path, {**CHOSEN, "core/database.py": DATABASE, "app.py": text}, {"DBS110"})


def test_a_dependency_driven_to_its_end(tmp_path: Path) -> None:
    assert_taught(
        tmp_path,
        '''
            from core.database import get_db

            def as_a_test():
                """
                >>> made = get_db()
                >>> db = next(made)
                >>> made.close()
                """

            def left_open():
                """
                >>> made = get_db()
                >>> db = next(made)  # DBS110
                """

            def no_test():
                """Use it::

                    made = get_db()
                    db = next(made)  # DBS110
                    made.close()
                """
        ''',
    )


def test_a_dependency_driven_in_the_module_that_defines_it(tmp_path: Path) -> None:
    text = '''
        from sqlalchemy.orm import sessionmaker

        SessionLocal = sessionmaker()

        def get_db():
            """Give a session::

                made = get_db()
                db = next(made)
            """
            with SessionLocal() as db:
                yield db
    '''
    assert_cases(tmp_path, {"db.py": text}, CODES)


def test_what_nobody_has_said_is_asked_only_beside_a_provider(tmp_path: Path) -> None:
    text = '''
        from core.database import get_db_session, SessionLocal

        def rename():
            """Rename::

                db = SessionLocal()  # DBS110
                made = get_db()
                db = next(made)
            """
    '''
    alone = text.replace("get_db_session, ", "").replace("  # DBS110", "")
    assert_cases(tmp_path / "a", {"core/database.py": DATABASE, "app.py": text}, CODES)
    assert_cases(tmp_path / "b", {"core/database.py": DATABASE, "app.py": alone}, CODES)
