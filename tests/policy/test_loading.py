from __future__ import annotations

from pathlib import Path

import pytest

from flake8_dbsession.policy.baseline import baseline_of
from flake8_dbsession.policy.errors import PolicyError
from flake8_dbsession.policy.finding import find, repository_root
from flake8_dbsession.policy.loading import load
from flake8_dbsession.policy.model import Layer, Level, Policy, SaidWay, Sanctioned, Style

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

SERVICES = Layer(
    "services", ("*",), (Sanctioned(None, "get_db_session"),), Style.CONTEXT, declared=False
)


def test_whole_policy(write: Write) -> None:
    file = write(EXAMPLE, "pyproject.toml")
    assert load(file)._replace(content=b"") == Policy(
        root=file.parent,
        source=file,
        preset="standard",
        chosen=True,
        owners=("core/database.py",),
        factories=(*load(None).factories, "core.database.SessionLocal"),
        connections=(),
        enable=frozenset({"DBS307"}),
        docstrings=True,
        retired=(("core.database_manager", "core.database"),),
        legacy=(("*db_manager.get_session", "get_db_session"),),
        own_replacements=frozenset({"get_db_session"}),
        layers=(
            Layer(
                "routes",
                ("api/**", "*_routes.py"),
                uses=(Sanctioned("core.database", "get_db"),),
                style=Style.DEPENDENCY,
                usual=Style.DEPENDENCY,
            ),
            Layer(
                "admin services",
                ("admin/services/**",),
                uses=(Sanctioned(None, "self.unified_session_manager.get_db_session"),),
                style=Style.CONTEXT,
                fallback="self.db_manager.get_session",
            ),
            Layer(
                "admin routes",
                ("admin/routes/**",),
                uses=(Sanctioned(None, "unified_session_manager.get_db_session"),),
                style=Style.CONTEXT,
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
        files=(file,),
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


def test_a_presets_names_are_not_the_users_even_where_it_is_named(write: Write) -> None:
    for policy in (load(write("preset = 'standard'")), load(None, preset="standard")):
        assert policy.chosen
        assert policy.layers == load(None).layers


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
        "services",
        ("lib/",),
        (Sanctioned(None, "get_db_session"),),
        Style.REQUEST,
        declared=False,
    )
    assert [layer.name for layer in policy.layers] == ["services", "tests", "routes"]


def test_layer_without_paths_keeps_the_presets_paths_and_place(write: Write) -> None:
    file = write("[[layers]]\nname = 'services'\nuse = 'shop.db:session_scope'")
    policy = load(file)
    assert [layer.name for layer in policy.layers] == ["tests", "routes", "services"]
    assert policy.layers[2] == Layer(
        "services", ("*",), (Sanctioned("shop.db", "session_scope"),), None
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
    above = "[retired]\nDatabaseManager = 'Old'\nDatabaseService = 'New'"
    write(above, "b/base.toml")
    below = "extend = 'base.toml'\n[retired]\nDatabaseManager = 'Postgres'"
    extending = load(write(below, "b/dbsession.toml"))
    assert extending.retired == (("DatabaseManager", "Postgres"), ("DatabaseService", "New"))


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


def test_a_layer_may_sanction_several_ways(write: Write) -> None:
    policy = load(
        write("[[layers]]\nname = 'a'\npaths = ['a/']\nuse = ['db:reading', 'db:writing']")
    )
    assert policy.layers[0].uses == (Sanctioned("db", "reading"), Sanctioned("db", "writing"))
    assert policy.layers[0].style is None


def test_ways_that_cannot_be_read_are_said(write: Write) -> None:
    policy = load(write("[[ways]]\nname = 'acme_db:get_session'\ncommits = true\nasync = true"))
    assert policy.ways == (
        SaidWay(Sanctioned("acme_db", "get_session"), is_async=True, commits=True),
    )


class TestExtending:
    def test_a_file_lies_over_what_it_extends(self, write: Write) -> None:
        write("preset = 'flask'\nowners = ['a.py']\nenable = ['DBS307']", "shared/house.toml")
        file = write("extend = 'shared/house.toml'\nowners = ['b.py']\nenable = ['DBS211']")
        policy = load(file)
        assert (policy.preset, policy.owners) == ("flask", ("b.py",))
        assert policy.enable == {"DBS307", "DBS211"}
        assert [each.name for each in policy.files] == ["house.toml", "dbsession.toml"]

    def test_layers_merge_by_name_through_all_files(self, write: Write) -> None:
        layers = "[[layers]]\nname = '{}'\npaths = ['{}/']\nuse = '{}'\n"
        write(layers.format("jobs", "jobs", "run_db"), "house.toml")
        file = write("extend = 'house.toml'\n" + layers.format("api", "web", "web_db"))
        policy = load(file)
        names = [layer.name for layer in policy.layers]
        assert names == ["api", "jobs", "tests", "routes", "services"]
        assert policy.layer_of(file.parent / "jobs" / "a.py") == policy.layers[1]

    def test_the_content_of_all_counts(self, write: Write) -> None:
        write("owners = []", "house.toml")
        file = write("extend = 'house.toml'")
        assert b"owners" in load(file).content

    def test_a_package_ships_one(self, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
        write("raise SystemExit", "site/acme_policies/__init__.py")
        write("preset = 'sqlite'", "site/acme_policies/db/house.toml")
        file = write("extend = 'acme_policies:db/house.toml'", "repo/dbsession.toml")
        monkeypatch.syspath_prepend(str(file.parent.parent / "site"))
        assert load(file).preset == "sqlite"

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("none.toml", "`extend` has `none.toml`: there is no such file"),
            ("../out.toml", "`extend` has `../out.toml`, which leads out of the repository"),
            ("dbsession.toml", "`extend` leads in a circle"),
            ("none_such:a.toml", "`none_such:a.toml`: no package `none_such` is installed"),
            ("json:a.toml", "`json:a.toml`: the package ships no such file"),
            ("a.yaml", "`a.yaml`, which is not a `.toml` file"),
        ],
    )
    def test_what_cannot_be_extended(self, write: Write, text: str, problem: str) -> None:
        write("", "out.toml")
        write("", "repo/.git/HEAD")
        file = write(f"owners = []\nextend = '{text}'", "repo/dbsession.toml")
        with pytest.raises(PolicyError) as caught:
            load(file)
        assert problem in str(caught.value)
        assert str(caught.value).startswith("repo/dbsession.toml:2: ")


class TestSelection:
    def test_all_codes_where_nothing_is_said(self) -> None:
        assert load(None).selection.reports("DBS101")

    @pytest.mark.parametrize(
        ("text", "code", "reported"),
        [
            ("select = ['DBS1']", "DBS101", True),
            ("select = ['DBS1']", "DBS301", False),
            ("ignore = ['DBS3']", "DBS301", False),
            ("ignore = ['DBS3']\nextend-select = ['DBS301']", "DBS301", True),
            ("select = ['DBS301']\nignore = ['DBS3']", "DBS301", True),
            ("select = ['DBS']\nignore = ['DBS']", "DBS301", False),
        ],
    )
    def test_the_longer_code_counts(
        self, write: Write, text: str, code: str, reported: bool
    ) -> None:
        assert load(write(text)).selection.reports(code) is reported

    def test_per_file_ignores(self, write: Write) -> None:
        file = write("[per-file-ignores]\n'old/' = ['DBS1', 'DBS301']\n'*_api.py' = 'DBS4'")
        policy = load(file)
        assert policy.ignored_in(file.parent / "old" / "a_api.py") == ("DBS1", "DBS301", "DBS4")
        assert policy.ignored_in(file.parent / "new.py") == ()

    def test_rules_are_known_by_name(self, write: Write) -> None:
        text = "enable = ['hand-transaction']\nignore = ['raw-session-factory', 'DBS3']"
        known = {"hand-transaction": "DBS307", "raw-session-factory": "DBS101", "DBS303": "DBS303"}
        policy = load(write(text), known=known)
        assert policy.enable == {"DBS307"}
        assert policy.selection.ignore == ("DBS101", "DBS3")

    def test_levels(self, write: Write) -> None:
        text = "[levels]\nDBS3 = 'note'\nDBS303 = 'error'\nraw-session-factory = 'error'"
        known = {"DBS303": "DBS303", "raw-session-factory": "DBS101"}
        policy = load(write(text), known=known)
        given = {code: policy.level_of(code) for code in ("DBS301", "DBS303", "DBS101", "DBS102")}
        assert given == {
            "DBS301": Level.NOTE,
            "DBS303": Level.ERROR,
            "DBS101": Level.ERROR,
            "DBS102": None,
        }

    def test_excluded_files(self, write: Write) -> None:
        file = write("exclude = ['vendor/']")
        assert load(file).excludes(file.parent / "vendor" / "a.py")
        assert not load(file).excludes(file.parent / "a.py")

    def test_the_baseline_lies_beside_the_policy(self, write: Write) -> None:
        file = write("baseline = 'ci/known.json'", "backend/dbsession.toml")
        assert load(file).baseline == file.parent / "ci" / "known.json"
        assert baseline_of(str(file)) == file.parent / "ci" / "known.json"
        assert baseline_of(None) is None
