"""Which acquisitions of a code base are sanctioned, and which are still by hand."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, partial
from itertools import chain
from typing import TypeAlias

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition, Holder
from flake8_dbsession.analysis.facts.acquisition.driven import DrivenDependency
from flake8_dbsession.analysis.facts.acquisition.provisions import Provision
from flake8_dbsession.analysis.names.dotted import module_names
from flake8_dbsession.analysis.names.values import Role
from flake8_dbsession.analysis.nodes import start_of
from flake8_dbsession.checking.files.sources import UnreadError, read
from flake8_dbsession.checking.running.workers import spread
from flake8_dbsession.linter import Linter, PreparedFile, Settings
from flake8_dbsession.migration.model import NO_LAYER, FileState, Migration, UnmigratedPlace
from flake8_dbsession.policy.errors import PolicyError
from flake8_dbsession.policy.model import Policy, Style
from flake8_dbsession.rules.context import quoted
from flake8_dbsession.rules.fallback import is_fallback

Position: TypeAlias = tuple[int, int]
"""A line, and a column in UTF-8 bytes."""

Looked: TypeAlias = tuple[str, FileState | UnreadError | None]
"""A file, and its state as far as it has one."""

# The codes that stand at an acquisition and ask for another way to the session.
_BY_HAND = frozenset(
    {
        *("DBS101", "DBS102", "DBS103", "DBS104", "DBS105", "DBS107"),
        *("DBS201", "DBS202", "DBS203", "DBS204", "DBS205"),
        *("DBS302", "DBS303", "DBS304"),
        *("DBS401", "DBS403"),
        *("DBS601", "DBS602", "DBS603", "DBS605", "DBS608", "DBS609"),
    }
)
_RETIRED = "DBS106"
OTHERWISE = "got in another way"
"""The cause of what is neither held by anything nor given by what is known."""


def migration_of(
    files: Sequence[str],
    settings: Settings,
    *,
    policy: Policy | None = None,
    jobs: int = 1,
    track: Callable[[Iterator[Looked], int], Iterable[Looked]] = lambda results, total: results,
) -> Migration:
    """Count the acquisitions of a code base.

    Args:
        files: the files to look at.
        settings: the settings of the linter.
        policy: the policy of every file; None for those that are named or found.
        jobs: how many processes may look.
        track: sees each result pass, given how many there will be.

    Returns:
        The state of each file that gets a session outside of tests and owners, or in which
        anything is reported.

    Raises:
        PolicyError: a policy cannot be used.
    """
    states: list[FileState] = []
    unread: list[tuple[str, str]] = []
    results = chain.from_iterable(spread(partial(_states, settings, policy), files, jobs))
    for path, state in track(results, len(files)):
        if isinstance(state, UnreadError):
            unread.append((path, str(state)))
        elif state is not None:
            states.append(state)
    states.sort(key=lambda state: state.path)
    return Migration(tuple(states), tuple(sorted(unread)))


def _states(settings: Settings, policy: Policy | None) -> Callable[[list[str]], list[Looked]]:
    """Make what finds the states of some files at a time."""
    linter = Linter(settings, policy)
    return lambda files: [(path, _state_of(path, linter)) for path in files]


def _state_of(path: str, linter: Linter) -> FileState | UnreadError | None:
    """Give a file's state; None for a test, and for one that has nothing to do with sessions."""
    try:
        prepared = linter.prepare(path, *read(path))
    except UnreadError as error:
        return error
    if isinstance(prepared, PolicyError):
        raise prepared
    if prepared is None or prepared.context.is_test:
        return None
    count = _Count(prepared)
    patterns, unjudged = Counter(count.patterns()), Counter(count.unjudged())
    codes = Counter(violation.code for violation in count.violations)
    if not (patterns or unjudged or codes):
        return None
    layer = prepared.context.layer
    return FileState(
        path=path,
        layer=layer.name if layer else NO_LAYER,
        patterns=tuple(sorted(patterns.items())),
        by_hand=tuple(place for _, place in sorted(count.places.items())),
        unjudged=tuple(sorted(unjudged.items())),
        codes=tuple(sorted(codes.items())),
    )


