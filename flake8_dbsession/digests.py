"""A short hash by which one content is told from another."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def digest_of_texts(texts: Iterable[str]) -> str:
    """Give a hash of some texts together, among them paths that cannot be decoded."""
    return digest("\0".join(texts).encode(errors="surrogateescape"))


def digest(content: bytes) -> str:
    """Give a hash of a content, in hexadecimal digits."""
    try:  # where hashlib has it from, which loads OpenSSL besides: that takes milliseconds
        from _blake2 import blake2b
    except ImportError:
        from hashlib import blake2b

    return blake2b(content, digest_size=16).hexdigest()
