"""A policy: where a house's sessions come from, path by path."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from enum import Enum
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

from flake8_dbsession.named_tuples import NamedTuple
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


class Level(Enum):
    """How much a violation weighs to a service that shows it; no exit code depends on it.

    ``ERROR``: a leak, or work that goes wrong or is lost. ``WARNING``: the house's way is not
    taken. ``NOTE``: taste.
    """

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class DoubtKind(Enum):
    """What a doubt about a fix is about. A house can accept all of them but the last."""

    COMMIT = "commit"
    EXPIRE = "expire"
    PATCHED = "patched"
    HELPER = "helper"
    COMMENT = "comment"
    ERROR_PATH = "error-path"
    OTHER = "other"


ACCEPTABLE = tuple(kind.value for kind in DoubtKind if kind is not DoubtKind.OTHER)
"""The kinds of doubt that ``--accept`` and a policy's ``accept`` take."""

COVERED: Mapping[str, tuple[str, ...]] = {DoubtKind.COMMIT.value: (DoubtKind.HELPER.value,)}
"""The kinds that are accepted along with another: whoever wants the provider to commit what a block
leaves wants it of what a helper may leave there, too."""

GIVEN = ("session", "connection")
"""What a way can give, as a policy says it."""


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

    @property
    def is_path(self) -> bool:
        """Whether it begins with a module: `db.connect` may begin with what a file calls so."""
        return self.module is not None or self.expression.count(".") > 1

    @property
    def written(self) -> str:
        """How a policy writes it."""
        return f"{self.module}:{self.expression}" if self.module else self.expression

    @property
    def qualified(self) -> str:
        """Its dotted name."""
        return f"{self.module}.{self.expression}" if self.module else self.expression


class Layer(NamedTuple):
    """A set of paths that share a sanctioned pattern.

    Attributes:
        name: what the house calls it.
        paths: gitignore patterns, relative to the policy's folder.
        uses: what gives a session here, the usual one first; empty where the house names nothing.
        style: how it is used; None: as what each use is tells.
        usual: how it is used where nothing tells.
        fallback: an accessor allowed in the ``else`` of a test for the sanctioned object.
        bind: a statement that has to stand before ``use`` can be called.
        decorator: what a function that opens a session has to be decorated with.
        allow: codes that are silent here.
        declared: True when the user's policy says what is used here; a preset's names count only
            where they resolve.
    """

    name: str
    paths: tuple[str, ...]
    uses: tuple[Sanctioned, ...] = ()
    style: Style | None = None
    usual: Style = Style.CONTEXT
    fallback: str | None = None
    bind: str | None = None
    decorator: str | None = None
    allow: frozenset[str] = frozenset()
    declared: bool = True

    @property
    def takes_all(self) -> bool:
        """Whether every file lies in it that lies in no layer before it."""
        return bool({"*", "**"} & {*self.paths})

    @property
    def use(self) -> Sanctioned | None:
        """The usual one of what is used here."""
        return self.uses[0] if self.uses else None


class SaidWay(NamedTuple):
    """A way to a session that cannot be read, as the policy describes it.

    Attributes:
        use: its name, as a layer's ``use`` has it.
        style: how it is used.
        is_connection: whether it gives a connection instead of a session.
        is_async: whether that is asynchronous.
        commits: whether its end commits.
        rolls_back: whether an error that leaves it rolls back.
        closes: whether its end closes what it gave.
    """

    use: Sanctioned
    style: Style = Style.CONTEXT
    is_connection: bool = False
    is_async: bool = False
    commits: bool = False
    rolls_back: bool = False
    closes: bool = True


class Selection(NamedTuple):
    """Which codes are reported, where flake8's own configuration names none of this tool's.

    Attributes:
        select: codes, or beginnings of codes; None for all.
        ignore: those that are left out.
        extend_select: more that are reported, such as whole codes of off rules.
        per_file: those that are left out in the files of each pattern.
    """

    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] = ()
    extend_select: tuple[str, ...] = ()
    per_file: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def reports(self, code: str) -> bool:
        """Tell whether a code is reported; of two that speak of it the longer one counts.

        Args:
            code: a whole code.
        """
        chosen = (*(self.select if self.select is not None else ("DBS",)), *self.extend_select)
        return _longest(code, chosen) > _longest(code, self.ignore)


ALL = Selection()
"""All codes but the off rules'."""


def _longest(code: str, beginnings: Iterable[str]) -> int:
    return max((len(each) for each in beginnings if code.startswith(each)), default=0)


