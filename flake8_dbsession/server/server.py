"""The handlers of the protocol: what is asked of a session, and when."""

from __future__ import annotations

import os
import sys
import warnings

from lsprotocol import types

from flake8_dbsession.checking.running.settings import SETTINGS
from flake8_dbsession.checking.suppression.baseline_place import FILE_NAME
from flake8_dbsession.server.messages import FIX_ALL
from flake8_dbsession.server.session import DbsessionServer

_WATCHED = ("**/*.py", *(f"**/{name}" for name in (*SETTINGS, FILE_NAME)))


def make_server() -> DbsessionServer:
    """Make a server with its handlers."""
    server = DbsessionServer()

    @server.feature(types.INITIALIZED)
    async def initialized(server: DbsessionServer, _: types.InitializedParams) -> None:
        workspace = server.client_capabilities.workspace
        watching = workspace.did_change_watched_files if workspace else None
        if watching is not None and watching.dynamic_registration:
            watchers = [types.FileSystemWatcher(pattern) for pattern in _WATCHED]
            options = types.DidChangeWatchedFilesRegistrationOptions(watchers)
            registration = types.Registration(
                "dbsession-files", types.WORKSPACE_DID_CHANGE_WATCHED_FILES, options
            )
            parameters = types.RegistrationParams([registration])
            await server.client_register_capability_async(parameters)

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    async def did_open(server: DbsessionServer, params: types.DidOpenTextDocumentParams) -> None:
        document = params.text_document
        server.opened(document.uri, document.version, document.text)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    async def did_change(
        server: DbsessionServer, params: types.DidChangeTextDocumentParams
    ) -> None:
        document = params.text_document
        text = server.workspace.get_text_document(document.uri).source
        server.opened(document.uri, document.version, text)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    async def did_close(server: DbsessionServer, params: types.DidCloseTextDocumentParams) -> None:
        server.closed(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    async def did_save(server: DbsessionServer, _: types.DidSaveTextDocumentParams) -> None:
        server.disk_changed()

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    async def files_changed(server: DbsessionServer, _: types.DidChangeWatchedFilesParams) -> None:
        server.disk_changed()

    @server.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    async def folders_changed(
        server: DbsessionServer, _: types.DidChangeWorkspaceFoldersParams
    ) -> None:
        server.folders_changed()

    @server.feature(
        types.TEXT_DOCUMENT_CODE_ACTION,
        types.CodeActionOptions([types.CodeActionKind.QuickFix, FIX_ALL]),
    )
    async def code_action(
        server: DbsessionServer, params: types.CodeActionParams
    ) -> list[types.CodeAction]:
        return await server.actions(params)

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    def hovered(server: DbsessionServer, params: types.HoverParams) -> types.Hover | None:
        return server.hovered(params.text_document.uri, params.position)

    @server.feature(types.SHUTDOWN)
    def shut_down(server: DbsessionServer, _: None) -> None:
        server.stop()

    return server


def serve(address: tuple[str, int] | None) -> None:
    """Serve one editor until it leaves.

    Args:
        address: where it connects; None for standard input and output.
    """
    warnings.simplefilter("ignore")  # Python's own of the code that is checked
    server = make_server()
    if address is None:
        with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as stream:  # the server closes its own
            server.start_io(stdout=stream)
    else:
        server.start_tcp(*address)
