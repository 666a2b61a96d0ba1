"""The watch of `dbsession run`, in the program itself and in each of its child processes.

It is started by ``startup/sitecustomize.py``, which lies in ``PYTHONPATH`` there.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from flake8_dbsession.runtime.records import Event
from flake8_dbsession.runtime.reporting import text
from flake8_dbsession.runtime.reporting.report import merged, to_json
from flake8_dbsession.runtime.watcher import Watch

FOLDER = "DBSESSION_RUN_FOLDER"
"""The environment variable with the folder in which each process leaves its report."""
ASKED = "asked"
"""The ending of the file that tells a process that the signal is for its table."""
STARTUP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "startup")
IDLE = "DBSESSION_RUN_IDLE"


def start() -> None:
    """Watch this process until it ends, however it does."""
    folder = os.environ.get(FOLDER)
    if folder and os.path.isdir(folder):
        _Process(folder, float(os.environ.get(IDLE, "5"))).start()


class _Process:
    """A process under watch, and those that it forks."""

    def __init__(self, folder: str, idle: float) -> None:
        self._folder = folder
        self._watch = Watch(idle=idle, hooks=[_say_timeouts])
        self._exit = os._exit
        self._report = ""

    def start(self) -> None:
        self._watch.install()
        atexit.register(self._leave)
        os._exit = self._leave_and_exit  # type: ignore[assignment]  # how multiprocessing and its kin end
        for name in ("execv", "execve"):  # what all other ways to become another program call
            setattr(os, name, self._leave_before(getattr(os, name)))
        if threading.current_thread() is threading.main_thread():
            if hasattr(signal, "SIGUSR1"):
                self._listen()
            if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
                signal.signal(signal.SIGTERM, self._leave_and_end)
        self._announce()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._announce)

    def _announce(self) -> None:
        """Let `dbsession run` know whom it can ask, and choose where the report will be."""
        self._report = self._file(f"{time.monotonic_ns()}.json")
        with contextlib.suppress(OSError), open(self._file("pid"), "w"):
            pass

    def _file(self, suffix: str) -> str:
        return os.path.join(self._folder, f"{os.getpid()}.{suffix}")

    def _leave(self) -> None:
        report = self._watch.report()
        with contextlib.suppress(OSError):  # a process must be able to end on a full disk
            handle, name = tempfile.mkstemp(dir=self._folder)
            with open(handle, "w", encoding="utf-8", errors="surrogateescape") as stream:
                stream.write(to_json(report))
            os.replace(name, self._report)
            os.unlink(self._file("pid"))

    def _leave_and_exit(self, status: int) -> None:
        self._leave()
        self._exit(status)

    def _leave_before(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Leave the report before another program takes the place of this one."""

        def become(*program: Any, **named: Any) -> Any:
            self._leave()
            try:
                return original(*program, **named)
            except BaseException:  # this program goes on
                with contextlib.suppress(OSError):
                    os.unlink(self._report)
                self._announce()
                raise

        return become

    def _leave_and_end(self, number: int, _frame: FrameType | None) -> None:
        """Leave the report before a signal ends the process, as it would without us."""
        self._leave()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def _listen(self) -> None:
        """Print the table on SIGUSR1, and let the program have a handler of its own as well.

        Theirs is not called where `dbsession run` asks: Celery's workers, for one, are told by that
        signal that a task's time is up.
        """
        install = signal.signal
        before = install(signal.SIGUSR1, self._around(signal.SIG_DFL))
        theirs: list[Any] = [before]

        def signal_(number: int, handler: Any) -> Any:
            if number != signal.SIGUSR1:
                return install(number, handler)
            previous, theirs[0] = theirs[0], handler
            install(number, self._around(handler))
            return previous

        signal.signal = signal_  # type: ignore[assignment]

    def _around(self, theirs: Any) -> Callable[[int, FrameType | None], None]:
        def handle(number: int, frame: FrameType | None) -> None:
            if self._is_asked() or not callable(theirs):
                self._show()
            else:
                theirs(number, frame)

        return handle

    def _is_asked(self) -> bool:
        """Tell whether it is `dbsession run` that sent the signal."""
        try:
            os.unlink(self._file(ASKED))
        except OSError:
            return False
        return True

    def _show(self) -> None:
        _say(f"dbsession: process {os.getpid()}\n{self._now()}")

    def _now(self) -> str:
        return f"{text.table(merged([self._watch.report()]))}\n{self._watch.who_holds()}"


def _say_timeouts(event: Event) -> None:
    if event.name == "timeout":
        _say(event.text)


def _say(message: str) -> None:
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(f"{message}\n")
            sys.stderr.flush()
