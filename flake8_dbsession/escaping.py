"""Text as it is shown: nothing in a name or a message can steer a terminal or begin a line."""

from __future__ import annotations

from flake8_dbsession.patterns import regex

# Control characters, the ends of lines and paragraphs, and what turns the direction of writing.
_UNSEEN = regex("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    """Spell out the characters of a text that are not seen, such as a line end as ``\\n``."""
    return text if text.isprintable() else _UNSEEN.sub(lambda found: ascii(found[0])[1:-1], text)


def line_of(text: str) -> str:
    """Give a text that begins with a path as a line of a report, without its end.

    Where it begins like a command to a CI service, such as ``::error``, ``./`` comes before it.
    """
    return visible(f"./{text}" if text.startswith((":", "#")) else text)
