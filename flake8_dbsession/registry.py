"""Registries of what has a code: one class a file, found by importing a package's modules."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Generic, Protocol, TypeVar


class _HasCode(Protocol):
    code: ClassVar[str]


Coded = TypeVar("Coded", bound=_HasCode)
Made = TypeVar("Made", bound=type[_HasCode])


class Registry(Generic[Coded]):
    """The objects of the classes that register themselves, each by its code.

    Args:
        package: the package whose modules register.
    """

    def __init__(self, package: str) -> None:
        self._package = package
        self._registered: dict[str, Coded] = {}

    def register(self, made: Made) -> Made:
        """Make a class known by its code; used as a class decorator.

        Raises:
            ValueError: another class has the code already.
        """
        if made.code in self._registered:
            raise ValueError(f"{made.code} is registered twice in {self._package}")
        self._registered[made.code] = made()  # type: ignore[assignment]
        return made

    @cached_property
    def all(self) -> Mapping[str, Coded]:
        """Every object by its code, in the order of the codes."""
        package = import_module(self._package)
        for folder in package.__path__:
            for path in Path(folder).rglob("[!_.]*.py"):
                name = ".".join(path.relative_to(folder).with_suffix("").parts)
                import_module(f"{self._package}.{name}")
        return MappingProxyType(dict(sorted(self._registered.items())))
