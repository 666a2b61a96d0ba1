"""What a way to a session is, and the place that wants one."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope
from flake8_dbsession.analysis.names.values import FunctionValue, Resource, RoleValue
from flake8_dbsession.house.work import changes, leaves_uncommitted, may_change, relies_on_commit
from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.policy.model import Style


class Reach(NamedTuple):
    """How a file gets hold of a way.

    Attributes:
        module: the module to import the way's first name from; empty where nothing is imported.
        is_beside: whether that name stands in the factory's own module, and is reached as the
            factory is.
        bind: a line that has to stand before it; empty for none.
    """

    module: str = ""
    is_beside: bool = False
    bind: str = ""


class Leaving(NamedTuple):
    """What a way does when its block ends.

    Attributes:
        commits: whether a good end commits; None where that is not known.
        rolls_back: whether an error that leaves it rolls back; None where that is not known.
        raises_again: whether every error goes on to the caller, as far as that is known.
    """

    commits: bool | None = None
    rolls_back: bool | None = None
    raises_again: bool = True


AT_HAND = Reach()
"""Nothing has to be imported or bound."""

BESIDE = Reach(is_beside=True)
"""It is reached as the factory is."""

UNKNOWN = Leaving()
"""What cannot be followed may do anything."""


class Way(NamedTuple):
    """A way by which code can get a session or connection.

    Attributes:
        expression: what is called, in the words of the file: ``self.manager.get_db_session``.
        reach: how the file gets hold of it.
        style: how it is used.
        resource: what it gives.
        is_async: whether that is asynchronous.
        leaving: what it does on leaving.
        function: the function that it is; None where it cannot be followed.
        given_by: that, or what plays the part of it where it is defined.
        is_found: whether it was found in the code, instead of being taken on trust.
        is_same: whether it is known to open what the place opens.
        is_other: whether it is known to open something else.
        may_be_other: whether that cannot be told, though both are known: of two objects of one
            class each may have a database of its own.
        missing: why it cannot be written there as things stand; empty where it can.
        is_trusted: whether the policy alone says that it is there, and is believed.
        guard: the object that it needs, where the layer has a fallback for its absence.
        unseen: the options of the place's own call that it is not seen to set.
        is_pooled: whether it takes from a pool what the place's own call opens anew.
    """

    expression: str
    reach: Reach = AT_HAND
    style: Style = Style.CONTEXT
    resource: Resource = Resource.SESSION
    is_async: bool = False
    leaving: Leaving = UNKNOWN
    function: FunctionValue | None = None
    given_by: FunctionValue | RoleValue | None = None
    is_found: bool = False
    is_same: bool = False
    is_other: bool = False
    may_be_other: bool = False
    missing: str = ""
    is_trusted: bool = False
    guard: str = ""
    unseen: tuple[str, ...] = ()
    is_pooled: bool = False

    def written(self, name: str) -> str:
        """Write out its use under a name, such as ``with get_db_session() as db:``."""
        if self.style is Style.DEPENDENCY:
            return f"{name} = Depends({self.expression})"
        if self.style is Style.REQUEST:
            return f"{name} = {self.expression}()"
        return f"{'async with' if self.is_async else 'with'} {self.expression}() as {name}:"


class OpeningPlace(NamedTuple):
    """Where code gets a session or connection by hand.

    Attributes:
        known: what it gets.
        scope: the scope it stands in.
        name: the name that it is to have.
        factory: what is called for it, or the engine of a session class; None where that is not
            written there.
        opened: what it opens, and what follows what is done by that; None where it opens nothing.
        is_special: whether it opens what only it can: with arguments of its own, or from a factory
            that is made or chosen on the spot.
    """

    known: RoleValue
    scope: Scope
    name: str = "db"
    factory: ast.expr | None = None
    opened: tuple[Acquisition, Inference] | None = None
    is_special: bool = False

    @property
    def connect(self) -> ast.Call | None:
        """The driver's own call, where that is what opens there."""
        return self.factory if isinstance(self.factory, ast.Call) else None

    @property
    def needs_commit(self) -> bool:
        """Whether the code relies on a block's end to commit."""
        return self.opened is not None and relies_on_commit(*self.opened)

    @property
    def leaves(self) -> bool | None:
        """Whether the code can end well with changes left uncommitted; None for not known."""
        return leaves_uncommitted(*self.opened) if self.opened is not None else None

    @property
    def writes(self) -> bool | None:
        """Whether the code changes data; None where that is not known."""
        if self.opened is None:
            return None
        if changes(*self.opened):
            return True
        return None if may_change(*self.opened) else False
