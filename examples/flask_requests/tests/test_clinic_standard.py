"""The sanctioned patterns do what the standard promises."""

from __future__ import annotations

import pytest
from flask import Flask, g
from flask.testing import FlaskClient
from sqlalchemy import make_url, text
from sqlalchemy.pool import NullPool, StaticPool

from clinic.commands import verify_everyone
from clinic.config import build_database_uri
from clinic.create_app import create_app
from clinic.infrastructure.database import (
    engine_options,
    get_request_db_session,
    session_scope,
)
from clinic.models import Patient


def test_registration(client: FlaskClient, connections_out: set[object]) -> None:
    answer = client.post("/api/auth/register", json={"email": "ann@example.com"})
    assert answer.status_code == 201
    shown = client.get("/api/auth/patients/ann@example.com")
    assert shown.json == {"email": "ann@example.com", "verified": False}
    assert client.get("/api/auth/patients/unknown").status_code == 404
    assert client.get("/health").json == {"database": True}
    assert not connections_out


def test_a_request_has_one_session_that_ends_with_it(connections_out: set[object]) -> None:
    app = create_app()
    with app.app_context():
        first = get_request_db_session()
        assert get_request_db_session() is first
        first.execute(text("SELECT 1"))
        assert len(connections_out) == 1
    assert not connections_out
    with app.app_context():
        assert "db_session" not in g
        assert get_request_db_session() is not first


def test_a_request_that_fails_leaves_nothing_behind(connections_out: set[object]) -> None:
    app: Flask = create_app()
    with pytest.raises(RuntimeError), app.app_context():
        session = get_request_db_session()
        session.add(Patient(email="ann@example.com"))
        session.flush()
        raise RuntimeError("simulated")
    assert not connections_out
    with session_scope() as session:
        assert session.query(Patient).count() == 0


def test_scope_commits_and_rolls_back(connections_out: set[object]) -> None:
    with session_scope() as session:
        session.add(Patient(email="ann@example.com"))
    with pytest.raises(RuntimeError), session_scope() as session:
        session.add(Patient(email="bob@example.com"))
        session.flush()
        raise RuntimeError("simulated")
    assert verify_everyone() == 1
    assert not connections_out


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("sqlite://", {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}}),
        ("sqlite:///clinic.db", {"poolclass": NullPool}),
        ("postgresql://db/x", {"pool_size": 10, "pool_recycle": 3600, "pool_pre_ping": True}),
    ],
)
def test_engine_options(url: str, options: dict[str, object]) -> None:
    assert engine_options(make_url(url)) == options


def test_database_uri() -> None:
    assert str(build_database_uri({})) == "sqlite:///clinic.db"
    parts = {"DB_ENGINE": "postgresql", "DB_NAME": "c", "DB_USER": "u", "DB_PASSWORD": "p"}
    uri = build_database_uri(parts).render_as_string(hide_password=False)
    assert uri == "postgresql+psycopg2://u:p@localhost:5432/c"
