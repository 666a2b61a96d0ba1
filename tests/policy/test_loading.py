from __future__ import annotations

from pathlib import Path

import pytest

from flake8_dbsession.policy.errors import PolicyError
from flake8_dbsession.policy.finding import find, repository_root
from flake8_dbsession.policy.loading import load
from flake8_dbsession.policy.model import Layer, Policy, Sanctioned, Style

from .conftest import Write

EXAMPLE = """
[tool.dbsession]
preset = "standard"
owners = ["core/database.py"]
factories = ["core.database.SessionLocal"]
enable = ["DBS307"]
docstrings = true

[tool.dbsession.retired]
"core.database_manager" = "core.database"

[tool.dbsession.legacy]
"*db_manager.get_session" = "get_db_session"

[[tool.dbsession.layers]]
name = "routes"
paths = ["api/**", "*_routes.py"]
use = "core.database:get_db"
style = "dependency"

[[tool.dbsession.layers]]
name = "admin services"
paths = ["admin/services/**"]
use = "self.unified_session_manager.get_db_session"
style = "context"
fallback = "self.db_manager.get_session"

[[tool.dbsession.layers]]
name = "admin routes"
paths = ["admin/routes/**"]
use = "unified_session_manager.get_db_session"
bind = "unified_session_manager = current_app.unified_session_manager"
style = "context"

[[tool.dbsession.layers]]
name = "tests"
paths = ["tests/**", "test_*.py", "*_test.py", "conftest.py"]
allow = ["DBS101", "DBS102", "DBS103", "DBS301"]

[tool.dbsession.engine]
postgresql = { pool_pre_ping = true, pool_recycle = 3600 }
sqlite-memory = { poolclass = "StaticPool" }

[tool.dbsession.sqlite]
pragmas = { foreign_keys = "ON", journal_mode = "WAL" }
"""

SERVICES = Layer("services", ("*",), use=Sanctioned(None, "get_db_session"))


def test_whole_policy(write: Write) -> None:
    file = write(EXAMPLE, "pyproject.toml")
    assert load(file) == Policy(
        root=file.parent,
        source=file,
        preset="standard",
        chosen=True,
        owners=("core/database.py",),
        factories=(*load(None).factories, "core.database.SessionLocal"),
        connections=None,
        enable=frozenset({"DBS307"}),
        docstrings=True,
        retired=(("core.database_manager", "core.database"),),
        legacy=(("*db_manager.get_session", "get_db_session"),),
        layers=(
            Layer(
                "routes",
                ("api/**", "*_routes.py"),
                use=Sanctioned("core.database", "get_db"),
                style=Style.DEPENDENCY,
            ),
            Layer(
                "admin services",
                ("admin/services/**",),
                use=Sanctioned(None, "self.unified_session_manager.get_db_session"),
                fallback="self.db_manager.get_session",
            ),
            Layer(
                "admin routes",
                ("admin/routes/**",),
                use=Sanctioned(None, "unified_session_manager.get_db_session"),
                bind="unified_session_manager = current_app.unified_session_manager",
            ),
            Layer(
                "tests",
                ("tests/**", "test_*.py", "*_test.py", "conftest.py"),
                allow=frozenset({"DBS101", "DBS102", "DBS103", "DBS301"}),
            ),
            SERVICES,
        ),
        engine=(
            ("postgresql", (("pool_pre_ping", True), ("pool_recycle", 3600))),
            ("sqlite-memory", (("poolclass", "StaticPool"),)),
        ),
        pragmas=(("foreign_keys", "ON"), ("journal_mode", "WAL")),
    )


def test_nothing_given_is_the_standard_that_nobody_chose(tmp_path: Path) -> None:
    policy = load(None, root=tmp_path)
    assert (policy.root, policy.source, policy.preset, policy.chosen) == (
        tmp_path,
        None,
        "standard",
        False,
    )
    assert policy.owners is None
    assert policy.docstrings is True
    assert [layer.declared for layer in policy.layers] == [False, False, False]


