"""A policy: where a house's sessions come from, path by path."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from enum import Enum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple, TypeAlias

from flake8_dbsession.policy.matching import PathGroups

Scalar: TypeAlias = bool | int | float | str
Options: TypeAlias = tuple[tuple[str, Scalar], ...]

TESTS_LAYER = "tests"
"""The name of the layer that holds a project's tests."""

URL_KINDS = ("any", "server", "postgresql", "mysql", "sqlite-file", "sqlite-memory")
"""The kinds of database URL that a policy can ask engine options for.

``any`` means every engine, also one whose URL is no literal. ``server`` means every database but
SQLite, so that a server that has no kind of its own (Oracle, SQL Server) is of this kind;
``mysql`` includes MariaDB. A URL that names no SQLite file is ``sqlite-memory``.
"""


class Style(Enum):
    """How code of a layer gets its session.

    ``CONTEXT``: ``with get_db_session() as db``. ``DEPENDENCY``: ``db = Depends(get_db)``.
    ``REQUEST``: ``db = get_request_db_session()``, closed elsewhere when the request ends.
    """

    CONTEXT = "context"
    DEPENDENCY = "dependency"
    REQUEST = "request"


class Sanctioned(NamedTuple):
    """What a layer uses to get a session.

    Attributes:
        module: the module to import it from, such as ``core.database``; None where the expression
            stands by itself (``self.manager.get_db_session``).
        expression: the dotted expression to call, such as ``get_db``.
    """

    module: str | None
    expression: str

    @classmethod
    def parse(cls, text: str) -> Sanctioned:
        """Return what a policy's ``use`` says: ``module:name``, or an expression."""
        module, colon, name = text.rpartition(":")
        return cls(module if colon else None, name)


class Layer(NamedTuple):
    """A set of paths that share a sanctioned pattern.

    Attributes:
        name: what the house calls it.
        paths: gitignore patterns, relative to the policy's folder.
        use: what gives a session here; None where the house names nothing.
        style: how it is used.
        fallback: an accessor allowed in the ``else`` of a test for the sanctioned object.
        bind: a statement that has to stand before ``use`` can be called.
        decorator: what a function that opens a session has to be decorated with.
        allow: codes that are silent here.
        declared: True when the user named this layer, or the preset that it comes from.
    """

    name: str
    paths: tuple[str, ...]
    use: Sanctioned | None = None
    style: Style = Style.CONTEXT
    fallback: str | None = None
    bind: str | None = None
    decorator: str | None = None
    allow: frozenset[str] = frozenset()
    declared: bool = True


@dataclass(frozen=True, slots=True)
class Policy:
    """A house's standard.

    Attributes:
        root: the folder that all patterns are relative to, absolute.
        source: the file that the policy was read from; None for a bare preset.
        preset: the name of the preset it is built on.
        chosen: True when the user's file or options name that preset.
        owners: patterns of the modules that may open sessions by hand; None: they are found.
        factories: names of factories: qualified ones, and bare ones such as ``SessionLocal``,
            which decide only where resolution leads nowhere.
        connections: the sanctioned way to a DB-API connection, such as ``db.get_connection``.
        enable: codes of rules that are off by default and on here.
        docstrings: whether examples in docstrings are checked.
        retired: qualified names that are not used any more, with what replaces each.
        legacy: patterns of dotted callees that are no longer called, with what replaces each.
        layers: the layers, of which the first that matches a path counts.
        engine: the options required of an engine, by kind of URL (one of ``URL_KINDS``). A string
            stands for itself or for the class of that name (``StaticPool``).
        pragmas: the SQLite pragmas required of a connection, with their values.
        content: of the source, as it was read; empty for a bare preset.
    """

    root: Path
    source: Path | None
    preset: str
    chosen: bool
    owners: tuple[str, ...] | None
    factories: tuple[str, ...]
    connections: str | None
    enable: frozenset[str]
    docstrings: bool
    retired: tuple[tuple[str, str], ...]
    legacy: tuple[tuple[str, str], ...]
    layers: tuple[Layer, ...]
    engine: tuple[tuple[str, Options], ...]
    pragmas: tuple[tuple[str, str], ...]
    content: bytes = field(default=b"", repr=False, compare=False)
    _layer_paths: PathGroups = field(init=False, repr=False, compare=False)
    _owner_paths: PathGroups = field(init=False, repr=False, compare=False)
    _test_paths: PathGroups = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        layer_paths = PathGroups(self.root, tuple(layer.paths for layer in self.layers))
        owner_paths = PathGroups(self.root, (self.owners or (),))
        tests = tuple(layer.paths for layer in self.layers if layer.name == TESTS_LAYER)
        object.__setattr__(self, "_layer_paths", layer_paths)
        object.__setattr__(self, "_owner_paths", owner_paths)
        object.__setattr__(self, "_test_paths", PathGroups(self.root, tests))

    def layer_of(self, path: str | os.PathLike[str]) -> Layer | None:
        """Return the first layer that a file lies in, or None.

        A file outside the policy's folder is known by its name alone: ``test_*.py`` matches it,
        ``api/**`` and ``tests/`` do not.

        Args:
            path: the file, absolute or relative to the working directory.
        """
        index = self._layer_paths.first_match(path)
        return None if index is None else self.layers[index]

    def is_owner(self, path: str | os.PathLike[str]) -> bool | None:
        """Tell whether a file is named as an owner; None when the policy names no owners.

        Args:
            path: the file, absolute or relative to the working directory.
        """
        if self.owners is None:
            return None
        return self._owner_paths.first_match(path) is not None

    def is_test(self, path: str | os.PathLike[str]) -> bool:
        """Tell whether the paths of the layer called ``tests`` hold a file.

        They hold ``tests/test_user_routes.py`` even where a layer for ``*_routes.py`` comes first.

        Args:
            path: the file, absolute or relative to the working directory.
        """
        return self._test_paths.first_match(path) is not None

    def legacy_replacement(self, callee: str) -> str | None:
        """Return what replaces a legacy accessor, or None when it is not one.

        Args:
            callee: what is called, as it is written: ``self.db_manager.get_session``.
        """
        for pattern, replacement in self.legacy:
            if fnmatchcase(callee, pattern):
                return replacement
        return None

    def retired_replacement(self, name: str) -> tuple[str, str] | None:
        """Return the retired name that a name is or lies below, and its replacement.

        Args:
            name: a qualified name, such as ``core.database_manager.DatabaseManager``.

        Returns:
            The longest retired name that fits, as the policy has it, with what replaces it; None
            when the name is not retired.
        """
        found = [pair for pair in self.retired if f"{name}.".startswith(f"{pair[0]}.")]
        return max(found, key=lambda pair: len(pair[0]), default=None)

    def engine_options(self, kind: str) -> Options:
        """Return the options required of an engine, those for broader kinds of URL included.

        Args:
            kind: one of ``URL_KINDS``; ``any`` where the URL is not known.
        """
        by_kind = dict(self.engine)
        broader = ["any"] if kind.startswith("sqlite-") else ["any", "server"]
        kinds = ["any"] if kind == "any" else [*broader, kind]
        merged: dict[str, Scalar] = {}
        for each in kinds:
            merged.update(by_kind.get(each, ()))
        return tuple(merged.items())