class _Count:
    """The acquisitions of one file.

    Args:
        prepared: the file with its rules.

    Attributes:
        violations: what is reported in it, by position.
    """

    def __init__(self, prepared: PreparedFile) -> None:
        self._context = prepared.context
        found = [violation for violation, _ in prepared.violations()]
        self.violations = sorted(found, key=lambda v: (v.line, v.column, v.code))

    @cached_property
    def places(self) -> dict[Position, UnmigratedPlace]:
        """The acquisitions by hand: what is reported as such, and what asks a retired provider."""
        found = {
            start_of(provision.node): self._place(start_of(provision.node), [], message)
            for provision, message in self._retired()
        }
        for violation in self.violations:
            at = violation.line, violation.column
            if violation.code in _BY_HAND and at not in found:
                codes = [v.code for v in self.violations if (v.line, v.column) == at]
                found[at] = self._place(at, codes, violation.message)
        return found

    def patterns(self) -> Iterator[str]:
        """Give the pattern of each acquisition that the standard allows."""
        for provision in self._provisions():
            if provision.is_entered:
                yield _pattern(provision)
        for acquisition in self._raw():
            if self._is_allowed(acquisition):
                yield self._written(acquisition)

    def unjudged(self) -> Iterator[str]:
        """Give what opens each session of which the standard says nothing."""
        for provision in self._provisions():
            if not provision.is_entered:
                yield f"{_name(provision)}() outside of a with block"
        for acquisition in self._raw():
            if not self._is_allowed(acquisition):
                yield self._written(acquisition)

    def _written(self, acquisition: Acquisition) -> str:
        """Spell an acquisition without its arguments, with the block that closes it."""
        call = f"{ast.unparse(acquisition.node.func)}()"
        if acquisition.holder is not Holder.BLOCK:
            return call
        around = self._context.file.tree.parent(acquisition.node)
        if isinstance(around, ast.Call):
            call = f"{ast.unparse(around.func)}({call})"
        return f"{'async with' if acquisition.known.is_async else 'with'} {call}"

    def _place(self, at: Position, codes: list[str], message: str) -> UnmigratedPlace:
        line, column = at
        text = self._context.file.module.text.split("\n")[line - 1]
        characters = len(text.encode()[:column].decode(errors="ignore"))
        shown = tuple(dict.fromkeys(codes or [_RETIRED]))
        return UnmigratedPlace(
            line, characters + 1, shown, message, self._causes.get(at, OTHERWISE)
        )

    @cached_property
    def _causes(self) -> dict[Position, str]:
        """What holds each acquisition, or gives it, in the words of a report."""
        file = self._context.file
        driven = {start_of(each.node) for each in file.facts(DrivenDependency)}
        retired = {start_of(provision.node) for provision, _ in self._retired()}
        return {
            **dict.fromkeys(driven, "taken out of a dependency by hand"),
            **dict.fromkeys(retired, "given by what is retired"),
            **{
                start_of(each.node): f"held by {each.holder.words}"
                for each in file.facts(Acquisition)
            },
        }

    def _provisions(self) -> Iterator[Provision]:
        """Give where the file is given sessions and connections in ways that the standard means."""
        for provision in self._context.file.facts(Provision):
            if self._is_counted(provision) and self._is_sanctioned(provision):
                yield provision

    def _raw(self) -> Iterator[Acquisition]:
        """Give what is opened without a provider, and not reported."""
        for acquisition in self._context.file.facts(Acquisition):
            if self._is_counted(acquisition):
                yield acquisition

    def _is_counted(self, fact: Provision | Acquisition) -> bool:
        """Tell whether a fact stands outside of owners, and is not by hand."""
        return start_of(fact.node) not in self.places and not self._context.may_open(
            fact.scope, fact.known
        )

    def _is_sanctioned(self, provision: Provision) -> bool:
        """Tell whether the standard means this way: a lender's only where a layer names it."""
        if provision.known.role is not Role.LENDER:
            return True
        return any(
            layer.style is Style.REQUEST
            and any(use.expression.rpartition(".")[2] == provision.known.name for use in layer.uses)
            for layer in self._context.layers
        )

    def _is_allowed(self, acquisition: Acquisition) -> bool:
        """Tell whether it may be opened so: in the block that is advised, or the layer's fallback.

        An accessor's block is advised where there is no provider to use instead.
        """
        if is_fallback(acquisition.node, acquisition.scope, self._context):
            return True
        if acquisition.holder is not Holder.BLOCK:
            return False
        is_accessor = acquisition.known.source is Role.ACCESSOR
        return not (is_accessor and self._context.has_provider(acquisition))

    def _retired(self) -> Iterator[tuple[Provision, str]]:
        """Find the provisions of providers and dependencies that the policy retires."""
        root = self._context.file.inference.project.root
        for provision in self._context.file.facts(Provision):
            known = provision.known
            if known.home is None or self._context.may_open(provision.scope, known):
                continue
            for module in module_names(known.home.module.path, root):
                retired = self._context.policy.retired_replacement(f"{module}.{known.name}")
                if retired is not None:
                    name, replacement = retired
                    yield provision, f"`{name}` is retired; use {quoted(replacement)}"
                    break


def _pattern(provision: Provision) -> str:
    """Spell how a provision gets its session."""
    match provision.known.role:
        case Role.DEPENDENCY:
            return f"Depends({_name(provision)})"
        case Role.PROVIDER:
            return f"with {_name(provision)}()"
    return f"{_name(provision)}()"


def _name(provision: Provision) -> str:
    return provision.names[0] if provision.names else provision.known.name
