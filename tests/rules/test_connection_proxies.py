"""DBS602, DBS603 and DBS605: objects of a project that stand for a connection."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

import pytest

from tests.cases import assert_cases

CODES = {"DBS602", "DBS603", "DBS605"}

HELPERS = """
import psycopg2
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 5, dsn="x")

class Proxy:
{methods}

def get_connection(is_pooled=True):
    if is_pooled:
{getting}
    try:
        return psycopg2.connect("x")
    except Exception:
        return None
"""

PLAIN = """
def __init__(self, real, name=""):
    self._real = real
    self.name = name

def __getattr__(self, name):
    return getattr(self._real, name)
"""
BY_OBJECT = """
def __init__(own, real, name=""):
    object.__setattr__(own, "_real", real)
    object.__setattr__(own, "_name", name)

def __getattr__(own, name):
    return getattr(object.__getattribute__(own, "_real"), name)
"""
CLOSE = """
def close(self):
    self._real.close()
"""
GIVE_BACK = """
def close(self):
    real = object.__getattribute__(self, "_real")
    try:
        real.rollback()
    finally:
        pool.putconn(real)
"""
EXIT = """
def __enter__(self):
    self._real.__enter__()
    return self

def __exit__(self, *error):
    return self._real.__exit__(*error)
"""

WORK = """
    from helpers import get_connection

    def held():
        conn = get_connection()  # {held}
        if conn is None:
            return None
        try:
            return conn.cursor().fetchone()
        finally:
            conn.close()

    def left():
        conn = get_connection()  # {never}
        with conn.cursor() as cursor:
            return cursor.fetchone()

    def left_on_errors(key):
        conn = get_connection()  # {sometimes}
        row = conn.cursor().fetchone()
        conn.close()
        return row
"""

OPENED = 'return Proxy(psycopg2.connect("x"))'
TAKEN = "real = pool.getconn()\nreturn Proxy(real, name='x')"


def assert_proxy(tmp_path: Path, methods: str, getting: str, **found: str) -> None:
    helpers = HELPERS.format(
        methods=indent(methods, " " * 4), getting=indent(dedent(getting), " " * 8)
    )
    found = {"held": "silent", "never": "silent", "sometimes": "silent", **found}
    assert_cases(tmp_path, {"helpers.py": helpers, "work.py": WORK.format(**found)}, CODES)


@pytest.mark.parametrize("methods", [PLAIN, BY_OBJECT, PLAIN + EXIT, BY_OBJECT + EXIT])
@pytest.mark.parametrize(("close", "getting"), [(CLOSE, OPENED), ("", OPENED), (GIVE_BACK, TAKEN)])
def test_a_proxy_has_to_be_closed(tmp_path: Path, methods: str, close: str, getting: str) -> None:
    assert_proxy(tmp_path, methods + close, getting, never="DBS602", sometimes="DBS603")


KEPT = """
def close(self):
    self.is_closed = True
"""
AT_END = """
def __exit__(self, *error):
    self._real.close()
"""
NOT_AT_ALL = """
def __exit__(self, *error):
    self._real.commit()
"""
OTHERS = PLAIN.replace("self._real, name", "self.name, name")


@pytest.mark.parametrize(
    "methods", [PLAIN + KEPT, PLAIN + AT_END, PLAIN + NOT_AT_ALL, OTHERS, CLOSE, ""]
)
def test_other_objects_are_not_followed(tmp_path: Path, methods: str) -> None:
    assert_proxy(tmp_path, methods or "pass", OPENED)


@pytest.mark.parametrize("close", ["", CLOSE])
def test_a_proxy_whose_close_gives_nothing_back(tmp_path: Path, close: str) -> None:
    found = dict.fromkeys(("held", "never", "sometimes"), "DBS605")
    assert_proxy(tmp_path, PLAIN + close, TAKEN, **found)
