"""A file's bytes as text, and back: encoding, byte order mark and line ends are kept."""

from __future__ import annotations

import io
import tokenize
from dataclasses import dataclass


class UnreadableError(Exception):
    """A file's bytes cannot be read as Python source, or not be written back as they were."""


@dataclass(frozen=True, slots=True)
class Text:
    """A file's text with all that its bytes say besides.

    Attributes:
        content: the text, its line ends as they are in the file.
        encoding: the encoding, as ``tokenize`` names it; ``utf-8-sig`` for one with a mark.
    """

    content: str
    encoding: str

    @property
    def source(self) -> str:
        """The text with ``\\n`` line ends, as the linter takes it."""
        return self.content.replace("\r\n", "\n").replace("\r", "\n")

    def encode(self) -> bytes:
        """Give the bytes of the text.

        Raises:
            UnreadableError: the encoding has no bytes for a character.
        """
        try:
            return self.content.encode(self.encoding)
        except UnicodeError as error:
            raise UnreadableError(
                f"the file's encoding cannot hold the new text: {error}"
            ) from error


def decode(data: bytes) -> Text:
    """Read a file's bytes.

    Args:
        data: the bytes.

    Returns:
        Their text.

    Raises:
        UnreadableError: the bytes are no text in the encoding that they declare, or that text would
            not give the same bytes again.
    """
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = Text(data.decode(encoding), encoding)
    except (SyntaxError, UnicodeError, LookupError) as error:
        raise UnreadableError(f"cannot be decoded: {error}") from error
    if text.encode() != data:
        raise UnreadableError(f"does not survive being read and written in {encoding}")
    return text
