"""The language server, end to end: a real client starts it and talks to it as an editor does."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from flake8_dbsession.output.pages import page_of
from tests.cases import HOUSE, write_project
from tests.server.editors import answered, made_client, opened, types

pytestmark = pytest.mark.asyncio

BY_HAND = """\
from core.database import SessionLocal, get_db_session


def save(user):
    with SessionLocal() as db:
        db.expunge(user)
"""
MENDED = BY_HAND.replace("SessionLocal, ", "").replace("SessionLocal", "get_db_session")
WHOLE = types.Range(types.Position(0, 0), types.Position(10_000, 0))


@pytest.fixture
def house(tmp_path: Path) -> Path:
    write_project(tmp_path, {**HOUSE, "app.py": BY_HAND, "dbsession.toml": 'preset = "standard"'})
    return tmp_path


def codes(diagnostics: list[types.Diagnostic]) -> list[object]:
    return [each.code for each in diagnostics]


def applied(text: str, edits: object) -> str:
    """Make edits in a text as an editor does that counts in UTF-16."""
    units = text.encode("utf-16-le")
    starts, line_ends = [0], ("\r\n", "\n", "\r")
    position = 0
    while position < len(text):
        end = next((e for e in line_ends if text.startswith(e, position)), None)
        position += len(end) if end else 1
        if end:
            starts.append(len(text[:position].encode("utf-16-le")))
    assert isinstance(edits, (list, tuple))

    def offset(place: types.Position) -> int:
        return starts[place.line] + 2 * place.character

    for edit in sorted(edits, key=lambda each: offset(each.range.start), reverse=True):
        start, end = offset(edit.range.start), offset(edit.range.end)
        units = units[:start] + edit.new_text.encode("utf-16-le") + units[end:]
    return units.decode("utf-16-le")


def edits_of(action: types.CodeAction, version: int) -> list[types.TextEdit]:
    """Give the edits of an action, which are of one version of one document."""
    assert action.edit is not None
    assert action.edit.document_changes is not None
    (change,) = action.edit.document_changes
    assert isinstance(change, types.TextDocumentEdit)
    assert change.text_document.version == version
    return [each for each in change.edits if isinstance(each, types.TextEdit)]


async def test_a_violation_is_shown_as_one_types_and_goes_when_mended(house: Path) -> None:
    async with opened(house) as session:
        session.open(house / "app.py")
        (shown,) = await session.shown(house / "app.py")
        assert shown.code == "DBS102"
        assert shown.source == "dbsession"
        assert shown.severity == types.DiagnosticSeverity.Warning
        assert shown.code_description.href == page_of("DBS102").url
        assert shown.range.start == types.Position(4, 9)
        assert shown.range.end == types.Position(4, 23)
        session.write(house / "app.py", MENDED)
        assert await session.shown(house / "app.py") == []
        assert (house / "app.py").read_text() == BY_HAND
        session.write(house / "app.py", BY_HAND)
        assert codes(await session.shown(house / "app.py")) == ["DBS102"]
        session.close(house / "app.py")
        await session.until_shown(house / "app.py", lambda found: not found)


async def test_a_fix_is_an_edit_of_the_version_that_is_open(house: Path) -> None:
    async with opened(house) as session:
        session.open(house / "app.py")
        (shown,) = await session.shown(house / "app.py")
        (action,) = await session.actions(house / "app.py", shown.range, "quickfix")
        assert action.title == "Fix DBS102 (raw-factory-context)"
        assert action.is_preferred
        assert [*action.diagnostics] == [shown]
        edits = edits_of(action, 1)
        assert [each.range.start.line for each in edits] == [0, 4]
        assert applied(BY_HAND, edits) == MENDED
        elsewhere = types.Range(types.Position(0, 0), types.Position(0, 1))
        assert await session.actions(house / "app.py", elsewhere, "quickfix") == []
        (everything,) = await session.actions(house / "app.py", WHOLE, "source.fixAll.dbsession")
        assert everything.kind == "source.fixAll.dbsession"
        assert applied(BY_HAND, edits_of(everything, 1)) == MENDED
        assert await session.actions(house / "app.py", WHOLE, "source.organizeImports") == []


async def test_an_editor_without_versions_gets_edits_by_document(house: Path) -> None:
    async with opened(house, versions=False) as session:
        session.open(house / "app.py")
        (shown,) = await session.shown(house / "app.py")
        (action,) = await session.actions(house / "app.py", shown.range, "quickfix")
        (edits,) = action.edit.changes.values()
        assert applied(BY_HAND, edits) == MENDED


async def test_positions_count_as_the_client_does_and_line_ends_stay(house: Path) -> None:
    text = (
        "from core.database import SessionLocal\r\n"
        "\r\n"
        "def save(user):\r\n"
        "\tif '😀\x0c😀\u2028' and user:\r\n"
        "\t\twith ('😀', SessionLocal())[1] as a, SessionLocal() as db:  # 😀\r\n"
        "\t\t\tdb.expunge(user)\r\n"
        "\twith SessionLocal() as db: db.expunge(user); print('😀')  # 😀\r\n"
    )
    async with opened(house) as session:
        session.open(house / "app.py", text)
        for shown in await session.shown(house / "app.py"):
            if shown.range.start.line == 4:
                line = text.split("\r\n")[4].encode("utf-16-le")
                before = line[: 2 * shown.range.start.character].decode("utf-16-le")
                assert before.endswith(("('😀', ", "as a, "))
        (action,) = await session.actions(house / "app.py", WHOLE, "source.fixAll")
        fixed = applied(text, edits_of(action, 1))
        assert fixed.count("\r\n") == fixed.count("\n")
        assert "\twith get_db_session() as db: db.expunge(user); print('😀')  # 😀\r\n" in fixed
        session.write(house / "app.py", fixed)
        await session.shown(house / "app.py")
        assert await session.actions(house / "app.py", WHOLE, "source.fixAll") == []


async def test_a_client_that_counts_characters_is_answered_so(house: Path) -> None:
    text = BY_HAND.replace("    with", "    '😀'; a = 1\n    with ('😀', open('x'))[1],")
    text = text.replace("with", "if '😀': pass\n    with")
    async with opened(house, encodings=("utf-32",)) as session:
        session.open(house / "app.py", text)
        (shown,) = await session.shown(house / "app.py")
        line = text.split("\n")[shown.range.start.line]
        assert line[shown.range.start.character :].startswith("SessionLocal()")


async def test_a_fix_with_doubts_names_them_and_is_not_preferred(house: Path) -> None:
    provider = HOUSE["core/database.py"].replace(
        "yield db", "yield db\n                db.commit()"
    )
    text = """\
    from core.database import SessionLocal


    def save(user):
        with SessionLocal() as db:
            db.add(user)
            db.flush()
    """
    write_project(house, {"core/database.py": provider, "app.py": text})
    async with opened(house) as session:
        session.open(house / "app.py")
        shown = await session.shown(house / "app.py")
        found = await session.actions(house / "app.py", WHOLE, "quickfix")
        (action,) = [each for each in found if "DBS102" in each.title]
        assert action.title.startswith(
            "Fix DBS102 (raw-factory-context) (not safe: commit: `get_db_session"
        )
        assert action.is_preferred is None
        assert "with get_db_session() as db:" in applied(dedent(text), edits_of(action, 1))
        assert await session.actions(house / "app.py", WHOLE, "source.fixAll") == []
        assert "DBS102" in codes(shown)


async def test_two_findings_that_one_edit_fixes_have_one_quick_fix(house: Path) -> None:
    text = """\
    from core.database import SessionLocal


    def count():
        db = SessionLocal()
        return db.query(1).count()
    """
    write_project(house, {"app.py": text})
    async with opened(house) as session:
        session.open(house / "app.py")
        shown = await session.shown(house / "app.py")
        assert codes(shown) == ["DBS101", "DBS302"]
        (action,) = await session.actions(house / "app.py", WHOLE, "quickfix")
        assert action.title == "Fix DBS101, DBS302 (raw-session-factory, session-never-closed)"
        assert [*action.diagnostics] == [*shown]
        assert "with get_db_session() as db:" in applied(dedent(text), edits_of(action, 1))


async def test_hovering_shows_the_page(house: Path) -> None:
    async with opened(house) as session:
        session.open(house / "app.py")
        assert len(await session.shown(house / "app.py")) == 1
        page = await session.hover(house / "app.py", types.Position(4, 12))
        assert page.startswith("# DBS102 raw-factory-context\n\n")
        assert "## Why is this bad?" in page
        assert await session.hover(house / "app.py", types.Position(1, 0)) is None


async def test_an_open_text_that_is_not_saved_counts_for_the_others(house: Path) -> None:
    factory = "from core.database import SessionLocal\n"
    provider = "from core.database import get_db_session as SessionLocal\n"
    user = BY_HAND.replace("core.database", "helping")
    write_project(house, {"app.py": user, "helping.py": factory})
    async with opened(house) as session:
        session.open(house / "app.py")
        assert codes(await session.shown(house / "app.py")) == ["DBS102"]
        session.open(house / "helping.py")
        session.write(house / "helping.py", provider)
        await session.until_shown(house / "app.py", lambda found: not found)
        session.close(house / "helping.py")
        await session.until_shown(house / "app.py", bool)
        (house / "helping.py").write_text(provider)
        session.disk_changed(house / "helping.py")
        await session.until_shown(house / "app.py", lambda found: not found)


async def test_the_policy_is_read_anew_when_it_changes(house: Path) -> None:
    policy = house / "dbsession.toml"
    async with opened(house) as session:
        session.open(house / "app.py")
        assert codes(await session.shown(house / "app.py")) == ["DBS102"]
        (registered,) = session.registered
        assert registered.method == "workspace/didChangeWatchedFiles"
        policy.write_text('ignore = ["DBS102"]')
        session.disk_changed(policy)
        await session.until_shown(house / "app.py", lambda found: not found)
        policy.write_text('preset = "standard"')  # and nobody says so
        session.write(house / "app.py", BY_HAND + "\n")
        assert codes(await session.shown(house / "app.py")) == ["DBS102"]
        (house / ".flake8").write_text("[flake8]\nper-file-ignores = app.py: DBS102\n")
        session.disk_changed(house / ".flake8")
        await session.until_shown(house / "app.py", lambda found: not found)


async def test_a_broken_policy_is_said_once_and_where_it_is(house: Path) -> None:
    policy = house / "dbsession.toml"
    policy.write_text('preset = "standard"\nownres = ["core/**"]\n')
    write_project(house, {"other.py": BY_HAND})
    async with opened(house) as session:
        session.open(house / "app.py")
        session.open(house / "other.py")
        assert await session.shown(house / "app.py") == []
        assert await session.shown(house / "other.py") == []
        (shown,) = await session.until_shown(policy, bool)
        assert (shown.code, shown.range.start.line) == ("DBS001", 1)
        assert "did you mean `owners`?" in shown.message
        (message,) = session.client.messages
        assert message.type == types.MessageType.Error
        assert message.message.startswith(f"dbsession: {policy}:2: unknown key `ownres`")
        policy.write_text('preset = "standard"\n')
        session.disk_changed(policy)
        await session.until_shown(policy, lambda found: not found)
        await session.until_shown(house / "app.py", lambda found: codes(found) == ["DBS102"])


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        (".flake8", "[flake8]\nextend-ignore = what\n", "cannot be used"),
        ("setup.cfg", "[flake8]\ndbsession-preset = standrad\n", "did you mean `standard`?"),
        ("tox.ini", "[flake8]\ndbsession-baseline = gone.json\n", "there is no such baseline"),
    ],
)
async def test_settings_that_cannot_be_used_are_said_and_crash_nothing(
    house: Path, name: str, text: str, told: str
) -> None:
    (house / "dbsession.toml").unlink()
    (house / name).write_text(text)
    async with opened(house) as session:
        session.open(house / "app.py")
        (shown,) = await session.shown(house / "app.py")
        assert told in shown.message
        assert [told in each.message for each in session.client.messages] == [True]
        (house / name).unlink()
        session.disk_changed(house / name)
        await session.until_shown(house / "app.py", lambda found: codes(found) == ["DBS102"])


async def test_a_text_that_does_not_parse_shows_nothing_stale(house: Path) -> None:
    async with opened(house) as session:
        session.open(house / "app.py")
        assert codes(await session.shown(house / "app.py")) == ["DBS102"]
        session.write(house / "app.py", BY_HAND + "\ndef (")
        (shown,) = await session.shown(house / "app.py")
        assert (shown.code, shown.severity) == ("E999", types.DiagnosticSeverity.Error)
        assert shown.range.start.line == 7
        assert await session.actions(house / "app.py", WHOLE) == []
        session.write(house / "app.py", BY_HAND + "\ndef f(): '\ud83d'\x00\n")
        assert "DBS102" not in codes(await session.shown(house / "app.py"))
        session.write(house / "app.py", "# coding: latin-1\n" + BY_HAND + "# é\n# 😀\n")
        await session.shown(house / "app.py")
        session.write(house / "app.py", BY_HAND)
        assert codes(await session.shown(house / "app.py")) == ["DBS102"]


async def test_what_is_silenced_or_known_is_not_shown(house: Path) -> None:
    write_project(house, {"quiet.py": BY_HAND.replace("db:", "db:  # noqa: DBS102")})
    record = [sys.executable, "-m", "flake8_dbsession", "baseline", "app.py"]
    subprocess.run(record, cwd=house, check=True, capture_output=True)
    (file,) = house.glob(".dbsession-baseline.json")
    (house / "dbsession.toml").write_text(f'baseline = "{file.name}"\n')
    second = BY_HAND + BY_HAND.partition("\n\n\n")[2].replace("save", "again").join(["\n\n", ""])
    async with opened(house) as session:
        session.open(house / "quiet.py")
        assert await session.shown(house / "quiet.py") == []
        session.open(house / "app.py")
        assert await session.shown(house / "app.py") == []
        session.write(house / "app.py", second)
        (shown,) = await session.shown(house / "app.py")
        assert shown.range.start.line == 9


async def test_each_folder_has_its_own_settings(tmp_path: Path) -> None:
    first, second, outside = (tmp_path / name for name in ("first", "second", "outside"))
    for folder in (first, second, outside):
        folder.mkdir()
        write_project(folder, {**HOUSE, "app.py": BY_HAND})
    (second / ".flake8").write_text("[flake8]\nextend-ignore = DBS102\n")
    async with opened(first, second) as session:
        for folder in (first, second, outside):
            session.open(folder / "app.py")
        assert codes(await session.shown(first / "app.py")) == ["DBS102"]
        assert codes(await session.shown(second / "app.py")) == []
        assert codes(await session.shown(outside / "app.py")) == ["DBS102"]


async def test_what_lies_nowhere_or_is_not_checked_crashes_nothing(house: Path) -> None:
    installed = house / ".venv" / "lib" / "thing.py"
    write_project(house, {".venv/lib/thing.py": BY_HAND, "built.py": BY_HAND})
    (house / ".gitignore").write_text("built.py\n")
    async with opened(house) as session:
        session.open(house, BY_HAND, uri="untitled:Untitled-1")
        session.open(house / "new" / "folder" / "app.py", BY_HAND)
        assert codes(await session.shown(house / "new" / "folder" / "app.py")) == ["DBS102"]
        for path in (installed, house / "built.py"):
            session.open(path)
            assert await session.shown(path) == []
        assert not [each for each in session.published if each.uri.startswith("untitled")]
        document = types.TextDocumentIdentifier("untitled:Untitled-1")
        parameters = types.CodeActionParams(document, WHOLE, types.CodeActionContext([]))
        assert not await answered(session.client.text_document_code_action_async(parameters))
        assert session.client.messages == []


async def test_without_the_extra_one_line_says_what_to_install(tmp_path: Path) -> None:
    hidden = "import sys; sys.modules['pygls'] = None; "
    start = "from flake8_dbsession.entry import main; sys.argv[1:] = ['server']; main()"
    run = subprocess.run([sys.executable, "-c", hidden + start], capture_output=True, text=True)
    assert run.returncode == 2
    assert run.stdout == ""
    assert "pip install 'flake8-dbsession[server]'" in run.stderr
    assert "Traceback" not in run.stderr


async def test_nothing_else_imports_pygls() -> None:
    code = (
        "import sys; import flake8_dbsession.plugin, flake8_dbsession.command.server, "
        "flake8_dbsession.command.check, flake8_dbsession.checking.running.run; "
        "assert not {'pygls', 'lsprotocol', 'attrs', 'cattrs'} & set(sys.modules)"
    )
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


async def test_only_the_latest_of_many_keystrokes_is_answered(house: Path) -> None:
    app = house / "app.py"
    async with opened(house) as session:
        session.open(app)
        await session.shown(app)
        for count in range(40):
            session.write(app, BY_HAND + "\n" * count)
        session.write(app, MENDED)
        assert await session.shown(app) == []
        versions = [each.version for each in session.published if each.uri == app.as_uri()]
        assert versions == sorted(set(versions))
        assert len(versions) < 20
        assert versions[-1] == 42


async def test_an_editor_can_connect_by_tcp(house: Path) -> None:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "flake8_dbsession", "server", "--tcp", f"localhost:{port}"]
    server = await asyncio.create_subprocess_exec(*command, stdin=subprocess.DEVNULL)
    try:
        client = made_client()
        for _ in range(300):
            try:
                await client.start_tcp("localhost", port)
                break
            except OSError:
                await asyncio.sleep(0.1)
        begun = types.InitializeParams(types.ClientCapabilities(), root_uri=house.as_uri())
        found = await answered(client.initialize_session(begun))
        assert found.server_info.name == "dbsession"
        await answered(client.shutdown_async(None))
        client.exit(None)
        await answered(server.wait())
    finally:
        if server.returncode is None:
            server.kill()


@pytest.mark.parametrize("address", ["2087", "localhost:", ":2087", "localhost:many"])
async def test_what_is_no_address_is_refused(address: str) -> None:
    command = [sys.executable, "-m", "flake8_dbsession", "server", "--tcp", address]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 2
    assert "is no HOST:PORT" in run.stderr
