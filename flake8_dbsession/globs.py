"""gitignore's patterns, matched in a time that no pattern can blow up.

Their form: https://git-scm.com/docs/gitignore#_pattern_format
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import count, groupby

from flake8_dbsession.named_tuples import NamedTuple

_ANY_DEPTH = "**"
_FOLDERS = "(?:[^/]+/)*"
_LONGEST = 4096  # characters, which no path exceeds


class Globs:
    """The patterns of one list, of which the last that matches decides.

    Args:
        lines: the patterns, with blank lines and comments among them; what is no pattern matches
            nothing.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        translator = _Translator()
        patterns = [each for each in map(translator.pattern, lines) if each]
        self._matchers = [
            (re.compile(_joined([each.regex for each in same]), re.DOTALL), takes)
            for takes, same in groupby(reversed(patterns), lambda each: each.takes)
        ]
        self._folders: dict[str, bool] = {}

    def verdict(self, path: str) -> bool | None:
        """Tell whether git would ignore a path, which goes into no folder that it ignores.

        Args:
            path: a path relative to the folder of the patterns, with slashes; that of a folder ends
                in one.

        Returns:
            True for one that is matched, or that lies below a folder that is; False for one that a
            pattern with ``!`` takes out; None where no pattern speaks of it.
        """
        if not self._matchers:
            return None
        for folder in _folders_of(path):
            if folder not in self._folders:
                self._folders[folder] = self._own(folder) is True
            if self._folders[folder]:
                return True
        return self._own(path)

    def matches(self, path: str) -> bool:
        """Tell whether the last pattern that matches a path, or a folder of it, is without ``!``.

        Args:
            path: a path, as in ``verdict``.
        """
        ways = (*_folders_of(path), path)
        return next(
            (takes for regex, takes in self._matchers if any(map(regex.match, ways))), False
        )

    def _own(self, path: str) -> bool | None:
        return next((takes for regex, takes in self._matchers if regex.match(path)), None)


def _joined(regexes: list[str]) -> str:
    """Give what matches any of some: the folders before a name are gone through once for all."""
    anywhere = [each.removeprefix(_FOLDERS) for each in regexes if each.startswith(_FOLDERS)]
    others = [f"(?:{each})" for each in regexes if not each.startswith(_FOLDERS)]
    return "|".join([*others, *([f"{_FOLDERS}(?:{'|'.join(anywhere)})"] if anywhere else [])])


def _folders_of(path: str) -> Iterator[str]:
    """Give the folders that a path lies in, the topmost first."""
    end = path.find("/")
    while 0 <= end < len(path) - 1:
        yield path[: end + 1]
        end = path.find("/", end + 1)


def is_pattern(line: str) -> bool:
    """Tell whether a line is a pattern that can match anything."""
    return _Translator().pattern(line) is not None


class _Pattern(NamedTuple):
    """A pattern.

    Attributes:
        regex: matches the paths that the pattern itself matches.
        takes: whether those are matched, or taken out.
    """

    regex: str
    takes: bool


class _Translator:
    """Makes regular expressions in which nothing that was matched is tried in another way."""

    def __init__(self) -> None:
        self._groups = count()

    def pattern(self, line: str) -> _Pattern | None:
        """Translate a line; None for one that is no pattern."""
        text = _without_trailing_spaces(line.removesuffix("\r"))
        takes = not text.startswith("!")
        text = text if takes else text[1:]
        is_folder = text.endswith("/")
        text = text[:-1] if is_folder else text
        if not text or line.startswith("#") or len(text) > _LONGEST:
            return None
        is_anchored = "/" in text
        segments = text.removeprefix("/").split("/")
        try:
            regex = self._path(segments if is_anchored else [_ANY_DEPTH, *segments], is_folder)
        except _NoPatternError:
            return None
        return _Pattern(regex, takes)

    def _path(self, segments: list[str], is_folder: bool) -> str:
        first, *deeper = _runs(segments)
        names = [[self._segment(segment) for segment in run] for run in (first, *deeper)]
        end = r"/\Z" if is_folder else r"/?\Z"
        if not deeper:
            return "/".join(names[0]) + end
        regex = "".join(f"{name}/" for name in names[0])
        for run in filter(None, names[1:-1]):  # the first place where it fits leaves most behind it
            regex += self._once(f"{_FOLDERS}?" + "".join(f"{name}/" for name in run))
        return regex + (_FOLDERS + "/".join(names[-1]) if names[-1] else ".+?") + end

    def _segment(self, segment: str) -> str:
        """Translate one name: the shortest match of all up to a star leaves most behind it."""
        first, *rest = _parts(segment)
        if not rest:
            return first
        middle = (self._once(f"[^/]*?{part}") for part in filter(None, rest[:-1]))
        return f"{first}{''.join(middle)}[^/]*{rest[-1]}"

    def _once(self, regex: str) -> str:
        """Make an expression atomic, in a way that Python 3.10 knows too."""
        name = f"g{next(self._groups)}"
        return f"(?=(?P<{name}>{regex}))(?P={name})"


class _NoPatternError(Exception):
    """What was read is no pattern."""


def _runs(segments: list[str]) -> list[list[str]]:
    """Split a path's segments where any number of folders may lie between."""
    runs: list[list[str]] = [[]]
    for segment in segments:
        if len(segment) > 1 and not segment.strip("*"):
            runs.append([])
        else:
            runs[-1].append(segment)
    return runs


def _parts(segment: str) -> list[str]:
    """Translate the parts of a name between its stars."""
    parts = [""]
    position = 0
    while position < len(segment):
        char = segment[position]
        position += 1
        if char == "*":
            parts.append("")
        elif char == "?":
            parts[-1] += "[^/]"
        elif char == "[":
            members, position = _class(segment, position)
            parts[-1] += members
        else:
            if char == "\\":
                char, position = _escaped(segment, position)
            parts[-1] += re.escape(char)
    if not segment:
        raise _NoPatternError
    return parts


def _class(segment: str, position: int) -> tuple[str, int]:
    """Translate the members of a class, and give the position behind it."""
    is_negated = segment[position : position + 1] in ("!", "^")
    position += is_negated
    members: list[str] = []
    while True:
        char, position, is_end = _member(segment, position, is_first=not members)
        if is_end:
            break
        last = char
        if segment[position : position + 1] == "-" and segment[position + 1 : position + 2] != "]":
            last, position, _ = _member(segment, position + 1, is_first=True)
        if char > last:
            raise _NoPatternError
        members.append(f"{re.escape(char)}-{re.escape(last)}")
    inside = "".join(members)
    if is_negated:
        return f"[^/{inside}]", position
    return f"(?!/)[{inside}]", position


def _member(segment: str, position: int, *, is_first: bool) -> tuple[str, int, bool]:
    """Read one member of a class; tell whether it is the end, which the first never is."""
    char = segment[position : position + 1]
    if not char:
        raise _NoPatternError
    if char == "\\":
        return *_escaped(segment, position + 1), False
    return char, position + 1, char == "]" and not is_first


def _escaped(segment: str, position: int) -> tuple[str, int]:
    if position >= len(segment):
        raise _NoPatternError
    return segment[position], position + 1


def _without_trailing_spaces(line: str) -> str:
    while line.endswith(" ") and not line.endswith("\\ "):
        line = line[:-1]
    return line


def lines_of(text: str) -> Iterator[str]:
    """Give the lines of a file of patterns, as git splits them."""
    return iter(text.removeprefix("\ufeff").split("\n"))
