"""DBS404: the close after a ``yield`` moves into a ``finally``."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import pytest

from tests.fixes.repairs import reasons, repaired

FORMS = {
    "plain": (
        """
        yield db
        db.close()
        """,
        """
        try:
            yield db
        finally:
            db.close()
        """,
    ),
    "committed": (
        """
        # for a request
        yield db  # here
        db.commit()

        # give it back
        db.close()  # at last
        print("done")
        """,
        """
        # for a request
        try:
            yield db  # here
            db.commit()
        finally:
            # give it back
            db.close()  # at last
        print("done")
        """,
    ),
    "handled": (
        """
        try:
            yield db
            db.commit()
        except ValueError:
            db.rollback()
            raise
        db.close()
        """,
        """
        try:
            yield db
            db.commit()
        except ValueError:
            db.rollback()
            raise
        finally:
            db.close()
        """,
    ),
    "handled_before_more": (
        """
        try:
            yield db
        except ValueError:
            db.rollback()
            raise
        db.commit()
        db.close()
        """,
        """
        try:
            try:
                yield db
            except ValueError:
                db.rollback()
                raise
            db.commit()
        finally:
            db.close()
        """,
    ),
    "text_of_several_lines": (
        '''
        print("""
        opened
        """)
        yield db
        print("""
        closing
        """)
        db.close()
        ''',
        '''
        print("""
        opened
        """)
        try:
            yield db
            print("""
        closing
        """)
        finally:
            db.close()
        ''',
    ),
}

LEFT = {
    "conditional": (
        "yield db\nif db:\n    db.close()",
        "the close stands in another block than the `yield`",
    ),
    "one_line": ("yield db; db.close()", "several statements share a line"),
}


def dependency(body: str, head: str = "db = SessionLocal()") -> str:
    text = indent(dedent(body).strip("\n"), "    ")
    return f"from core.database import SessionLocal\n\n\ndef get_db():\n    {head}\n{text}\n"


@pytest.mark.parametrize(("before", "after"), FORMS.values(), ids=FORMS)
def test_forms(before: str, after: str, tmp_path: Path) -> None:
    repair = repaired(tmp_path, {"db.py": dependency(before)}, "db.py", "DBS404")
    assert repair.left == ()
    assert repair.text.content == dependency(after)


def test_asynchronous(tmp_path: Path) -> None:
    before = """
        from core.database import AsyncSessionLocal

        async def get_db():
            db = AsyncSessionLocal()
            yield db
            await db.close()
    """
    after = """
        from core.database import AsyncSessionLocal

        async def get_db():
            db = AsyncSessionLocal()
            try:
                yield db
            finally:
                await db.close()
    """
    repair = repaired(tmp_path, {"db.py": before}, "db.py", "DBS404")
    assert repair.text.content == dedent(after)


def test_a_method(tmp_path: Path) -> None:
    before = """
        from contextlib import contextmanager
        from core.database import SessionLocal

        class Sessions:
            @contextmanager
            def open(self):
                db = SessionLocal()
                yield db
                db.close()
    """
    after = """
        from contextlib import contextmanager
        from core.database import SessionLocal

        class Sessions:
            @contextmanager
            def open(self):
                db = SessionLocal()
                try:
                    yield db
                finally:
                    db.close()
    """
    repair = repaired(tmp_path, {"db.py": before}, "db.py", "DBS404")
    assert repair.text.content == dedent(after)


@pytest.mark.parametrize(("body", "reason"), LEFT.values(), ids=LEFT)
def test_what_is_left_and_why(body: str, reason: str, tmp_path: Path) -> None:
    (found,) = reasons(tmp_path, {"db.py": dependency(body)}, "db.py", "DBS404")
    assert found.endswith(reason)


class Recorder:
    """Stands for a session, and says what was done with it."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return lambda: self.calls.append(name)


@pytest.mark.parametrize("name", ["plain", "committed", "handled", "handled_before_more"])
@pytest.mark.parametrize("error", [None, ValueError, KeyError])
def test_only_what_the_error_skipped_is_done(
    name: str, error: type[Exception] | None, tmp_path: Path
) -> None:
    before = dependency(FORMS[name][0])
    after = repaired(tmp_path, {"db.py": before}, "db.py", "DBS404").text.content
    old, new = (driven(code, error) for code in (before, after))
    assert new == (old if error is None else [*old, "close"])


def driven(code: str, error: type[Exception] | None) -> list[str]:
    recorder = Recorder()
    names: dict[str, Any] = {"SessionLocal": lambda: recorder}
    exec(code.replace("from core.database import SessionLocal", ""), names)
    generator = names["get_db"]()
    next(generator)
    if error is None:
        with pytest.raises(StopIteration):
            next(generator)
    else:
        with pytest.raises(error):
            generator.throw(error)
    return recorder.calls
