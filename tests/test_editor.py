"""The editor: a language server shows what the standard does not allow while code is written."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cases import HOUSE, write_project

BY_HAND = """\
from core.database import SessionLocal


def save(user):
    with SessionLocal() as db:
        db.expunge(user)
"""
SETTINGS = {
    "pylsp": {
        "plugins": {
            "flake8": {
                "enabled": True,
                "executable": str(Path(sys.executable).with_name("flake8")),
            },
            "mccabe": {"enabled": False},
            "pycodestyle": {"enabled": False},
            "pyflakes": {"enabled": False},
        }
    }
}


class LanguageServer:
    """A python-lsp-server to which messages are written, and from which they are read."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pylsp"],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        # A server that never answers is killed, which ends the wait for its answer.
        self._patience = threading.Timer(60, self._process.kill)
        self._patience.start()

    def stop(self) -> None:
        self._patience.cancel()
        self._process.kill()
        self._process.communicate()

    def notify(self, method: str, parameters: object, **more: object) -> None:
        message = {"jsonrpc": "2.0", "method": method, "params": parameters, **more}
        content = json.dumps(message).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(content), content))
        self._process.stdin.flush()

    def request(self, method: str, parameters: object) -> None:
        """Send a request and wait for its answer."""
        self.notify(method, parameters, id=method)
        next(message for message in self._messages() if message.get("id") == method)

    def diagnostics(self) -> list[dict[str, Any]]:
        """Wait for the next diagnostics."""
        published = "textDocument/publishDiagnostics"
        message = next(m for m in self._messages() if m.get("method") == published)
        found: list[dict[str, Any]] = message["params"]["diagnostics"]
        return found

    def _messages(self) -> Iterator[dict[str, Any]]:
        stream = self._process.stdout
        assert stream is not None
        while header := stream.readline():
            if header.startswith(b"Content-Length:"):
                length = int(header.partition(b":")[2])
                while stream.readline().strip():
                    continue
                yield json.loads(stream.read(length))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LanguageServer]:
    server = LanguageServer(tmp_path)
    try:
        yield server
    finally:
        server.stop()


def test_a_violation_is_shown_and_goes_when_the_text_is_mended(
    tmp_path: Path, server: LanguageServer
) -> None:
    policy = 'preset = "standard"'
    write_project(tmp_path, {**HOUSE, "app.py": "", "dbsession.toml": policy})
    document = {"uri": (tmp_path / "app.py").as_uri(), "version": 1}
    server.request("initialize", {"rootUri": tmp_path.as_uri(), "capabilities": {}})
    server.notify("initialized", {})
    server.notify("workspace/didChangeConfiguration", {"settings": SETTINGS})
    opened = {**document, "languageId": "python", "text": BY_HAND}
    server.notify("textDocument/didOpen", {"textDocument": opened})
    (shown,) = server.diagnostics()
    assert shown["code"] == "DBS102"
    assert shown["source"] == "flake8"
    assert "`with SessionLocal()` bypasses the provider" in shown["message"]
    assert shown["range"]["start"] == {"line": 4, "character": BY_HAND.split("\n")[4].index("Se")}
    mended = {"text": BY_HAND.replace("SessionLocal", "get_db_session")}
    server.notify(
        "textDocument/didChange",
        {"textDocument": {**document, "version": 2}, "contentChanges": [mended]},
    )
    assert server.diagnostics() == []
