"""The old code works as well: that is why it needs a linter to be found."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from console import session_performance_optimizer as optimizer
from console.admin.services.cleanup_service import CleanupService
from console.admin.services.user_service import UserService
from console.managers import db_manager, unified_session_manager
from console.models import User
from console.scripts import backfill


def test_web_routes(client: FlaskClient) -> None:
    assert client.post("/old/users/Cid").status_code == 201
    assert client.get("/old/users").json == ["Ann", "Bob", "Cid"]
    assert client.get("/old/users/count").json == {"first": 3, "second": 3}


def test_admin_routes(client: FlaskClient) -> None:
    assert client.get("/admin/users/").json == {"active": 1}
    assert client.get("/admin/users/inactive").json == {"inactive": 1}
    assert client.delete("/admin/users/Ann").json == {"removed": 1}


@pytest.mark.parametrize("manager", [unified_session_manager, None])
def test_user_service(manager: object) -> None:
    service = UserService(db_manager, manager)
    service.activate("Bob")
    assert service.count() == 2


def test_cleanup_service() -> None:
    service = CleanupService(db_manager, unified_session_manager)
    query = service.inactive()
    assert query.count() == 1
    query.session.close()
    assert service.remove_inactive() == 1
    assert service.session().query(User).count() == 1


def test_monitor() -> None:
    assert optimizer.SessionMonitor().is_alive()
    assert optimizer.count_with_the_monitor() == 2
    assert optimizer.sampling_session() is optimizer.sampling_session()


def test_contexts_bleed_from_one_manager_to_the_other() -> None:
    first, second = optimizer.SessionManager(), optimizer.SessionManager()
    first.sign_in("token", "Ann")
    assert second.contexts == {"token": "Ann"}


def test_scripts() -> None:
    assert backfill.backfill_with_a_factory_of_its_own() == 2
    assert backfill.count_with_the_managers_factory() == 2
