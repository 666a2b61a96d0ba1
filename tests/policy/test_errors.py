"""Every message of a policy that cannot be used, read whole."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from flake8_dbsession.policy.errors import PolicyError
from flake8_dbsession.policy.loading import load

from .conftest import Write

LAYER = '[[layers]]\nname = "routes"\npaths = ["api/"]\n'
KNOWN = {code: code for code in ("DBS101", "DBS102", "DBS307")}


def message(file: Path | None, **options: object) -> str:
    with pytest.raises(PolicyError) as caught:
        load(file, **options)  # type: ignore[arg-type]
    told = str(caught.value)
    return re.sub(r"^([\w/.]+\.toml):\d+: ", r"\1: ", told)  # the lines have their own tests


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('onwers = ["a.py"]', "unknown key `onwers`; did you mean `owners`?"),
        (
            "zzz = 1",
            "unknown key `zzz`; choose from `accept`, `baseline`, `connections`, `docstrings`,"
            " `enable`, `engine`, `exclude`, `extend`, `extend-select`, `factories`, `ignore`,"
            " `layers`, `legacy`, `levels`, `owners`, `per-file-ignores`, `preset`, `retired`,"
            " `select`, `sqlite`, `ways`",
        ),
        (
            LAYER + 'sytle = "context"',
            "[[layers]] `routes`: unknown key `sytle`; did you mean `style`?",
        ),
        ('[[layers]]\npats = ["api/"]', "[[layers]] 1: unknown key `pats`; did you mean `paths`?"),
        (
            "[engine]\npostgres = {}",
            "[engine] unknown key `postgres`; did you mean `postgresql`?",
        ),
        ("[sqlite]\npragma = {}", "[sqlite] unknown key `pragma`; did you mean `pragmas`?"),
    ],
)
def test_unknown_key(write: Write, text: str, expected: str) -> None:
    assert message(write(text)) == f"dbsession.toml: {expected}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("preset = 1", "`preset` must be a string, not an integer"),
        ('owners = "a.py"', "`owners` must be a list of strings, not a string"),
        ("owners = [1.5]", "`owners` must be a list of strings, not a list with a number"),
        (
            'factories = ["A", true]',
            "`factories` must be a list of strings, not a list with a boolean and a string",
        ),
        ("connections = 1", "`connections` must be a string or a list of strings, not an integer"),
        ("enable = {}", "`enable` must be a list of strings, not a table"),
        ('docstrings = "yes"', "`docstrings` must be true or false, not a string"),
        ("docstrings = 1", "`docstrings` must be true or false, not an integer"),
        ("retired = []", "`retired` must be a table, not an empty list"),
        (
            "[retired]\ncore.old = 'core.new'",
            "[retired] `core` must be a string with something in it, not a table;"
            " a name with dots goes in quotes",
        ),
        (
            '[retired]\n"core.old" = ""',
            "[retired] `core.old` must be a string with something in it, not an empty string",
        ),
        ("legacy = 1979-05-27", "`legacy` must be a table, not a date or time"),
        (
            '[legacy]\n"*.get" = 1',
            "[legacy] `*.get` must be a string with something in it, not an integer",
        ),
        ("[layers]\nname = 'x'", "`layers` must be a list of tables, not a table"),
        ("layers = ['x']", "`layers` must be a list of tables, not a list with a string"),
        ("[[layers]]\nname = 1", "[[layers]] 1: `name` must be a string, not an integer"),
        (
            "[[layers]]\nname = 'x'\npaths = 'api/'",
            "[[layers]] `x`: `paths` must be a list of strings, not a string",
        ),
        (
            LAYER + "use = []",
            "[[layers]] `routes`: `use` must be a string or a list of strings, not an empty list",
        ),
        (LAYER + "style = true", "[[layers]] `routes`: `style` must be a string, not a boolean"),
        (
            LAYER + "fallback = 1",
            "[[layers]] `routes`: `fallback` must be a string, not an integer",
        ),
        (LAYER + "bind = 1.0", "[[layers]] `routes`: `bind` must be a string, not a number"),
        (
            LAYER + "decorator = {}",
            "[[layers]] `routes`: `decorator` must be a string, not a table",
        ),
        (
            LAYER + "allow = 'DBS101'",
            "[[layers]] `routes`: `allow` must be a list of strings, not a string",
        ),
        ("engine = true", "`engine` must be a table, not a boolean"),
        ("[engine]\nmysql = 1", "[engine] `mysql` must be a table, not an integer"),
        (
            "[engine]\nmysql = { pool_size = [1] }",
            "[engine.mysql] `pool_size` must be a string, a number, true or false,"
            " not a list with an integer",
        ),
        ("sqlite = 'WAL'", "`sqlite` must be a table, not a string"),
        (
            "[sqlite]\npragmas = ['x']",
            "[sqlite] `pragmas` must be a table, not a list with a string",
        ),
        (
            "[sqlite.pragmas]\ncache_size = 1.5",
            "[sqlite.pragmas] `cache_size` must be a string, an integer, true or false,"
            " not a number",
        ),
    ],
)
def test_wrong_type(write: Write, text: str, expected: str) -> None:
    assert message(write(text)) == f"dbsession.toml: {expected}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("preset = 'flsk'", "`preset` has the unknown preset `flsk`; did you mean `flask`?"),
        (
            "preset = 'x'",
            "`preset` has the unknown preset `x`; choose from `dbapi`, `flask`, `sqlalchemy`,"
            " `sqlite`, `standard`, `unified`",
        ),
        ("owners = ['!']", "`owners` has `!`, which is not a gitignore pattern"),
        (
            "factories = ['SessionLocal()']",
            "`factories` has `SessionLocal()`, which is not a dotted name such as"
            " `core.database.SessionLocal`",
        ),
        (
            "connections = 'db get'",
            "`connections` has `db get`, which is not `module:name` or a dotted name such as"
            " `self.db.get_session`",
        ),
        (
            "enable = ['DBS1']",
            "`enable` has `DBS1`, which is not a code such as `DBS101`, or a rule's name",
        ),
        ("enable = ['DBS308']", "`enable` has the unknown code `DBS308`; did you mean `DBS307`?"),
        (
            "[retired]\n'core old' = 'x'",
            "[retired] the key `core old` is not a dotted name such as"
            " `core.database.SessionLocal`",
        ),
        ("[legacy]\n'' = 'x'", "[legacy] the key `` is not a string with something in it"),
        ("[engine.any]\n'pool-size' = 1", "[engine.any] the key `pool-size` is not a name"),
        ("[sqlite.pragmas]\n'a b' = 1", "[sqlite.pragmas] the key `a b` is not a name"),
        ("[[layers]]\npaths = ['api/']", "[[layers]] 1: `name` is missing"),
        (
            "[[layers]]\nname = ' '",
            "[[layers]] ` `: `name` has ` `, which is not a string with something in it",
        ),
        (LAYER + LAYER, "[[layers]] `routes`: there is another layer of this name"),
        ("[[layers]]\nname = 'jobs'", "[[layers]] `jobs`: `paths` is missing or empty"),
        (
            "[[layers]]\nname = 'routes'\npaths = []",
            "[[layers]] `routes`: `paths` is missing or empty",
        ),
        (
            "[[layers]]\nname = 'x'\npaths = ['api/', '[z-a]']",
            "[[layers]] `x`: `paths` has `[z-a]`, which is not a gitignore pattern",
        ),
        (
            "[[layers]]\nname = 'x'\npaths = ['# api']",
            "[[layers]] `x`: `paths` has `# api`, which is not a gitignore pattern",
        ),
        (
            LAYER + "style = 'dependancy'",
            "[[layers]] `routes`: `style` has the unknown style `dependancy`;"
            " did you mean `dependency`?",
        ),
        (
            LAYER + "use = 'get_db()'",
            "[[layers]] `routes`: `use` has `get_db()`, which is not `module:name` or a dotted"
            " name such as `self.db.get_session`",
        ),
        (
            LAYER + "use = 'a:b:c'",
            "[[layers]] `routes`: `use` has `a:b:c`, which is not `module:name` or a dotted"
            " name such as `self.db.get_session`",
        ),
        (
            LAYER + "use = 'core.class:x'",
            "[[layers]] `routes`: `use` has `core.class:x`, which is not `module:name` or a"
            " dotted name such as `self.db.get_session`",
        ),
        (
            LAYER + "fallback = 'x = 1'",
            "[[layers]] `routes`: `fallback` has `x = 1`, which is not a Python expression",
        ),
        (
            LAYER + "fallback = 'self.('",
            "[[layers]] `routes`: `fallback` has `self.(`, which is not a Python expression",
        ),
        (
            LAYER + "bind = 'a = 1; b = 2'",
            "[[layers]] `routes`: `bind` has `a = 1; b = 2`, which is not one line of Python",
        ),
        (
            LAYER + "bind = 'a ='",
            "[[layers]] `routes`: `bind` has `a =`, which is not one line of Python",
        ),
        (
            LAYER + "decorator = '@safe'",
            "[[layers]] `routes`: `decorator` has `@safe`, which is not a dotted name such as"
            " `core.database.SessionLocal`",
        ),
        (
            LAYER + "allow = ['dbs101']",
            "[[layers]] `routes`: `allow` has `dbs101`, which is not a code such as `DBS101`,"
            " or a rule's name",
        ),
        (
            LAYER + "allow = ['DBS103']",
            "[[layers]] `routes`: `allow` has the unknown code `DBS103`; did you mean `DBS102`?",
        ),
    ],
)
def test_wrong_content(write: Write, text: str, expected: str) -> None:
    assert message(write(text), known=KNOWN) == f"dbsession.toml: {expected}"


def test_message_stays_on_one_line(write: Write) -> None:
    assert message(write('"on\\ners" = 1\n')) == (
        "dbsession.toml: unknown key `on\\ners`; did you mean `owners`?"
    )


def test_without_known_codes_only_their_form_is_checked(write: Write) -> None:
    assert load(write("enable = ['DBS999']")).enable == {"DBS999"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "[tool.dbsession]\nonwers = []",
            "[tool.dbsession] unknown key `onwers`; did you mean `owners`?",
        ),
        (
            "[tool.dbsession.engine]\nmysq = {}",
            "[tool.dbsession.engine] unknown key `mysq`; did you mean `mysql`?",
        ),
        (
            "[[tool.dbsession.layers]]\nname = 'api'\nuses = 'x'",
            "[[tool.dbsession.layers]] `api`: unknown key `uses`; did you mean `use`?",
        ),
        ("[tool]\ndbsession = 1", "`tool.dbsession` must be a table"),
        ("[tool.ruff]", "there is no [tool.dbsession]"),
        ("tool = 1", "there is no [tool.dbsession]"),
        (
            "[tool.flake8-dbsession]",
            "there is no [tool.dbsession]; rename [tool.flake8-dbsession]",
        ),
    ],
)
def test_pyproject_is_named_with_its_table(write: Write, text: str, expected: str) -> None:
    assert message(write(text, "backend/pyproject.toml")) == f"backend/pyproject.toml: {expected}"


@pytest.mark.parametrize("text", ["[tool.dbsession]", "[[tool.dbsession.layers]]\nname = 'a'"])
def test_a_file_of_its_own_needs_no_table(write: Write, text: str) -> None:
    assert message(write(text)) == (
        "dbsession.toml: there is a table `tool.dbsession`;"
        " in this file the keys stand without `tool.dbsession` before them"
    )


def test_file_elsewhere_is_named_in_full(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write("onwers = []")
    other = write("", "other/x")
    monkeypatch.chdir(other.parent)
    assert message(file) == f"{file}:1: unknown key `onwers`; did you mean `owners`?"


def test_missing_file(write: Write) -> None:
    write("", "pyproject.toml")
    assert message(Path("no.toml")) == "no.toml: there is no such file"


def test_folder(write: Write) -> None:
    write("", "dbsession.toml/x")
    assert message(Path("dbsession.toml")) == "dbsession.toml: is a folder, not a file"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipe_is_not_waited_for(write: Write) -> None:
    pipe = write("", "x").with_name("pipe.toml")
    os.mkfifo(pipe)
    assert message(pipe) == "pipe.toml: is not a regular file"


def test_unreadable_file(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, *, most: int) -> bytes:
        raise PermissionError(13, "Permission denied")

    file = write("")
    # The mode of a file would not keep a superuser out.
    monkeypatch.setattr("flake8_dbsession.policy.files.read_file", refuse)
    assert message(file) == "dbsession.toml: cannot be read: Permission denied"


def test_link_in_a_circle(write: Write) -> None:
    link = write("", "x").with_name("link.toml")
    link.symlink_to(link)
    assert message(link).startswith("link.toml: cannot be read: ")


def test_not_utf8(write: Write) -> None:
    assert message(write(b"# caf\xe9")) == "dbsession.toml: is not UTF-8 (at byte 6)"


def test_not_toml(write: Write) -> None:
    told = message(write("preset = 'flask'\nowners ["))
    assert told.startswith("dbsession.toml: is not TOML: ")
    assert "line 2" in told


def test_number_too_long_to_convert(write: Write) -> None:
    assert message(write("x = " + "1" * 5000)).startswith("dbsession.toml: is not TOML: ")


def test_nested_too_deeply(write: Write) -> None:
    told = message(write("x = " + "[" * 5_000 + "]" * 5_000))
    assert told == "dbsession.toml: is not usable TOML: it is nested too deeply"


def test_options_are_checked_like_a_file() -> None:
    assert message(None, preset="flsk") == (
        "options: `dbsession-preset` has the unknown preset `flsk`; did you mean `flask`?"
    )
    assert message(None, owners=["!"]) == (
        "options: `dbsession-owners` has `!`, which is not a gitignore pattern"
    )
    assert message(None, factories=["a b"]) == (
        "options: `dbsession-factories` has `a b`, which is not a dotted name such as"
        " `core.database.SessionLocal`"
    )


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("dbsession.toml", "preset = 'flask'\nonwers = []", 2),
        ("dbsession.toml", "owners = [\n  'a.py',\n  '!',\n]", 3),
        ("dbsession.toml", "# zzz = 1\n\n[retired]\na = 1", 4),
        ("dbsession.toml", LAYER + LAYER.replace("routes", "api") + "style = 'x'", 7),
        ("dbsession.toml", LAYER + "[[layers]]\npaths = ['b/']", 4),
        ("dbsession.toml", "sqlite = { pragmas = { 'a b' = 1 } }", 1),
        ("dbsession.toml", "[engine.any]\n'pool-size' = 1", 2),
        ("pyproject.toml", "[project]\nname = 'x'\n[tool.dbsession]\nname = 'x'", 4),
        ("pyproject.toml", "[tool]\ndbsession.sqlite.pragmas.'a b' = 1", 2),
        ("dbsession.toml", "preset = 'flask'\nowners [", 2),
    ],
)
def test_the_line_is_told(write: Write, name: str, text: str, line: int) -> None:
    with pytest.raises(PolicyError) as caught:
        load(write(text, name))
    assert str(caught.value).startswith(f"{name}:{line}: ")
    assert (caught.value.line, caught.value.problem) == (
        line,
        str(caught.value).removeprefix(f"{name}:{line}: "),
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[[ways]]\ncommits = true", "[[ways]] 1: `name` is missing"),
        ("[[ways]]\nname = 'a:b'\ngives = 'x'", "`gives` has the unknown gives `x`"),
        ("[[ways]]\nname = 'a:b'\ncloses = 1", "`closes` must be true or false"),
        ("accept = ['commits']", "`accept` has the unknown kind of doubt `commits`; did you mean"),
        ("ignore = ['E501']", "`E501`, which is not a code such as `DBS101`, its beginning"),
        ("select = ['DBS9']", "`select` has the unknown code `DBS9`"),
        ("[per-file-ignores]\n'a/' = ['DBS999']", "`a/` has the unknown code `DBS999`"),
        ("[per-file-ignores]\n'a/' = 1", "`a/` must be a string or a list of strings"),
        ("[levels]\nDBS307 = 'warn'", "[levels] `DBS307` has the unknown level `warn`; did you"),
        ("[levels]\nDBS303 = 1", "`DBS303` must be a string"),
        ("[levels]\nDBS999 = 'note'", "`DBS999` has the unknown code `DBS999`"),
        ("[levels]\nE501 = 'note'", "the key `E501` is not a code such as `DBS101`, its"),
        ("allow = ['raw-sesion-factory']", "unknown key `allow`"),
    ],
)
def test_what_the_newer_keys_do_not_take(write: Write, text: str, problem: str) -> None:
    assert problem in message(write(text), known=KNOWN)
