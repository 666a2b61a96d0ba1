"""A short hash by which one content is told from another."""

from __future__ import annotations


def digest(content: bytes) -> str:
    """Give a hash of a content, in hexadecimal digits."""
    from hashlib import blake2b  # takes milliseconds to import, and most runs of flake8 need none

    return blake2b(content, digest_size=16).hexdigest()


def digest_of(path: str) -> str:
    """Give a hash of a file's content; an empty text for a folder, and for what cannot be read."""
    try:
        with open(path, "rb") as file:
            return digest(file.read())
    except OSError:
        return ""
