"""Answers that are kept with what they are about, so that each question is asked once."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar


class _HasMemory(Protocol):
    memory: dict[object, Any]


Subject = TypeVar("Subject", bound=_HasMemory)
Rest = ParamSpec("Rest")
Answer = TypeVar("Answer")


def remembered(
    ask: Callable[Concatenate[Subject, Rest], Answer],
) -> Callable[Concatenate[Subject, Rest], Answer]:
    """Make a function keep its answers in the memory of its first argument, a scope or a project.

    What is asked of a function for each session opened in it is read from its code once; else the
    time for a function that opens a thousand would grow with the square of that.

    Args:
        ask: the function. Its positional arguments make the question, and can be hashed; those by
            keyword are what it answers with, and make no difference to the answer.

    Returns:
        The function, which asks once for the same question.
    """

    @wraps(ask)
    def answer(subject: Subject, /, *args: Rest.args, **kwargs: Rest.kwargs) -> Answer:
        question = (ask, *args)
        if question not in subject.memory:
            subject.memory[question] = ask(subject, *args, **kwargs)
        return subject.memory[question]  # type: ignore[no-any-return]

    return answer
