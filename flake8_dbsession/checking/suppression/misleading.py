"""Comments that look as if they hid a violation of this tool, and hide something else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from flake8_dbsession.patterns import regex
from flake8_dbsession.reading import read_file

# A comment that names a rule where flake8 wants a code, and so takes it for a blanket one.
_NAMED_RULE = regex(rb"#\s*noqa\s*:\s*([a-z][a-z0-9]*(?:-[a-z0-9]+)+)", re.IGNORECASE)

# A comment for the whole file that names codes, which flake8 does not read there.
_FILE_WIDE = regex(rb"^\s*(# flake8[:=]\s*noqa\s*:[^\r\n]*DBS\d[^\r\n]*)", re.I | re.MULTILINE)

_OF_LINE = "hides every code on its line, for flake8 knows no rule's name there; write the code"
_OF_FILE = (
    "hides every code of its file, or none, as flake8's version has it, for flake8 reads no codes "
    "there; use `per-file-ignores`"
)


def misleading(files: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """Find the comments that name rules or codes of this tool where flake8 reads none.

    Args:
        files: the files to look through; what cannot be read is passed over.

    Yields:
        The place, as ``path:line``, the comment, and what it does.
    """
    for path in files:
        try:
            content = read_file(path)
        except OSError:
            continue
        for found in _NAMED_RULE.finditer(content) if b"noqa" in content else ():
            if _is_of_rule(found[1].decode()):
                line = content.count(b"\n", 0, found.start()) + 1
                yield f"{path}:{line}", found[0].decode(), _OF_LINE
        for found in _FILE_WIDE.finditer(content) if b"flake8" in content else ():
            line = content.count(b"\n", 0, found.start(1)) + 1
            yield f"{path}:{line}", found[1].decode(errors="replace").rstrip(), _OF_FILE


def _is_of_rule(name: str) -> bool:
    from flake8_dbsession.rules.pages import known_codes

    return name in known_codes()
