"""Running a program with the watch in it, and gathering what its processes saw."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from flake8_dbsession.runtime import child
from flake8_dbsession.runtime.reporting import text
from flake8_dbsession.runtime.reporting.report import Report, from_json, merged
from flake8_dbsession.runtime.reporting.static import judged
from flake8_dbsession.wording import counted

_PASSED_ON = ("SIGTERM", "SIGHUP", "SIGQUIT")
_KILLED = 128  # as shells have it


def run(command: Sequence[str], idle: float) -> tuple[int, Report]:
    """Run a program, and print what it left open to standard error.

    Args:
        command: the program and its arguments.
        idle: from how many seconds of other work with a transaction open is said.

    Returns:
        The program's exit code, and what was seen.

    Raises:
        OSError: it cannot be started.
    """
    with tempfile.TemporaryDirectory(prefix="dbsession-") as folder:
        environment = _environment(folder, idle)
        with subprocess.Popen(command, env=environment) as process, _signals(process, Path(folder)):
            code = _ended(process)
        report = judged(merged(_reports(Path(folder))))
        lost = len(list(Path(folder).glob("*.pid")))
    _say(report, lost)
    return (code if code >= 0 else _KILLED - code), report


def _environment(folder: str, idle: float) -> dict[str, str]:
    before = os.environ.get("PYTHONPATH")
    path = os.pathsep.join([child.STARTUP, *([before] if before else [])])
    return {**os.environ, "PYTHONPATH": path, child.FOLDER: folder, child.IDLE: str(idle)}


def _ended(process: subprocess.Popen[bytes]) -> int:
    """Wait for a program; one that is interrupted with us ends by itself."""
    while True:
        with suppress(KeyboardInterrupt):
            return process.wait()


@contextmanager
def _signals(process: subprocess.Popen[bytes], folder: Path) -> Iterator[None]:
    """Pass signals on: those that end to the program, SIGUSR1 to all its processes."""

    def pass_on(number: int, _frame: FrameType | None) -> None:
        process.send_signal(number)

    def ask(number: int, _frame: FrameType | None) -> None:
        for file in folder.glob("*.pid"):
            with suppress(OSError):
                file.with_suffix(f".{child.ASKED}").touch()
                os.kill(int(file.stem), number)

    before: dict[int, Any] = {}
    for name in (*_PASSED_ON, "SIGUSR1"):
        number = getattr(signal, name, None)
        if number is not None:
            before[number] = signal.signal(number, ask if name == "SIGUSR1" else pass_on)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _reports(folder: Path) -> Iterator[Report]:
    for file in sorted(folder.glob("*.json")):
        with suppress(OSError, ValueError):  # a process that was killed while it wrote
            yield from_json(file.read_text(encoding="utf-8", errors="surrogateescape"))


def _say(report: Report, lost: int) -> None:
    """Print what was seen, and of how many processes nothing is known."""
    parts = []
    if report.opened:
        parts = ["dbsession: what the program opened", text.table(report)]
    elif not lost:
        parts = ["dbsession: the program opened no session and no connection"]
    if lost:
        parts.append(
            f"dbsession: no report from {counted(lost, 'program')}, killed or still running; "
            "what was opened there is not known"
        )
    if report.leaks:
        parts += ["", text.leaks(report)]
    with suppress(OSError):
        sys.stderr.write("\n".join(parts) + "\n")
