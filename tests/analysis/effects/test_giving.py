"""What can go wrong with what a generator gives."""

from __future__ import annotations

import ast
from pathlib import Path
from textwrap import dedent

import pytest

from flake8_dbsession.analysis.effects import inference_over
from flake8_dbsession.analysis.effects.giving import Giving, giving_of
from flake8_dbsession.analysis.names.inference import Vocabulary
from flake8_dbsession.analysis.names.project import Project
from flake8_dbsession.analysis.names.values import FunctionValue
from tests.cases import write_project

HEADER = """
import logging
from contextlib import ExitStack, contextmanager, nullcontext

from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import sessionmaker

SessionLocal = sessionmaker(create_engine("postgresql://db/shop"))
ready = False

@contextmanager
def optional():
    if not ready:
        yield None
        return
    with SessionLocal() as db:
        yield db

@contextmanager
def again():
    try:
        with SessionLocal() as db:
            yield db
    except OperationalError:
        with SessionLocal() as db:
            yield db

@contextmanager
def sound():
    with SessionLocal() as db:
        yield db

def opened_or_none():
    if not ready:
        return None
    return SessionLocal()

def fail():
    raise RuntimeError
"""
NONE = [
    # What is written out.
    "    if not ready:\n        yield None\n        return\n    yield SessionLocal()",
    "    if not ready:\n        yield\n        return\n    yield SessionLocal()",
    "    yield SessionLocal() if ready else None",
    "    yield ready and SessionLocal() or None",
    # What a name may still be.
    "    db = None\n    if ready:\n        db = SessionLocal()\n    yield db",
    "    db = SessionLocal() if ready else None\n    yield db",
    """
    db = None
    try:
        db = SessionLocal()
    except OperationalError:
        logging.exception("no database")
    yield db
    """,
    """
    try:
        db = SessionLocal()
    except OperationalError:
        db = None
    try:
        yield db
    finally:
        if db is not None:
            db.close()
    """,
    """
    db = None
    for _ in range(3):
        try:
            db = SessionLocal()
            break
        except OperationalError:
            logging.exception("no database")
    yield db
    """,
    # What another function of the project gives.
    "    yield opened_or_none()",
    "    db = opened_or_none()\n    yield db",
    "    with optional() as db:\n        yield db",
    """
    with ExitStack() as stack:
        db = stack.enter_context(optional())
        yield db
    """,
    "    if (db := opened_or_none()) is None:\n        logging.info('none')\n    yield db",
]
NEVER_NONE = [
    "    yield SessionLocal()",
    """
    db = None
    try:
        db = SessionLocal()
        yield db
    finally:
        if db:
            db.close()
    """,
    "    db = opened_or_none()\n    if db is None:\n        raise RuntimeError\n    yield db",
    "    db = opened_or_none()\n    if not db:\n        fail()\n    yield db",
    "    db = opened_or_none()\n    assert db\n    yield db",
    "    db = opened_or_none() or SessionLocal()\n    yield db",
    "    if (db := opened_or_none()) is None:\n        db = SessionLocal()\n    yield db",
    "    with sound() as db:\n        yield db",
    # A flag that goes with the name.
    """
    db, is_open = None, False
    try:
        db = SessionLocal()
        is_open = True
    except OperationalError:
        logging.exception("no database")
    if not is_open:
        raise RuntimeError
    yield db
    """,
    """
    is_open = False
    db = None
    if ready:
        db = SessionLocal()
        is_open = True
    if not is_open:
        raise RuntimeError
    yield db
    """,
    # A loop that raises in the end.
    """
    db = None
    for attempt in range(3):
        try:
            db = SessionLocal()
            break
        except OperationalError:
            if attempt == 2:
                raise
    try:
        yield db
    finally:
        db.close()
    """,
    """
    db = None
    while db is None:
        try:
            db = SessionLocal()
        except OperationalError:
            logging.exception("no database")
    yield db
    """,
    # A parameter is given or not, and that is what it is for.
    "    own = db is None\n    if own:\n        db = SessionLocal()\n    yield db",
    "    db = db or SessionLocal()\n    yield db",
]
AGAIN = [
    """
    try:
        yield SessionLocal()
    except OperationalError:
        yield SessionLocal()
    """,
    """
    try:
        yield SessionLocal()
    except Exception:
        logging.exception('x')
    yield SessionLocal()
    """,
    """
    for _ in range(3):
        try:
            yield SessionLocal()
            return
        except OperationalError:
            logging.exception('x')
    """,
    """
    while True:
        try:
            with SessionLocal() as db:
                yield db
            break
        except OperationalError:
            continue
    """,
    "    try:\n        yield SessionLocal()\n    finally:\n        yield SessionLocal()",
    "    yield SessionLocal()\n    yield SessionLocal()",
    "    with again() as db:\n        yield db",
    "    with nullcontext(), again() as db:\n        yield db",
]
ONCE = [
    "    yield SessionLocal()",
    "    if ready:\n        yield SessionLocal()\n    else:\n        yield SessionLocal()",
    "    if ready:\n        yield SessionLocal()\n        return\n    yield SessionLocal()",
    """
    try:
        yield SessionLocal()
    except Exception:
        logging.exception('x')
        raise
    """,
    "    try:\n        yield SessionLocal()\n    except Exception:\n        logging.exception('x')",
    """
    for _ in range(3):
        try:
            db = SessionLocal()
            break
        except OperationalError:
            logging.exception('x')
    yield db
    """,
    "    for db in plain():\n        yield db",
    "    with sound() as db:\n        yield db",
    """
    given = False
    try:
        db = SessionLocal()
        given = True
        yield db
    except Exception:
        if given:
            raise
        yield SessionLocal()
    """,
]
PLAIN = "def plain():\n    with SessionLocal() as db:\n        yield db\n"


