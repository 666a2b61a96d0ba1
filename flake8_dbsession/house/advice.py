"""The advice for a place: the best way that can be used there, in the words of the file."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition
from flake8_dbsession.analysis.facts.acquisition.openings import Opening
from flake8_dbsession.analysis.library.drivers import BlockEnd, driver_of
from flake8_dbsession.analysis.names.inference import Inference, bound_to
from flake8_dbsession.analysis.names.values import Resource, Role
from flake8_dbsession.analysis.names.versions import sqlalchemy_of
from flake8_dbsession.house.house import House
from flake8_dbsession.house.identity import database_told
from flake8_dbsession.house.model import OpeningPlace, Way
from flake8_dbsession.house.work import (
    commits_itself,
    has_arguments,
    is_chosen_here,
    is_made_here,
)
from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.policy.model import Style

# docs.sqlalchemy.org/en/14/changelog/changelog_14.html
SESSIONS_ENTER_SINCE = (1, 4)


class Advice(NamedTuple):
    """What to write instead of opening something by hand.

    Attributes:
        way: the way; None where the house has none, and the opening's own block is the best.
        code: the code; words where the policy says in words what to do.
        given: the parameter by which the function has such a session already, which is to be used;
            empty for none.
        committing: what commits by itself, and that one does not; empty for nothing.
    """

    way: Way | None
    code: str
    given: str = ""
    committing: str = ""

    @property
    def words(self) -> str:
        """The advice as a message has it: what is injected as a parameter, a line before it."""
        if self.given:
            ending = f", and see that it is committed, as `{self.committing}` does by itself"
            return f"`{self.given}`, which the function was given{ending * bool(self.committing)}"
        if self.way is None and not is_block(self.code):
            return self.code if " " in self.code else f"`{self.code}`"
        if self.way is not None and self.way.style is Style.DEPENDENCY:
            return f"the parameter `{self.code}`"
        if self.way is not None and self.way.reach.bind:
            return f"`{self.code}` after `{self.way.reach.bind}`"
        return f"`{self.code}`"


def place_of(acquisition: Acquisition, inference: Inference) -> OpeningPlace:
    """Tell what an acquisition wants of a way.

    Args:
        acquisition: what is opened by hand.
        inference: follows what is done by it.
    """
    return OpeningPlace(
        acquisition.known,
        acquisition.scope,
        acquisition.local_name,
        factory_of(acquisition),
        opened=(acquisition, inference),
        is_special=any(
            is_so(acquisition) for is_so in (has_arguments, is_made_here, is_chosen_here)
        ),
    )


def factory_of(acquisition: Acquisition) -> ast.expr | None:
    """Give what an acquisition opens from: its factory, or the engine of a session class.

    For a driver's own connect function it is the call.
    """
    call = acquisition.node
    if acquisition.known.source is Role.SESSION_CLASS:
        return bound_to(call)
    callee = call.func
    if acquisition.known.source is Role.CONNECT and acquisition.known.home is None:
        return call  # its argument tells the database
    if isinstance(callee, ast.Attribute) and callee.attr == "begin":
        return callee.value
    return callee


def advice_for(acquisition: Acquisition, house: House) -> Advice:
    """Advise what to write instead of an acquisition.

    Args:
        acquisition: what is opened by hand.
        house: the ways of its file.
    """
    place = place_of(acquisition, house.inference)
    way = choice_at(place, house).way
    return (
        Advice(way, way.written(place.name))
        if way is not None
        else advice_of_own_block(acquisition, house.inference)
    )


def advice_of_own_block(acquisition: Acquisition, inference: Inference) -> Advice:
    """Advise the block of what is opened itself, which closes it.

    Args:
        acquisition: what is opened.
        inference: its project tells which SQLAlchemy it is for.
    """
    keyword = "async with" if acquisition.known.is_async else "with"
    entered = acquisition.block
    if has_no_block(acquisition, inference):
        entered = f"closing({entered})"
    return Advice(None, f"{keyword} {entered} as {acquisition.local_name}:")


def has_no_block(acquisition: Acquisition, inference: Inference) -> bool:
    """Tell whether a session is of a SQLAlchemy in which it was no context manager yet."""
    if acquisition.known.resource is not Resource.SESSION:
        return False
    allowed = sqlalchemy_of([acquisition.scope], inference.project)
    return allowed.are_below(*SESSIONS_ENTER_SINCE)


def closes_by_its_block(acquisition: Acquisition, inference: Inference) -> bool:
    """Tell whether a connection's own block is what closes it best, or else ``closing``.

    Args:
        acquisition: what opens the connection.
        inference: follows what is done by it.

    Returns:
        False where its block leaves it open, and where that would commit besides, though the code
        says by itself when to commit.
    """
    known = acquisition.known
    block = driver_of(known.library).block
    if known.name.endswith(".raw_connection") or BlockEnd.CLOSES not in block:
        return False
    return BlockEnd.COMMITS not in block or not commits_itself(acquisition, inference)


def advice_beside(opening: Opening) -> Advice:
    """Advise to use the session that the function was given instead of another one."""
    committing = opening.text if opening.is_committed else ""
    return Advice(None, opening.given, opening.given, committing)


def connection_words(way: Way, place: OpeningPlace, name: str) -> str:
    """Advise a way to connections, with what it takes to lose nothing by it.

    Args:
        way: the way.
        place: where a connection is opened by hand.
        name: what it is called there.

    Returns:
        The code between backticks; the condition that it opens the same database, where that is not
        known; the options of a driver's own call that it is not seen to set.
    """
    words = f"`{way.written(name)}`"
    call = place.connect
    if call is None:
        return words
    if not way.is_same:
        told = database_told(call)
        database = f"`{ast.unparse(told)}`" if told is not None else "this"
        words += f" where {database} is its database"
    if way.unseen:
        options = " and ".join(f"`{option}`" for option in way.unseen)
        words += f"{', which' if way.is_same else '; it'} is not seen to set {options}"
    return words


class Choice(NamedTuple):
    """The way that is to be used at a place.

    Attributes:
        way: the way; None where there is none.
        misfit: why the way that the policy names does not fit there; empty where none is named.
    """

    way: Way | None
    misfit: str = ""


def choice_at(place: OpeningPlace, house: House, replacement: str | None = None) -> Choice:
    """Choose the way for a place, which message and fix have in common.

    Args:
        place: where something is opened by hand.
        house: the ways of its file.
        replacement: what the policy has in the place of a legacy accessor; None for another call.
    """
    if replacement is None:
        return Choice(house.best(place))
    way = house.instead(replacement, place)
    misfit = house.obstacle(way, place) if way is not None else ""
    return Choice(None, misfit) if misfit else Choice(way)


def advice_instead(replacement: str, place: OpeningPlace, house: House) -> Advice:
    """Advise what the policy has in the place of a legacy accessor.

    Args:
        replacement: the policy's words: code, or a sentence.
        place: where the accessor is called.
        house: the ways of its file.
    """
    way, misfit = choice_at(place, house, replacement)
    if way is not None:
        return Advice(way, way.written(place.name))
    if misfit:
        return Advice(None, f"`{replacement}`, which does not fit here: {misfit}")
    return Advice(None, house.said_instead(replacement))


def is_block(code: str) -> bool:
    """Tell whether advised code is a block to open."""
    return code.startswith(("with ", "async with "))
