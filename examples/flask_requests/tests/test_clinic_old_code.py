"""The old code works as well: that is why it needs a linter to be found."""

from __future__ import annotations

import pytest
from flask import g
from flask.testing import FlaskClient

from clinic import old_commands
from clinic.create_app import create_app
from clinic.infrastructure.database import get_request_db_session, session_scope
from clinic.models import Patient, Visit
from clinic.services import old_verification_service


@pytest.fixture(autouse=True)
def patient() -> None:
    """Register a patient."""
    with session_scope() as session:
        session.add(Patient(email="ann@example.com"))


def test_registration(client: FlaskClient) -> None:
    answer = client.post("/old/auth/register", json={"email": "bob@example.com"})
    assert answer.status_code == 201
    assert old_commands.count_everyone() == 2


@pytest.mark.parametrize(
    "path", ["count", "count-without-close", "count-in-passing", "count-in-repository"]
)
def test_counting_routes(client: FlaskClient, path: str) -> None:
    assert client.get(f"/old/auth/{path}").json == {"count": 1}


def test_verification(client: FlaskClient) -> None:
    assert client.post("/old/auth/verify/ann@example.com").json == {"count": 1}
    with session_scope() as session:
        assert session.query(Visit).count() == 2, "one by the helper, one by the access log"


def test_access_log_keeps_its_session_open(connections_out: set[object]) -> None:
    app = create_app()
    with app.test_request_context("/health"):
        app.preprocess_request()
        g.access_log_session.query(Visit).count()
        session = g.access_log_session
    assert connections_out
    session.close()


def test_services() -> None:
    assert old_verification_service.unverified() == 1
    assert old_verification_service.count_past_the_factory() == 1
    assert old_verification_service.patients() is not None
    assert old_verification_service.session_of_the_scope().query(Patient).count() == 1
    shared = old_verification_service.shared_session()
    assert old_verification_service.shared_session() is shared


def test_commands() -> None:
    old_commands.verify_everyone()
    assert old_verification_service.unverified() == 0
    assert old_commands.memory_engine() is not old_commands.reports_engine


def test_session_outside_of_requests_is_refused() -> None:
    with pytest.raises(RuntimeError):
        get_request_db_session()