def test_empty_file_chooses_nothing(write: Write) -> None:
    policy = load(write(""))
    assert not policy.chosen
    assert policy.layers == load(None).layers


def test_byte_order_mark_is_passed_over(write: Write) -> None:
    assert load(write(b"\xef\xbb\xbfpreset = 'flask'")).preset == "flask"


def test_named_preset_declares_its_layers(write: Write) -> None:
    for policy in (load(write("preset = 'standard'")), load(None, preset="standard")):
        assert policy.chosen
        assert all(layer.declared for layer in policy.layers)


def test_own_layer_stands_first_and_is_declared(write: Write) -> None:
    policy = load(write("[[layers]]\nname = 'jobs'\npaths = ['jobs/']"))
    assert [(layer.name, layer.declared) for layer in policy.layers] == [
        ("jobs", True),
        ("tests", False),
        ("routes", False),
        ("services", False),
    ]


def test_layer_with_paths_overrides_the_presets_field_by_field(write: Write) -> None:
    policy = load(write("[[layers]]\nname = 'services'\npaths = ['lib/']\nstyle = 'request'"))
    assert policy.layers[0] == Layer(
        "services", ("lib/",), use=Sanctioned(None, "get_db_session"), style=Style.REQUEST
    )
    assert [layer.name for layer in policy.layers] == ["services", "tests", "routes"]


def test_layer_without_paths_keeps_the_presets_paths_and_place(write: Write) -> None:
    file = write("[[layers]]\nname = 'services'\nuse = 'shop.db:session_scope'")
    policy = load(file)
    assert [layer.name for layer in policy.layers] == ["tests", "routes", "services"]
    assert policy.layers[2] == Layer(
        "services", ("*",), use=Sanctioned("shop.db", "session_scope"), declared=True
    )
    assert policy.is_test(file.parent / "tests" / "test_shop.py")


def test_options_go_before_the_file(write: Write) -> None:
    file = write("preset = 'flask'\nowners = ['a.py']\nfactories = ['shop.Session']")
    policy = load(file, preset="sqlite", owners=["b.py"], factories=["SessionLocal", "other.Make"])
    assert policy.preset == "sqlite"
    assert policy.pragmas[0] == ("foreign_keys", "ON")
    assert policy.owners == ("b.py",)
    assert policy.factories[-2:] == ("shop.Session", "other.Make")
    assert policy.factories.count("SessionLocal") == 1


def test_no_owners_differs_from_owners_left_out(write: Write) -> None:
    assert load(write("owners = []")).owners == ()


def test_tables_replace_the_presets_entries_one_by_one(write: Write) -> None:
    policy = load(
        write(
            "preset = 'flask'\n"
            "[engine]\npostgresql = { pool_size = 20 }\nmysql = { pool_recycle = 60 }"
        )
    )
    assert policy.engine == (
        ("postgresql", (("pool_size", 20),)),
        ("mysql", (("pool_recycle", 60),)),
        ("sqlite-file", (("poolclass", "NullPool"),)),
        ("sqlite-memory", (("poolclass", "StaticPool"),)),
    )


def test_legacy_and_retired_of_the_file_come_first(write: Write) -> None:
    unified = load(
        write("preset = 'unified'\n[legacy]\n'admin_db_manager.get_session' = 'admin_session'")
    )
    assert unified.legacy_replacement("admin_db_manager.get_session") == "admin_session"
    assert unified.legacy_replacement("db_manager.get_session") == (
        "unified_session_manager.get_db_session"
    )
    dbapi = load(
        write("preset = 'dbapi'\n[retired]\nDatabaseManager = 'Postgres'", "b/dbsession.toml")
    )
    assert dbapi.retired[0] == ("DatabaseManager", "Postgres")
    assert dict(dbapi.retired)["DatabaseManagerService"] == "UnifiedDatabaseService"


def test_pragmas_are_written_as_sql_has_them(write: Write) -> None:
    policy = load(
        write(
            "preset = 'sqlite'\n[sqlite.pragmas]\n"
            "foreign_keys = true\ncache_size = -64000\nautomatic_index = false\n"
        )
    )
    assert policy.pragmas == (
        ("foreign_keys", "ON"),
        ("cache_size", "-64000"),
        ("automatic_index", "OFF"),
        ("journal_mode", "WAL"),
        ("synchronous", "NORMAL"),
    )


