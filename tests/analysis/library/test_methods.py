"""The table of methods, against the classes that it speaks of."""

from __future__ import annotations

import sqlite3

import pytest
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session
from sqlmodel import Session as SQLModelSession

from flake8_dbsession.analysis.library.methods import ASYNC_WORK, DATABASE_WORK, Effect, effect_of
from flake8_dbsession.analysis.names.values import Resource


@pytest.mark.parametrize("name", sorted(DATABASE_WORK))
def test_a_session_has_the_methods(name: str) -> None:
    assert hasattr(SQLModelSession, name)


@pytest.mark.parametrize("name", sorted(ASYNC_WORK))
def test_an_asynchronous_session_has_the_others(name: str) -> None:
    assert hasattr(AsyncSession, name)
    assert not hasattr(Session, name)


def test_cursors_and_connections_are_told_of() -> None:
    for name in ("execute", "executemany", "executescript"):
        assert hasattr(sqlite3.Cursor, name)
        assert effect_of(Resource.CONNECTION, name) is not None
    assert hasattr(Connection, "exec_driver_sql")


def test_what_commits() -> None:
    assert effect_of(Resource.SESSION, "commit") == Effect.COMMITS | Effect.SENDS
    assert effect_of(Resource.CONNECTION, "executescript") == Effect.EXECUTES | Effect.COMMITS


def test_an_unknown_method() -> None:
    assert effect_of(Resource.SESSION, "frobnicate") is None
