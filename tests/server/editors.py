"""A real language client that talks to a real ``dbsession server``."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import pytest

_REASON = "the extra `server` or pytest-lsp is not installed"
types = pytest.importorskip("lsprotocol.types", reason=_REASON)
protocol = pytest.importorskip("pygls.protocol", reason=_REASON)
clients = pytest.importorskip("pytest_lsp.client", reason=_REASON)

_PATIENCE = 60  # seconds: a loaded machine makes no test fail


Answer = TypeVar("Answer")


async def answered(waiting: Awaitable[Answer]) -> Answer:
    """Wait for an answer, but not for ever."""
    return await asyncio.wait_for(waiting, _PATIENCE)


def made_client() -> clients.LanguageClient:
    """Make a client that answers all that a server may ask, and leaves diagnostics to a test."""
    client = clients.LanguageClient(converter_factory=protocol.default_converter)
    features = dict(clients.DEFAULT_CLIENT_FEATURES)
    del features[types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS]
    clients.register_lsp_features(client, features)
    return client


class Editor:
    """An editor with some folders open.

    Args:
        client: its client.
    """

    def __init__(self, client: clients.LanguageClient) -> None:
        self.client = client
        self._versions: dict[str, int] = {}
        self.published: list[types.PublishDiagnosticsParams] = []
        self._news = asyncio.Condition()
        self.registered: list[types.Registration] = []

        @client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        async def published(params: types.PublishDiagnosticsParams) -> None:
            async with self._news:
                self.published.append(params)
                self._news.notify_all()

        @client.feature(types.CLIENT_REGISTER_CAPABILITY)
        def registered(params: types.RegistrationParams) -> None:
            self.registered += params.registrations

    def open(self, path: Path, text: str | None = None, uri: str | None = None) -> None:
        uri = uri or path.as_uri()
        self._versions[uri] = 1
        written = path.read_bytes().decode() if text is None else text
        item = types.TextDocumentItem(uri, "python", 1, written)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))

    def write(self, path: Path, text: str) -> None:
        """Change an open text, and do not save it."""
        uri = path.as_uri()
        self._versions[uri] += 1
        document = types.VersionedTextDocumentIdentifier(uri=uri, version=self._versions[uri])
        changes = [types.TextDocumentContentChangeWholeDocument(text)]
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(document, changes))

    def close(self, path: Path) -> None:
        document = types.TextDocumentIdentifier(path.as_uri())
        self.client.text_document_did_close(types.DidCloseTextDocumentParams(document))

    def disk_changed(self, *paths: Path) -> None:
        """Say that files changed on disk."""
        events = [types.FileEvent(path.as_uri(), types.FileChangeType.Changed) for path in paths]
        self.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams(events))

    async def shown(self, path: Path) -> list[types.Diagnostic]:
        """Wait for the diagnostics of the version of a text that is open now."""
        uri = path.as_uri()

        def is_current() -> bool:
            last = self._last(uri)
            return last is not None and last.version == self._versions[uri]

        await self._until(is_current)
        last = self._last(uri)
        assert last is not None
        return list(last.diagnostics)

    async def until_shown(
        self, path: Path, is_wanted: Callable[[list[types.Diagnostic]], bool]
    ) -> list[types.Diagnostic]:
        """Wait until the last diagnostics of a file are as wanted."""
        uri = path.as_uri()

        def is_there() -> bool:
            last = self._last(uri)
            return last is not None and is_wanted(list(last.diagnostics))

        await self._until(is_there)
        last = self._last(uri)
        assert last is not None
        return list(last.diagnostics)

    async def actions(self, path: Path, around: types.Range, *only: str) -> list[types.CodeAction]:
        context = types.CodeActionContext([], only=list(only) or None)
        document = types.TextDocumentIdentifier(path.as_uri())
        parameters = types.CodeActionParams(document, around, context)
        found = await answered(self.client.text_document_code_action_async(parameters))
        return [each for each in found or () if isinstance(each, types.CodeAction)]

    async def hover(self, path: Path, position: types.Position) -> str | None:
        document = types.TextDocumentIdentifier(path.as_uri())
        parameters = types.HoverParams(document, position)
        found = await answered(self.client.text_document_hover_async(parameters))
        if found is None:
            return None
        assert isinstance(found.contents, types.MarkupContent)
        return found.contents.value

    def _last(self, uri: str) -> types.PublishDiagnosticsParams | None:
        return next((each for each in reversed(self.published) if each.uri == uri), None)

    async def _until(self, holds: Callable[[], bool]) -> None:
        async with self._news:
            await answered(self._news.wait_for(holds))


@asynccontextmanager
async def opened(
    *folders: Path, encodings: tuple[str, ...] = (), versions: bool = True
) -> AsyncIterator[Editor]:
    """Open an editor on some folders."""
    client = made_client()
    editor = Editor(client)
    await client.start_io(sys.executable, "-m", "flake8_dbsession", "server")
    try:
        edit = types.WorkspaceEditClientCapabilities(document_changes=versions)
        watching = types.DidChangeWatchedFilesClientCapabilities(dynamic_registration=True)
        capabilities = types.ClientCapabilities(
            workspace=types.WorkspaceClientCapabilities(
                workspace_edit=edit, did_change_watched_files=watching, workspace_folders=True
            ),
            general=types.GeneralClientCapabilities(position_encodings=list(encodings) or None),
        )
        open_folders = [types.WorkspaceFolder(each.as_uri(), each.name) for each in folders]
        begun = types.InitializeParams(capabilities, workspace_folders=open_folders)
        await answered(client.initialize_session(begun))
        yield editor
        await answered(client.shutdown_session())
    finally:
        if client._server is not None and client._server.returncode is None:
            client._server.kill()  # after a failure, which has to be said and not waited on
        await client.stop()
