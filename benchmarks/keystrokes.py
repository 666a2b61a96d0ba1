"""How long the language server takes to answer a keystroke: `python benchmarks/keystrokes.py`.

    python benchmarks/keystrokes.py                         # a generated house, 1,000 lines
    python benchmarks/keystrokes.py FOLDER FILE [FILE ...]  # files of a project, left as they are

From the change to the diagnostics, the pause in which the server waits for the next key included;
and the time of the processor alone, which a loaded machine does not change much.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

KEYSTROKES = 30
HOUSE = """\
from contextlib import contextmanager

from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

SessionLocal = sessionmaker(create_engine("postgresql://localhost/app"))


@contextmanager
def get_db_session():
    with SessionLocal() as db:
        yield db
"""
RIGHT = """

def load_{0}(wanted):
    with get_db_session() as db:
        found = count(db, wanted)
        if found:
            db.commit()
    for each in range(found):
        print(each, wanted)
    return found
"""
WRONG = """

def load_{0}(wanted):
    db = SessionLocal()
    found = count(db, wanted)
    if found:
        db.commit()
    for each in range(found):
        print(each, wanted)
    db.close()
    return found
"""
HEAD = "from core.database import SessionLocal, get_db_session\nfrom core.counting import count\n"
COUNTING = "def count(db, wanted):\n    return db.execute(wanted).scalar()\n"


def generated(folder: Path) -> Path:
    """Write a house, with a service of about a thousand lines; every tenth function is wrong."""
    (folder / "core").mkdir()
    (folder / ".git").mkdir()
    (folder / "core" / "database.py").write_text(HOUSE)
    (folder / "core" / "counting.py").write_text(COUNTING)
    file = folder / "service.py"
    functions = ((RIGHT if number % 10 else WRONG).format(number) for number in range(90))
    file.write_text(HEAD + "".join(functions))
    return file


class Server:
    """A ``dbsession server`` with one folder open."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", "flake8_dbsession", "server"]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe)
        folders = [{"uri": folder.as_uri(), "name": folder.name}]
        self._send("initialize", {"capabilities": {}, "workspaceFolders": folders}, id=1)
        next(message for message in self._messages() if message.get("id") == 1)
        self._send("initialized", {})

    def open(self, file: Path, text: str) -> float:
        document = {"uri": file.as_uri(), "languageId": "python", "version": 1, "text": text}
        return self._answer("textDocument/didOpen", {"textDocument": document}, 1)

    def write(self, file: Path, text: str, version: int) -> float:
        """Change a text, and give the seconds until its diagnostics are there."""
        document = {"uri": file.as_uri(), "version": version}
        changes = {"textDocument": document, "contentChanges": [{"text": text}]}
        return self._answer("textDocument/didChange", changes, version)

    def processor(self) -> float:
        """Give the seconds of the processor that it took; 0 where the system does not say."""
        status = Path(f"/proc/{self._process.pid}/stat")
        fields = status.read_text().rpartition(")")[2].split() if status.exists() else []
        return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK") if fields else 0.0

    def memory(self) -> int:
        """Give what the process holds, in kilobytes; 0 where the system does not say."""
        status = Path(f"/proc/{self._process.pid}/status")
        lines = status.read_text().splitlines() if status.exists() else []
        return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS")), 0)

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _answer(self, method: str, parameters: object, version: int) -> float:
        start = time.perf_counter()
        self._send(method, parameters)
        published = "textDocument/publishDiagnostics"
        for message in self._messages():
            if message.get("method") == published and message["params"].get("version") == version:
                return time.perf_counter() - start
        raise SystemExit("the server ended")

    def _send(self, method: str, parameters: object, **more: object) -> None:
        message = {"jsonrpc": "2.0", "method": method, "params": parameters, **more}
        content = json.dumps(message).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(content), content))
        self._process.stdin.flush()

    def _messages(self) -> Iterator[dict[str, Any]]:
        stream = self._process.stdout
        assert stream is not None
        while header := stream.readline():
            if header.startswith(b"Content-Length:"):
                while stream.readline().strip():
                    continue
                yield json.loads(stream.read(int(header.partition(b":")[2])))


def measure(folder: Path, files: list[Path]) -> None:
    server = Server(folder)
    print(f"{'file':40} {'lines':>6} {'opened':>9} {'median':>9} {'slowest':>9} {'processor':>9}")
    try:
        for file in files:
            text = file.read_text(encoding="utf-8")
            opened = server.open(file, text)
            time.sleep(2.5)  # until what was just written is known
            before = server.processor()
            times = [
                server.write(file, f"{text}\n# {'x' * number}\n", number + 2)
                for number in range(KEYSTROKES)
            ]
            processor = (server.processor() - before) / KEYSTROKES
            lines = text.count("\n")
            columns = opened, median(times), max(times), processor
            shown = " ".join(f"{1000 * seconds:6.0f} ms" for seconds in columns)
            print(f"{str(file)[-40:]:40} {lines:6} {shown}")
        print(f"memory: {server.memory() // 1024} MB")
    finally:
        server.stop()


def main(arguments: list[str]) -> None:
    if arguments:
        folder, *files = (Path(each).resolve() for each in arguments)
        measure(folder, files)
        return
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made).resolve()
        measure(folder, [generated(folder)])


if __name__ == "__main__":
    main(sys.argv[1:])
