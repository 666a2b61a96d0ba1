"""What a stream is written to, where that is a terminal."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO


def wants_colour(stream: TextIO) -> bool:
    """Tell whether a text is coloured: https://no-color.org and https://force-color.org."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or stream.isatty()


def is_plain(stream: TextIO) -> bool:
    """Tell whether a text is written without colour and without the code that it speaks of."""
    return not stream.isatty() and not wants_colour(stream)
