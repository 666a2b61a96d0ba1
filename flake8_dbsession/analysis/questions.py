"""Questions about code, each answered once, and the same whichever is asked first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flake8_dbsession.named_tuples import NamedTuple

Answer = TypeVar("Answer")

_DEEPEST = 40  # questions inside one another; real code asks fewer than ten
_NONE_OPEN = _DEEPEST  # deeper than any question
_MOST_ROUNDS = 8  # to a fixed point; an answer grows by a few words at most
_BOTTOMLESS = -1  # above every question: an answer that was given up rests on all that are open


class _Unsettled(NamedTuple):
    """An answer that holds only while a question is open.

    Attributes:
        answer: the answer.
        rests_on: how deep that question lies, counted from 0.
    """

    answer: Any
    rests_on: int


class Questions:
    """Answers questions that may lead back to themselves, as an import cycle makes them do.

    Inside itself a question has no answer. What was concluded from that is forgotten when the
    question is closed: kept longer, it would depend on where in the cycle was asked first.
    """

    def __init__(self) -> None:
        self._depth = 0
        self._rests_on = _NONE_OPEN
        self._unsettled: list[tuple[dict[object, Any], object]] = []

    def ask(
        self,
        memory: dict[object, Any],
        question: object,
        answer: Callable[[], Answer],
        unknown: Answer,
        *,
        fixed_point: bool = False,
        given_up: Answer | None = None,
    ) -> Answer:
        """Ask a question.

        Args:
            memory: where its answer is kept.
            question: what tells it from the others that are kept there.
            answer: finds the answer, by other questions.
            unknown: the answer that it has inside itself.
            fixed_point: whether one that leads back to itself is asked again with its own answer
                inside, until that stays the same.
            given_up: the answer where it lies too deep, or comes to no fixed point; None for
                ``unknown``, or the last one.

        Returns:
            The answer.
        """
        if question in memory:
            return self._kept(memory[question])  # type: ignore[no-any-return]
        if self._depth >= _DEEPEST:
            self._rests_on = _BOTTOMLESS
            return unknown if given_up is None else given_up
        around, first = self._rests_on, len(self._unsettled)
        found, rests_on = self._find(memory, question, answer, unknown, first)
        if fixed_point and rests_on == self._depth:
            found, rests_on = self._settled(
                lambda assumed: self._find(memory, question, answer, assumed, first),
                found,
                given_up,
            )
        self._rests_on = around
        if rests_on >= self._depth:
            memory[question] = found
        elif self._depth:
            memory[question] = _Unsettled(found, rests_on)
            self._unsettled.append((memory, question))
            self._rests_on = min(rests_on, around)
        return found

    def _settled(
        self,
        find: Callable[[Answer], tuple[Answer, int]],
        found: Answer,
        given_up: Answer | None,
    ) -> tuple[Answer, int]:
        """Find an answer again with the last one inside, until that stays the same."""
        for _ in range(_MOST_ROUNDS):
            before = found
            found, rests_on = find(before)
            if found == before or rests_on != self._depth:
                return found, rests_on
        return found if given_up is None else given_up, self._depth

    def _find(
        self,
        memory: dict[object, Any],
        question: object,
        answer: Callable[[], Answer],
        assumed: Answer,
        first: int,
    ) -> tuple[Answer, int]:
        """Find an answer, and how deep the question lies that it rests on."""
        memory[question] = _Unsettled(assumed, self._depth)
        self._rests_on = _NONE_OPEN
        self._depth += 1
        try:
            found = answer()
        finally:
            self._depth -= 1
            del memory[question]
            if len(self._unsettled) > first:
                self._forget(first)
        return found, self._rests_on

    def _kept(self, kept: Any) -> Any:
        if isinstance(kept, _Unsettled):
            self._rests_on = min(self._rests_on, kept.rests_on)
            return kept.answer
        return kept

    def _forget(self, first: int) -> None:
        """Forget what rests on the question that was just closed, or on one inside it."""
        resting, self._unsettled[first:] = self._unsettled[first:], []
        for memory, question in resting:
            if memory[question].rests_on >= self._depth or not self._depth:
                del memory[question]
            else:
                self._unsettled.append((memory, question))
