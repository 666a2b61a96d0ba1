"""What is open in the editor, read in the place of what lies on disk."""

from __future__ import annotations

import errno
import io
import os
import tokenize
from collections.abc import Callable, Mapping
from itertools import count

from flake8_dbsession.checking.caching.stamps import Stamp, stamp
from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.reading import LARGEST, Sources


class AbandonedError(BaseException):
    """Nobody waits for a result any more; no rule that breaks is to catch it."""


class Buffer(NamedTuple):
    """A text that is open.

    Attributes:
        uri: the document, as the editor names it.
        version: the editor's count of its versions; None where it does not count.
        text: the text, with the line ends that the editor gave it.
        content: the bytes that a file of this text has.
        state: a number that no other state of any text has.
    """

    uri: str
    version: int | None
    text: str
    content: bytes
    state: int


Texts = Mapping[str, Buffer]
"""The open texts by absolute path."""


class Buffers:
    """The open texts. Each change makes a new mapping: one that is handed out stays as it is."""

    def __init__(self) -> None:
        self.texts: Texts = {}
        self._states = count(1)

    def put(self, path: str, uri: str, version: int | None, text: str) -> Buffer:
        """Keep a text that was opened or changed."""
        buffer = Buffer(uri, version, text, _encoded(text), next(self._states))
        self.texts = {**self.texts, path: buffer}
        return buffer

    def drop(self, path: str) -> None:
        """Forget a text that was closed."""
        self.texts = {each: buffer for each, buffer in self.texts.items() if each != path}


class Shown(Sources):
    """The code as the editor shows it: of files that are open their text, of others the disk's."""

    def __init__(self) -> None:
        self._texts: Texts = {}
        self._is_abandoned: Callable[[], bool] = bool

    def show(self, texts: Texts, is_abandoned: Callable[[], bool]) -> None:
        """Begin a piece of work.

        Args:
            texts: the open texts that it is to see.
            is_abandoned: tells whether nobody waits for its result any more.
        """
        self._texts = texts
        self._is_abandoned = is_abandoned

    def states(self, but: str) -> dict[str, int]:
        """Give the state of each open text but one."""
        return {path: buffer.state for path, buffer in self._texts.items() if path != but}

    def read_with_status(
        self, path: str | os.PathLike[str], *, most: int = LARGEST, links: bool = True
    ) -> tuple[bytes, os.stat_result | None]:
        """Read a file of code.

        Raises:
            OSError: as ``read_file`` raises it.
            AbandonedError: nobody waits for it.
        """
        if self._is_abandoned():
            raise AbandonedError
        buffer = self._texts.get(os.fspath(path))
        if buffer is None:
            return super().read_with_status(path, most=most, links=links)
        if len(buffer.content) > most:
            raise OSError(errno.EFBIG, f"is larger than {most} bytes", os.fspath(path))
        return buffer.content, None

    def stamp(self, path: str) -> Stamp | int | None:
        """Give what tells one state of a file or folder from another; None where there is none."""
        buffer = self._texts.get(path)
        return stamp(path) if buffer is None else buffer.state


def _encoded(text: str) -> bytes:
    """Give the bytes of a text in the encoding that it names, as the editor would save it."""
    content = text.encode("utf-8", "surrogatepass")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        return content if encoding == "utf-8" else text.encode(encoding)
    except (SyntaxError, UnicodeError, LookupError):
        return content  # the check says what is wrong with it
