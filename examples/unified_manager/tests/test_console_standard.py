"""The sanctioned patterns do what the standard promises."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from console.admin.services.user_service import UserService
from console.managers import db_manager, unified_session_manager
from console.models import User
from console.scripts.backfill import backfill
from console.session_performance_optimizer import count_users


def connections_out() -> int:
    """Count the connections that the pool waits for."""
    return db_manager.engine.pool.checkedout()


def test_manager_commits_and_closes() -> None:
    with unified_session_manager.get_db_session() as session:
        session.add(User(name="Cid"))
        session.flush()
        assert connections_out() == 1
    assert connections_out() == 0
    assert count_users() == 3


def test_manager_rolls_back_on_an_error() -> None:
    with pytest.raises(RuntimeError), unified_session_manager.get_db_session() as session:
        session.add(User(name="Cid"))
        session.flush()
        raise RuntimeError("simulated")
    assert connections_out() == 0
    assert count_users() == 2


def test_web_and_admin_routes(client: FlaskClient) -> None:
    assert client.post("/users/Cid").status_code == 201
    assert client.get("/users").json == ["Ann", "Bob", "Cid"]
    assert client.get("/admin/dashboard/").json == {"users": 3}
    assert connections_out() == 0


@pytest.mark.parametrize("manager", [unified_session_manager, None])
def test_service_with_and_without_the_manager(manager: object) -> None:
    assert UserService(db_manager, manager).names() == ["Ann", "Bob"]
    assert connections_out() == 0


def test_service_changes_users() -> None:
    service = UserService(db_manager, unified_session_manager)
    assert service.deactivate("Ann") == 1
    assert connections_out() == 0


def test_script() -> None:
    assert backfill() == 2
    assert UserService(db_manager).names() == ["ann", "bob"]
    assert connections_out() == 0
