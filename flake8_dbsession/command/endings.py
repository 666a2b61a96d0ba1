"""How a command ends that cannot go on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flake8_dbsession.checking.errors import RunError
from flake8_dbsession.command.adoption import aloud
from flake8_dbsession.escaping import visible
from flake8_dbsession.output.streams import written_out
from flake8_dbsession.policy.errors import PolicyError

_WRONG_USE = 2
_INTERRUPTED = 130  # as shells have it


@contextmanager
def to_the_end() -> Iterator[None]:
    """See that what a command prints arrives, and end it in one line where something stops it."""
    try:
        with written_out():
            yield
    except (PolicyError, RunError) as error:
        aloud(f"Error: {visible(str(error))}")
        raise SystemExit(_WRONG_USE) from error
    except KeyboardInterrupt:
        aloud("Interrupted")
        raise SystemExit(_INTERRUPTED) from None
