"""Changes to modules and classes that can be taken back without trace."""

from __future__ import annotations

import functools
import logging
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_LOGGER = logging.getLogger("flake8_dbsession.runtime")
_ABSENT = object()
Function = Callable[..., Any]


def harmless(function: Callable[..., object]) -> Callable[..., None]:
    """Keep what goes wrong in a function from the program that is watched; it is logged."""

    @functools.wraps(function)
    def call(*args: Any) -> None:
        try:
            function(*args)
        except Exception:
            log_failure()

    return call


def log_failure() -> None:
    """Log an error of the watch itself, of which the program has no part."""
    _LOGGER.exception("the watch failed")


class Patches:
    """What was changed, to be undone in reverse."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], None]] = []

    def wrap(self, owner: Any, name: str, around: Callable[[Function], Function]) -> None:
        """Put a function around a method or a module's function.

        A module's function is replaced wherever it was imported to as well.

        Args:
            owner: the class or module.
            name: the function's name there.
            around: makes the new function of the old one.

        Raises:
            AttributeError: there is no such function.
        """
        original = getattr(owner, name)
        wrapped = around(original)
        functools.update_wrapper(wrapped, original)
        if isinstance(owner, ModuleType):
            _rebind(original, wrapped)
            self._undo.append(lambda: _rebind(wrapped, original))
            return
        before = vars(owner).get(name, _ABSENT)
        setattr(owner, name, wrapped)

        def undo() -> None:
            if vars(owner).get(name) is not wrapped:  # somebody patched it after us
                return
            if before is _ABSENT:
                delattr(owner, name)
            else:
                setattr(owner, name, before)

        self._undo.append(undo)

    def add(self, undo: Callable[[], None]) -> None:
        """Remember how to undo something that was done elsewhere."""
        self._undo.append(undo)

    def undo(self) -> None:
        """Undo everything."""
        while self._undo:
            self._undo.pop()()


def _rebind(old: object, new: object) -> None:
    """Let every module that has one object under some name have another one under it."""
    for module in list(sys.modules.values()):
        if not isinstance(module, ModuleType):
            continue
        for name, value in list(vars(module).items()):
            if value is old:
                setattr(module, name, new)


class ImportHook(MetaPathFinder):
    """Does something as soon as a module was imported, or at once where it was already.

    Args:
        actions: what is done, by the module's name.
    """

    def __init__(self, actions: dict[str, Callable[[ModuleType], None]]) -> None:
        self._actions = dict(actions)

    def install(self) -> None:
        """Do what can be done, and wait for the rest."""
        for name in [name for name in self._actions if name in sys.modules]:
            self._actions.pop(name)(sys.modules[name])
        sys.meta_path.insert(0, self)

    def remove(self) -> None:
        """Wait no longer."""
        with suppress(ValueError):
            sys.meta_path.remove(self)
        self._actions.clear()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a module as the other finders do, and see to it that it is told when it is there."""
        if fullname not in self._actions:
            return None
        others = [getattr(each, "find_spec", None) for each in sys.meta_path if each is not self]
        found = (find(fullname, path, target) for find in others if find is not None)
        spec = next((spec for spec in found if spec is not None), None)
        if spec is not None and spec.loader is not None:
            self._follow(fullname, spec.loader)
        return spec

    def _follow(self, name: str, loader: Any) -> None:
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            with suppress(AttributeError):
                del loader.exec_module
            execute(module)
            action = self._actions.pop(name, None)
            if action is not None:
                action(module)

        with suppress(AttributeError):  # a loader that takes no attributes is left alone
            loader.exec_module = exec_module