def giving(folder: Path, body: str, header: str = "def scope(db=None):") -> Giving:
    body = (
        body if body.startswith("    ") else "    " + dedent(body).strip().replace("\n", "\n    ")
    )
    write_project(folder, {"db.py": f"{HEADER}\n{PLAIN}\n@contextmanager\n{header}\n{body}\n"})
    project = Project(folder)
    module = project.find(folder / "other.py", "db")
    assert module is not None
    inference = inference_over(project, Vocabulary())
    value = inference.value(ast.Name("scope", ast.Load()), module.scope)
    assert isinstance(value, FunctionValue)
    return giving_of(value, inference)


@pytest.mark.parametrize("body", NONE)
def test_what_may_give_none(body: str, tmp_path: Path) -> None:
    assert giving(tmp_path, body).may_be_none


@pytest.mark.parametrize("body", NEVER_NONE)
def test_what_gives_no_none(body: str, tmp_path: Path) -> None:
    assert not giving(tmp_path, body).may_be_none


@pytest.mark.parametrize("body", AGAIN)
def test_what_yields_again(body: str, tmp_path: Path) -> None:
    assert giving(tmp_path, body).yields_again


@pytest.mark.parametrize("body", ONCE)
def test_what_yields_once(body: str, tmp_path: Path) -> None:
    assert not giving(tmp_path, body).yields_again


@pytest.mark.parametrize(
    ("annotation", "says"),
    [
        ("Iterator[Session | None]", True),
        ("Iterator[Optional[Session]]", True),
        ("Generator[Union[Session, None], None, None]", True),
        ("Generator[Session, None, None]", False),
        ("Iterator[Session]", False),
        ("Iterator[dict[str, None]]", False),
    ],
)
def test_what_the_annotation_says(annotation: str, says: bool, tmp_path: Path) -> None:
    found = giving(tmp_path, "    yield make()", f"def scope() -> {annotation}:")
    assert found.may_be_none is says


def test_what_has_too_many_ways_is_not_judged(tmp_path: Path) -> None:
    flags = "\n".join(f"    f{n} = True if g{n} else False" for n in range(10))
    uses = "\n".join(f"    if f{n}:\n        print({n})" for n in range(10))
    assert giving(tmp_path, f"{flags}\n{uses}\n    yield None") == Giving()


def test_python_raises_where_a_provider_yields_again() -> None:
    """Checked against Python itself: after an error, and after a good end."""
    from contextlib import contextmanager

    @contextmanager
    def scope():  # type: ignore[no-untyped-def]
        try:
            yield 1
        except ValueError:
            yield None

    with pytest.raises(RuntimeError, match="didn't stop after throw"), scope():
        raise ValueError

    @contextmanager
    def twice():  # type: ignore[no-untyped-def]
        yield 1
        yield 2

    with pytest.raises(RuntimeError, match="didn't stop"), twice():
        pass
