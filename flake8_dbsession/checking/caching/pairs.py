"""Texts by texts, such as stamps by paths, in a form that is read without any import."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


def together(texts: Iterable[str]) -> bytes:
    """Put texts together, none of which is empty or has a null character in it."""
    return "\0".join(texts).encode(errors="surrogateescape")


def apart(content: bytes) -> list[str]:
    """Give the texts that were put together."""
    return content.decode(errors="surrogateescape").split("\0") if content else []


def of_pairs(pairs: Mapping[str, str]) -> bytes:
    """Put texts together, each with the one that it stands by."""
    return together(text for pair in pairs.items() for text in pair)


def pairs_in(content: bytes) -> Iterator[tuple[str, str]]:
    """Give the pairs that were put together."""
    texts = iter(apart(content))
    return zip(texts, texts, strict=True)
