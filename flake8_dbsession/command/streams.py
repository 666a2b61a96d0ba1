"""Where commands write their results."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from flake8_dbsession.checking.errors import RunError


@contextmanager
def opened(file: str | None) -> Iterator[TextIO]:
    """Open what is written to, for paths and code of any encoding, as flake8 writes them.

    Args:
        file: the file's path; None for standard output.

    Raises:
        RunError: the file cannot be written.
    """
    if file is None:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
        yield sys.stdout
        return
    try:
        with open(file, "w", encoding="utf-8", errors="surrogateescape") as stream:
            yield stream
    except OSError as error:
        raise RunError(f"{file}: cannot be written: {error.strerror}") from error
