from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from flake8_dbsession.policy.model import Layer, Policy, Sanctioned, Scalar

EMPTY = Policy(
    root=Path("/house"),
    source=None,
    preset="standard",
    chosen=False,
    owners=None,
    factories=(),
    connections=(),
    enable=frozenset(),
    docstrings=True,
    retired=(),
    legacy=(),
    layers=(),
    engine=(),
    pragmas=(),
)
LAYERS = (
    Layer("tests", ("tests/", "test_*.py")),
    Layer("routes", ("api/**", "*_routes.py")),
    Layer("scripts", ("/tools.py",)),
)


@pytest.mark.parametrize(
    ("text", "module", "expression"),
    [
        ("core.database:get_db", "core.database", "get_db"),
        ("get_db", None, "get_db"),
        ("self.manager.get_session", None, "self.manager.get_session"),
    ],
)
def test_sanctioned_is_imported_only_with_a_colon(
    text: str, module: str | None, expression: str
) -> None:
    assert Sanctioned.parse(text) == Sanctioned(module, expression)


@pytest.mark.parametrize(
    ("path", "layer"),
    [
        ("/house/api/users.py", "routes"),
        ("/house/api/v1/users.py", "routes"),
        ("/house/src/user_routes.py", "routes"),
        ("/house/tests/api/users.py", "tests"),
        ("/house/api/test_users.py", "tests"),
        ("/house/api/../core/users.py", None),
        ("/house/src/api/users.py", None),
        ("/house/tools.py", "scripts"),
        ("/house/src/tools.py", None),
        # Outside the policy's folder only the name is known.
        ("/elsewhere/test_users.py", "tests"),
        ("/elsewhere/tests/users.py", None),
        ("/elsewhere/api/users.py", None),
        ("/elsewhere/tools.py", None),
        ("/house2/tests/users.py", None),
    ],
)
def test_first_matching_layer_counts(path: str, layer: str | None) -> None:
    found = EMPTY._replace(layers=LAYERS).layer_of(path)
    assert (found.name if found else None) == layer


def test_later_pattern_of_a_layer_takes_paths_out_again() -> None:
    policy = EMPTY._replace(layers=(Layer("routes", ("api/", "!api/health.py")),))
    assert policy.layer_of("/house/api/users.py") is not None
    assert policy.layer_of("/house/api/health.py") is None


def test_relative_path_is_taken_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "backend").mkdir()
    monkeypatch.chdir(tmp_path / "backend")
    policy = EMPTY._replace(root=tmp_path, layers=(Layer("backend", ("/backend/",)),))
    assert policy.layer_of("users.py") == policy.layers[0]
    assert policy.layer_of(Path("./users.py")) == policy.layers[0]
    assert policy.layer_of("../users.py") is None


def test_file_reached_through_a_link_lies_in_its_layer(tmp_path: Path) -> None:
    (tmp_path / "house").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "house")
    policy = EMPTY._replace(root=tmp_path / "house", layers=LAYERS)
    assert policy.layer_of(tmp_path / "link" / "api" / "users.py") == LAYERS[1]


def test_is_test_means_the_layer_called_tests() -> None:
    policy = EMPTY._replace(layers=LAYERS)
    assert policy.is_test("/house/tests/users.py")
    assert not policy.is_test("/house/api/users.py")
    assert not policy.is_test("/house/core.py")


def test_is_test_wherever_the_layer_called_tests_stands() -> None:
    layers = (Layer("routes", ("*_routes.py",)), Layer("tests", ("tests/",)))
    assert EMPTY._replace(layers=layers).is_test("/house/tests/test_user_routes.py")


def test_owners_are_unknown_when_not_named() -> None:
    assert EMPTY.is_owner("/house/core/database.py") is None
    assert EMPTY._replace(owners=()).is_owner("/house/core/database.py") is False


def test_named_owners_are_patterns() -> None:
    policy = EMPTY._replace(owners=("core/database.py", "db/"))
    assert policy.is_owner("/house/core/database.py") is True
    assert policy.is_owner("/house/api/db/session.py") is True
    assert policy.is_owner("/house/core/users.py") is False


def test_legacy_callees_match_whole_and_in_order() -> None:
    policy = EMPTY._replace(
        legacy=(("self.db_manager.get_session", "first"), ("*db_manager.get_session", "any"))
    )
    assert policy.legacy_replacement("self.db_manager.get_session") == "first"
    assert policy.legacy_replacement("db_manager.get_session") == "any"
    assert policy.legacy_replacement("db_manager.get_session_id") is None
    assert policy.legacy_replacement("DB_MANAGER.get_session") is None


@pytest.mark.parametrize(
    ("name", "replacement"),
    [
        ("core.old", ("core.old", "core.new")),
        ("core.old.helper", ("core.old", "core.new")),
        ("core.old.Manager", ("core.old.Manager", "core.new.Service")),
        ("core.old.Manager.get", ("core.old.Manager", "core.new.Service")),
        ("core.older", None),
        ("core", None),
        ("my.core.old", None),
    ],
)
def test_longest_retired_name_counts(name: str, replacement: tuple[str, str] | None) -> None:
    policy = EMPTY._replace(
        retired=(("core.old", "core.new"), ("core.old.Manager", "core.new.Service"))
    )
    assert policy.retired_replacement(name) == replacement


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("any", {"echo": False}),
        ("server", {"echo": False, "pool_recycle": 3600}),
        ("mysql", {"echo": False, "pool_recycle": 3600}),
        ("postgresql", {"echo": True, "pool_recycle": 3600, "pool_size": 10}),
        ("sqlite-file", {"echo": False}),
        ("sqlite-memory", {"echo": False, "poolclass": "StaticPool"}),
    ],
)
def test_engine_options_include_those_of_broader_kinds(
    kind: str, options: dict[str, Scalar]
) -> None:
    policy = EMPTY._replace(
        engine=(
            ("postgresql", (("pool_size", 10), ("echo", True))),
            ("sqlite-memory", (("poolclass", "StaticPool"),)),
            ("any", (("echo", False),)),
            ("server", (("pool_recycle", 3600),)),
        ),
    )
    assert dict(policy.engine_options(kind)) == options


def test_policy_is_a_value() -> None:
    policy = EMPTY._replace(layers=LAYERS)
    policy.layer_of("/house/api/users.py")
    assert policy == EMPTY._replace(layers=LAYERS)
    assert hash(policy) == hash(EMPTY._replace(layers=LAYERS))
    assert policy != EMPTY
    with pytest.raises(AttributeError):
        policy.preset = "flask"  # type: ignore[misc]


def test_policy_travels_between_processes() -> None:
    policy = EMPTY._replace(layers=LAYERS)
    policy.layer_of("/house/api/users.py")
    copy = pickle.loads(pickle.dumps(policy))
    assert copy == policy
    assert copy.layer_of("/house/api/v2/users.py") == LAYERS[1]