def test_policy_is_loaded_once(write: Write) -> None:
    file = write("")
    assert load(file, owners=["a.py"]) is load(file, owners=("a.py",))


def test_nearest_policy_is_found(write: Write) -> None:
    write("", ".git/HEAD")
    far = write("[tool.dbsession]", "pyproject.toml")
    near = write("", "backend/dbsession.toml")
    write("[tool.ruff]", "backend/api/pyproject.toml")
    assert find(Path("backend/api/users.py")) == near
    assert find(far.parent / "scripts" / "x.py") == far


def test_search_stops_at_the_repositorys_root(write: Write) -> None:
    outer = write("", "dbsession.toml")
    write("", "repo/.git/HEAD")
    write("gitdir: ../repo/.git", "worktree/.git")
    assert find(Path("repo/src/x.py")) is None
    assert find(Path("worktree/src/x.py")) is None
    assert find(Path("loose/src/x.py")) == outer
    assert repository_root(Path("repo/src/x.py")) == outer.parent / "repo"


def test_search_stops_at_home(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    home = write("", "dbsession.toml").parent / "home"
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    assert find(home / "project" / "x.py") is None
    assert repository_root(home / "project" / "x.py") == home


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[tool.dbsession]", True),
        ("[project]\ndependencies = ['flake8-dbsession']", False),
        ("tool = 'dbsession'", False),
        ("[tool.dbsession", True),
        ("[tool.ruff", False),
        ("[tool.flake8-dbsession]", True),
        ("[tool.flake8_dbsession.retired]", True),
    ],
)
def test_pyproject_counts_when_it_holds_a_policy_or_may(
    write: Write, text: str, found: bool
) -> None:
    write("", ".git/HEAD")
    file = write(text, "pyproject.toml")
    assert find(Path("x.py")) == (file if found else None)


def test_unreadable_pyproject_may_hold_a_policy(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, *, most: int) -> bytes:
        raise PermissionError(13, "Permission denied")

    file = write("", "pyproject.toml")
    monkeypatch.setattr("flake8_dbsession.policy.files.read_file", refuse)
    assert find(Path("x.py")) == file


def test_two_policies_in_one_folder(write: Write) -> None:
    write("", ".git/HEAD")
    write("", "backend/dbsession.toml")
    write("[tool.dbsession]", "backend/pyproject.toml")
    with pytest.raises(PolicyError) as caught:
        find(Path("backend/api/x.py"))
    assert str(caught.value) == (
        "backend/dbsession.toml: backend/pyproject.toml holds a policy too, in [tool.dbsession];"
        " keep one of the two"
    )


def test_links_out_of_the_repository_are_not_followed(write: Write) -> None:
    outside = write("[tool.dbsession]", "outside.toml")
    root = write("", "repo/.git/HEAD").parent.parent
    (root / "pyproject.toml").symlink_to(outside)
    assert find(root / "x.py") is None
    (root / "src").mkdir()
    (root / "src" / "dbsession.toml").symlink_to(outside)
    with pytest.raises(PolicyError) as caught:
        find(root / "src" / "x.py")
    assert str(caught.value) == (
        "repo/src/dbsession.toml: is a link that leads out of the repository"
    )


def test_links_inside_the_repository_are_followed(write: Write) -> None:
    inside = write("", "repo/conf/policy.toml")
    write("", "repo/.git/HEAD")
    link = inside.parent.parent / "dbsession.toml"
    link.symlink_to(inside)
    assert find(link.parent / "x.py") == link


def test_dangling_link_is_found_for_load_to_name(write: Write) -> None:
    link = write("", ".git/HEAD").parent.parent / "dbsession.toml"
    link.symlink_to(link.parent / "gone.toml")
    assert find(link.parent / "x.py") == link
    with pytest.raises(PolicyError, match=r"^dbsession\.toml: there is no such file$"):
        load(link)