class PolicyValues(NamedTuple):
    """What a policy says.

    Attributes:
        root: the folder that all patterns are relative to, absolute.
        source: the file that the policy was read from; None for a bare preset.
        preset: the name of the preset it is built on.
        chosen: True when the user's file or options name that preset.
        owners: patterns of the modules that may open sessions by hand; None: they are found.
        factories: names of factories: qualified ones, and bare ones such as ``SessionLocal``,
            which decide only where resolution leads nowhere.
        connections: the sanctioned ways to a DB-API connection, the usual one first.
        connections_declared: True when the user's policy names them.
        own_replacements: what replaces legacy accessors in the user's own words; what a preset
            names counts only where it resolves.
        enable: codes of rules that are off by default and on here.
        docstrings: whether examples in docstrings are checked.
        retired: qualified names that are not used any more, with what replaces each.
        legacy: patterns of dotted callees that are no longer called, with what replaces each.
        layers: the layers, of which the first that matches a path counts.
        engine: the options required of an engine, by kind of URL (one of ``URL_KINDS``). A string
            stands for itself or for the class of that name (``StaticPool``).
        pragmas: the SQLite pragmas required of a connection, with their values.
        ways: what cannot be read, as the policy describes it.
        selection: which codes are reported.
        exclude: patterns of the files that are not checked.
        baseline: the file with the known violations; None for none.
        accept: the kinds of doubt that fixes may take.
        levels: how much violations weigh, by code or beginning of codes; else as the rules say.
        files: the files that it was read from, the policy's own last.
        content: of these files, as they were read; empty for a bare preset.
    """

    root: Path
    source: Path | None
    preset: str
    chosen: bool
    owners: tuple[str, ...] | None
    factories: tuple[str, ...]
    connections: tuple[Sanctioned, ...]
    enable: frozenset[str]
    docstrings: bool
    retired: tuple[tuple[str, str], ...]
    legacy: tuple[tuple[str, str], ...]
    layers: tuple[Layer, ...]
    engine: tuple[tuple[str, Options], ...]
    pragmas: tuple[tuple[str, str], ...]
    connections_declared: bool = False
    own_replacements: frozenset[str] = frozenset()
    ways: tuple[SaidWay, ...] = ()
    selection: Selection = ALL
    exclude: tuple[str, ...] = ()
    baseline: Path | None = None
    accept: frozenset[str] = frozenset()
    levels: tuple[tuple[str, Level], ...] = ()
    files: tuple[Path, ...] = ()
    content: bytes = b""


class Policy(PolicyValues):
    """A house's standard: what a policy says, and what that means for a file or name."""

    @cached_property
    def _layer_paths(self) -> PathGroups:
        return PathGroups(self.root, tuple(layer.paths for layer in self.layers))

    @cached_property
    def _owner_paths(self) -> PathGroups:
        return PathGroups(self.root, (self.owners or (),))

    @cached_property
    def _test_paths(self) -> PathGroups:
        tests = tuple(layer.paths for layer in self.layers if layer.name == TESTS_LAYER)
        return PathGroups(self.root, tests)

    @cached_property
    def _excluded_paths(self) -> PathGroups:
        return PathGroups(self.root, (self.exclude,))

    @cached_property
    def _ignoring_paths(self) -> tuple[PathGroups, ...]:
        patterns = (pattern.removeprefix("!") for pattern, _ in self.selection.per_file)
        return tuple(PathGroups(self.root, ((pattern,),)) for pattern in patterns)

    @property
    def names_modules(self) -> bool:
        """Whether anything in it names a module, so that it may lead nowhere."""
        uses = [use for layer in self.layers for use in layer.uses]
        uses += [way.use for way in self.ways]
        uses += map(Sanctioned.parse, dict(self.legacy).values())
        dotted = [*self.factories, *dict(self.retired).values()]
        dotted += [use.qualified for use in self.connections if use.is_path]
        dotted += [layer.decorator for layer in self.layers if layer.decorator]
        return any(use.module for use in uses) or any("." in name for name in dotted)

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

    def excludes(self, path: str | os.PathLike[str]) -> bool:
        """Tell whether a file is not to be checked.

        Args:
            path: the file, absolute or relative to the working directory.
        """
        return bool(self.exclude) and self._excluded_paths.first_match(path) is not None

    def ignored_in(self, path: str | os.PathLike[str]) -> tuple[str, ...]:
        """Give the codes, or beginnings of codes, that ``per-file-ignores`` leaves out in a file.

        A pattern that begins with ``!`` is for all files that the rest of it does not match.

        Args:
            path: the file, absolute or relative to the working directory.
        """
        return tuple(
            code
            for (pattern, codes), paths in zip(
                self.selection.per_file, self._ignoring_paths, strict=True
            )
            if (paths.first_match(path) is None) is pattern.startswith("!")
            for code in codes
        )

    def level_of(self, code: str) -> Level | None:
        """Give the level that the house gives a code; of two that speak of it the longer counts.

        Args:
            code: a whole code.
        """
        found = [(len(start), level) for start, level in self.levels if code.startswith(start)]
        return max(found, key=lambda pair: pair[0], default=(0, None))[1]

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
