from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from flake8_dbsession.policy.loading import PRESETS, load, preset_names, preset_purpose
from flake8_dbsession.policy.model import Policy, Sanctioned, Style

TEST_CODES = {
    *("DBS101", "DBS102", "DBS103", "DBS301", "DBS303", "DBS304", "DBS305", "DBS306", "DBS309"),
    *("DBS406", "DBS410", "DBS603", "DBS605", "DBS608", "DBS609"),
}


def preset(name: str) -> Policy:
    return load(None, preset=name, root=Path("/house"))


def test_there_is_a_preset_for_each_house() -> None:
    assert preset_names() == ("dbapi", "flask", "sqlalchemy", "sqlite", "standard", "unified")


@pytest.mark.parametrize("name", preset_names())
def test_preset_is_a_policy_like_any_users(name: str) -> None:
    layers = preset(name).layers
    read_as_a_users = load(PRESETS / f"{name}.toml").layers
    assert [layer.name for layer in read_as_a_users[: len(layers)]] == [
        layer.name for layer in layers
    ]


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_knows_bare_factories_and_asks_for_no_decorator(name: str) -> None:
    policy = preset(name)
    assert "SessionLocal" in policy.factories
    assert "async_session_maker" in policy.factories
    assert not any(layer.decorator for layer in policy.layers)


@pytest.mark.parametrize("name", preset_names())
@pytest.mark.parametrize(
    "path",
    [
        "tests/api/users.py",
        "src/tests/routes/helpers.py",
        "api/test_users.py",
        "services/users_test.py",
        "admin/services/conftest.py",
        "test/orm/loading.py",
        "lib/house/testing/fixtures.py",
        "t/basic.py",
    ],
)
def test_tests_are_tests_in_every_preset(name: str, path: str) -> None:
    layer = preset(name).layer_of(f"/house/{path}")
    assert layer is not None
    assert layer.name == "tests"
    assert layer.allow == TEST_CODES


@pytest.mark.parametrize(
    ("name", "path", "layer"),
    [
        ("standard", "api/users.py", "routes"),
        ("standard", "backend/routers/v1/users.py", "routes"),
        ("standard", "core/agent_routes.py", "routes"),
        ("standard", "core/endpoints.py", "routes"),
        ("standard", "core/database.py", "services"),
        ("standard", "main.py", "services"),
        ("standard", "core/api_client.py", "services"),
        ("flask", "src/api/routes/auth_routes.py", "requests"),
        ("flask", "src/infrastructure/repositories/user_repository.py", "requests"),
        ("flask", "src/create_app.py", "outside requests"),
        ("unified", "admin/services/user_service.py", "admin services"),
        ("unified", "src/admin/services/nested/user_service.py", "admin services"),
        ("unified", "admin/routes/dashboard.py", "admin routes"),
        ("unified", "web_app.py", "web"),
        ("unified", "services/mail.py", "web"),
        ("dbapi", "src/chatbot.py", "services"),
        ("sqlite", "utils/session_manager.py", "services"),
        ("sqlalchemy", "shop/orders.py", "everything"),
    ],
)
def test_layers_match_their_houses_paths(name: str, path: str, layer: str) -> None:
    found = preset(name).layer_of(f"/house/{path}")
    assert found is not None
    assert found.name == layer


@pytest.mark.parametrize(
    ("name", "layer", "use", "style"),
    [
        ("standard", "routes", "get_db", Style.DEPENDENCY),
        ("standard", "services", "get_db_session", Style.CONTEXT),
        ("flask", "requests", "get_request_db_session", Style.REQUEST),
        ("flask", "outside requests", None, Style.CONTEXT),
        ("unified", "web", "unified_session_manager.get_db_session", Style.CONTEXT),
        (
            "unified",
            "admin services",
            "self.unified_session_manager.get_db_session",
            Style.CONTEXT,
        ),
        ("unified", "admin routes", "unified_session_manager.get_db_session", Style.CONTEXT),
        ("dbapi", "services", "db.get_connection", Style.CONTEXT),
        ("sqlite", "services", "self._get_connection", Style.CONTEXT),
        ("sqlalchemy", "everything", None, Style.CONTEXT),
    ],
)
def test_layers_carry_their_houses_pattern(
    name: str, layer: str, use: str | None, style: Style
) -> None:
    (found,) = (each for each in preset(name).layers if each.name == layer)
    assert found.use == (Sanctioned(None, use) if use else None)
    assert not found.declared
    assert found.style is style


def test_unified_names_what_is_legacy_and_how_to_move() -> None:
    policy = preset("unified")
    replacement = "unified_session_manager.get_db_session"
    assert policy.legacy_replacement("db_manager.get_session") == replacement
    assert policy.legacy_replacement("self.db_manager.get_session") == replacement
    _, services, routes, _ = policy.layers
    assert services.fallback == "self.db_manager.get_session"
    assert routes.bind == "unified_session_manager = current_app.unified_session_manager"


@pytest.mark.parametrize("name", preset_names())
def test_no_preset_retires_what_only_one_house_had(name: str) -> None:
    """Nor does its purpose leave a newcomer in doubt for whom it is."""
    assert preset(name).retired == ()
    assert 20 < len(preset_purpose(name)) < 160
    assert "\n" not in preset_purpose(name)


def test_dbapi_knows_the_services_way() -> None:
    assert preset("dbapi").connections == (Sanctioned(None, "db.get_connection"),)


def test_sqlite_requires_its_pragmas() -> None:
    policy = preset("sqlite")
    assert policy.connections == (Sanctioned(None, "self._get_connection"),)
    assert policy.pragmas == (
        ("foreign_keys", "ON"),
        ("journal_mode", "WAL"),
        ("synchronous", "NORMAL"),
    )


def test_flask_requires_pooling_by_url_kind() -> None:
    policy = preset("flask")
    assert dict(policy.engine_options("postgresql")) == {
        "pool_size": 10,
        "pool_recycle": 3600,
        "pool_pre_ping": True,
    }
    assert policy.engine_options("sqlite-file") == (("poolclass", "NullPool"),)
    assert policy.engine_options("sqlite-memory") == (("poolclass", "StaticPool"),)
    assert policy.engine_options("any") == ()


def test_sqlalchemy_lets_a_block_open_the_factory() -> None:
    layer = preset("sqlalchemy").layer_of("/house/shop/orders.py")
    assert layer is not None
    assert layer.allow == {"DBS102"}


def test_default_preset_asks_for_nothing_beyond_sessions() -> None:
    policy = preset("standard")
    assert (policy.engine, policy.pragmas, policy.retired, policy.legacy) == ((), (), (), ())
    assert policy.connections == ()


def test_model_is_imported_without_what_only_loading_needs() -> None:
    program = "import sys, flake8_dbsession.policy.model; print(*sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = set(ran.stdout.split())
    assert "flake8_dbsession.policy.model" in loaded
    assert not loaded & {"tomllib", "tomli", "difflib"}
