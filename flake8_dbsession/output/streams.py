"""Where results are written."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from flake8_dbsession.checking.errors import RunError
from flake8_dbsession.writing import write_out

_UNWRITTEN = frozenset({errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
_CANNOT_WRITE = 2
_NOBODY_READS = 141  # as shells have it of a program that writes to a closed pipe


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
    stream = io.StringIO()
    yield stream
    try:
        write_out(file, stream.getvalue().encode(errors="surrogateescape"))
    except OSError as error:
        raise RunError(f"{file}: cannot be written: {error.strerror}") from error


@contextmanager
def written_out() -> Iterator[None]:
    """See that what a command prints arrives, and end it in one line where it does not.

    Where a pipe was closed by who reads it, such as ``head``, it ends without a word.
    """
    if sys.stdout is None:  # as Python has it where a program is started without one
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except OSError as error:
        raise SystemExit(unwritten(error)) from None


def unwritten(error: OSError) -> int:
    """Let go of what standard output does not take, and give the exit code.

    Raises:
        OSError: the error is another.
    """
    if error.errno not in _UNWRITTEN or error.filename is not None:
        raise error
    _let_go(sys.stdout)
    return _said(error)


def _said(error: OSError) -> int:
    """Say that standard output cannot be written, and give the exit code."""
    if error.errno == errno.EPIPE:
        return _NOBODY_READS
    print(f"Error: standard output cannot be written: {error.strerror}", file=sys.stderr)
    return _CANNOT_WRITE


def _let_go(stream: TextIO) -> None:
    """Send to nowhere what is left in a stream, which Python writes out when it ends."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
