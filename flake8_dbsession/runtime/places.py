"""Where a running program is, in the user's own code."""

from __future__ import annotations

import os
import sys
import sysconfig
import threading
from types import FrameType
from typing import Any

from flake8_dbsession.runtime.records import SCRIPT, TOP_LEVEL, Place, Trail

_MAX_PLACES = 4
_OWN = ""
_NEUTRAL = "-"  # what only passes calls on: the standard library, and what is here
_RUNNERS = frozenset({"_pytest", "pluggy"})  # below which lies nothing of a test's own
_POOL_FILES = frozenset({"pool.py", "pool_async.py", "pooling.py"})
_WRAPPERS = {os.path.join("aiosqlite", "core.py"): "aiosqlite"}
"""The files that wrap another driver's connections, which are a library wherever they lie."""
_SITES = ("site-packages", "dist-packages")
_TEST_FOLDERS = frozenset({"tests", "test", "testing", "t"})
_HERE = os.path.dirname(os.path.abspath(__file__))
_STDLIB = tuple({os.path.join(sysconfig.get_path(name), "") for name in ("stdlib", "platstdlib")})
_SCRIPTS = os.path.join(sysconfig.get_path("scripts"), "")


def trail(skipped: str = "") -> Trail:
    """Tell how the program came here.

    Args:
        skipped: the package that the caller stands for; its own code is no library's, but that of
            its pool is.
    """
    places: list[Place] = []
    library: str | None = None
    greenlet: Any = None
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        origin = _ORIGINS[file]
        if origin == _OWN:
            places.append(Place(file, frame.f_lineno, _name(frame)))
            if library is None:
                library = _OWN
            if len(places) == _MAX_PLACES:
                break
        elif origin != _NEUTRAL:
            if places and origin in _RUNNERS:
                break
            if library is None and (origin != skipped or os.path.basename(file) in _POOL_FILES):
                library = origin
        frame = frame.f_back
        if frame is None:
            greenlet = _parent(greenlet)
            frame = greenlet.gr_frame if greenlet is not None else None
    return Trail(tuple(places), library or _OWN)


def nearest() -> Place | None:
    """Give the innermost line of the user's own code, at less than the whole way's cost."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if _ORIGINS[file] == _OWN:
            return Place(file, frame.f_lineno, _name(frame))
        frame = frame.f_back
    return next(iter(trail().places), None)  # which looks beyond a greenlet


def task_name() -> str:
    """Give the name of the asyncio task that is running; empty for none."""
    task = current_task()
    return str(task.get_name()) if task is not None else ""


def current_task() -> Any:
    """Give the asyncio task that is running, without importing asyncio."""
    events = sys.modules.get("asyncio.events")
    loop = events._get_running_loop() if events is not None else None
    return sys.modules["asyncio"].current_task(loop) if loop is not None else None


def thread_name() -> str:
    """Give the name of the thread that is running."""
    return threading.current_thread().name


def shown(place: Place | None) -> str:
    """Write a place as error messages do, relative to the working directory where it lies there."""
    if place is None:
        return "no line of your own code"
    return f"{short(place.file)}:{place.line} in {place.function}"


def short(file: str) -> str:
    """Shorten a path that lies in the working directory."""
    here = os.path.join(os.getcwd(), "")
    return file[len(here) :] if file.startswith(here) else file


class _Origins(dict[str, str]):
    """Whose code the files are that were met so far."""

    def __missing__(self, file: str) -> str:
        origin = self[file] = _origin(file)
        return origin


_ORIGINS = _Origins()


def _origin(file: str) -> str:
    """Tell whose code a file is: the user's own, a package's by its name, or nobody's."""
    if file.startswith("<"):
        return _OWN if file.startswith(("<stdin>", "<doctest", "<ipython")) else _NEUTRAL
    path = os.path.abspath(file)
    if path.startswith(_HERE + os.sep):
        return _NEUTRAL
    for site in _SITES:
        _, found, rest = path.rpartition(f"{os.sep}{site}{os.sep}")
        if found:
            return rest.partition(os.sep)[0].partition(".")[0]
    if path.startswith(_STDLIB):
        return _NEUTRAL
    for wrapper, package in _WRAPPERS.items():
        if path.endswith(os.sep + wrapper):
            return package
    return "scripts" if path.startswith(_SCRIPTS) else _OWN


def _name(frame: FrameType) -> str:
    code = frame.f_code
    name: str = getattr(code, "co_qualname", code.co_name)  # from Python 3.11
    if name == TOP_LEVEL and frame.f_globals.get("__name__") == SCRIPT:
        return SCRIPT
    return name.replace("<locals>.", "")


def _parent(greenlet: Any) -> Any:
    """Follow SQLAlchemy's greenlets to who awaits them: their frames are not linked.

    Args:
        greenlet: whose parent is wanted; None for the one that is running.
    """
    if greenlet is not None:
        return greenlet.parent
    greenlets = sys.modules.get("greenlet")
    return greenlets.getcurrent().parent if greenlets is not None else None


def is_test_file(file: str) -> bool:
    """Tell whether a file is a test's, as the policies' layer for tests has it."""
    *folders, name = short(file).replace("\\", "/").split("/")
    if name == "conftest.py" or name.startswith("test_") or name.endswith("_test.py"):
        return True
    return not _TEST_FOLDERS.isdisjoint(folders)
