"""What was found in a repository."""

from __future__ import annotations

from dataclasses import dataclass, field

from flake8_dbsession.analysis.names.values import Resource, Role


@dataclass(frozen=True, slots=True)
class Giver:
    """What hands out sessions or connections: a factory, provider, dependency, lender or accessor.

    Attributes:
        path: the file that defines it, relative to the repository's root.
        name: its name, without its class.
        role: the part that it plays.
        resource: what it hands out.
        is_async: whether that is asynchronous.
        cls: the class whose method it is; empty for none.
        is_deprecated: whether its docstring calls it deprecated, retired or obsolete.
        needs_arguments: whether it cannot be called without any.
        commits: whether the end of its block commits.
        library: the package that opens what it hands out; empty where that is not known.
        goes_wrong: whether it may give None in the place of it, or yield again after an error.
        makers: marks of what it opens from, which only those of one file share; none where that is
            not known.
        engines: marks of the engines behind those.
    """

    path: str
    name: str
    role: Role
    resource: Resource
    is_async: bool
    cls: str
    is_deprecated: bool
    needs_arguments: bool = False
    commits: bool = False
    library: str = ""
    goes_wrong: bool = False
    makers: frozenset[int] = field(default=frozenset(), compare=False)
    engines: frozenset[int] = field(default=frozenset(), compare=False)

    @property
    def is_method(self) -> bool:
        """Whether it is reached through an object."""
        return bool(self.cls)

    @property
    def gives_connections(self) -> bool:
        """Whether it is a provider of plain connections."""
        return self.role is Role.PROVIDER and self.resource is Resource.CONNECTION

    def opens_another(self, other: Giver) -> bool:
        """Tell whether this is seen to open another database than one of the same file."""
        if self.engines and other.engines:
            return not self.engines & other.engines
        return bool(self.makers and other.makers) and not self.makers & other.makers

    def serves(self, factory: Giver) -> bool:
        """Tell whether this may be the provider of a factory's sessions."""
        is_kind = self.role is Role.PROVIDER and self.resource is Resource.SESSION
        is_seen = self.path == factory.path and bool(self.makers and factory.makers)
        is_other = is_seen and not self.makers & factory.makers
        is_sound = is_kind and not self.goes_wrong
        return is_sound and self.is_async == factory.is_async and not is_other


@dataclass(frozen=True, slots=True)
class Use:
    """A place where code gets a session or connection from a giver.

    Attributes:
        path: the file, relative to the root.
        giver: what gives it; None where that lies outside of the repository.
        written: the giver as it is written, such as ``self.db.get_connection``.
        qualified: its name with imports and assignments followed, such as
            ``core.database.get_db``.
        missing: the object whose absence the place is reached under, as in the ``else`` of
            ``if self.manager:``; empty for none.
    """

    path: str
    giver: Giver | None
    written: str
    qualified: str
    missing: str


@dataclass(frozen=True, slots=True)
class FileSurvey:
    """What was found in one file.

    Attributes:
        path: the file, relative to the root.
        is_test: whether it is a test, by its path.
        givers: what it defines.
        uses: where it gets sessions and connections from givers.
        raw: how it opens sessions and connections by hand: the kind of callable, and its library.
        frameworks: the web frameworks that its request handlers are registered with.
        modules: the repository's files that it imports.
        spellings: the repository's files that it imports by absolute names, each with that name.
        engines: the calls that make engines in it, each with its line.
        is_deprecated: whether its docstring calls the module deprecated, retired or obsolete.
        registries: the registries of sessions that it makes, such as ``db.session``.
    """

    path: str
    is_test: bool
    givers: tuple[Giver, ...]
    uses: tuple[Use, ...]
    raw: tuple[tuple[Role, Resource, str], ...]
    frameworks: tuple[str, ...]
    modules: frozenset[str]
    is_deprecated: bool
    spellings: tuple[tuple[str, str], ...] = ()
    engines: tuple[tuple[int, str], ...] = ()
    registries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found in a repository.

    Attributes:
        files: its files that have to do with sessions, connections or requests.
        paths: all its Python files, relative to the root.
        unread: the files that could not be read, each with the reason.
    """

    files: tuple[FileSurvey, ...]
    paths: tuple[str, ...]
    unread: tuple[tuple[str, str], ...]
