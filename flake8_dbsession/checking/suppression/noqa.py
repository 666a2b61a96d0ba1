"""``# noqa`` comments: those that mislead, and how they are written; flake8 itself obeys them."""

from __future__ import annotations

import argparse
import io
import re
import tokenize
from collections.abc import Iterator, Sequence

from flake8.processor import FileProcessor
from flake8.violation import Violation as Reported

from flake8_dbsession.checking.errors import RunError
from flake8_dbsession.checking.files.discovery import python_files
from flake8_dbsession.checking.findings import Finding
from flake8_dbsession.checking.suppression.baseline import is_recordable
from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.patterns import regex
from flake8_dbsession.reading import read_file
from flake8_dbsession.writing import ChangedError, write_file

_NAMED_CODES = regex(r"# noqa:\s?[A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*", re.IGNORECASE)
_TOO_LONG = "E501"


class Noqa:
    """What the comments of one file hide, as flake8 reads them.

    Args:
        filename: the file's path.
        lines: its lines, with ``\\n`` line ends.
        options: flake8's.
    """

    def __init__(self, filename: str, lines: Sequence[str], options: argparse.Namespace) -> None:
        self._filename = filename
        self._processor = FileProcessor(filename, options, lines=list(lines))

    def hides(self, code: str, line: int) -> bool:
        """Tell whether a comment hides a violation.

        Args:
            code: its code.
            line: its line, counted from 1.
        """
        text = self._processor.noqa_line_for(line)
        if text is None:
            return False
        return Reported(code, self._filename, line, 1, "", text).is_inline_ignored(False)


def add_noqa(path: str, findings: Sequence[Finding], options: argparse.Namespace) -> list[Finding]:
    """Write comments beside the violations of one file, and replace the file.

    All of the file stays as it is but for the comments: encoding, line ends, mode.

    Args:
        path: the file.
        findings: its violations.
        options: flake8's.

    Returns:
        The violations that no comment hides: in Markdown and notebooks, where flake8 takes a string
        for one, and what kept the file from being checked.

    Raises:
        RunError: the file cannot be read or written.
    """
    recordable = [each for each in findings if _can_be_hidden(each)]
    if not python_files([path]) or not recordable:
        return list(findings)
    content = _read(path)
    encoding = _encoding(content)
    lines = io.TextIOWrapper(io.BytesIO(content), encoding, newline="").readlines()
    if "".join(lines).encode(encoding) != content:  # an encoding that writes a text in many ways
        return list(findings)
    commented = _with_comments(path, lines, recordable, options)
    if commented != lines:
        _write(path, content, "".join(commented).encode(encoding))
    noqa = Noqa(path, _plain(commented), options)
    return [each for each in findings if not noqa.hides(each.code, each.line)]


def _can_be_hidden(finding: Finding) -> bool:
    """Tell whether a comment can stand beside a finding; not where that speaks of a comment."""
    return is_recordable(finding.code) and not finding.code.startswith("DBS0")


class Span(NamedTuple):
    """Lines that flake8 searches for one comment: one line, or those that a string spans.

    Attributes:
        first: the first of them, counted from 1.
        last: the last of them, which is the one that can take a comment.
        comment: the column where a comment begins already; None where there is none.
    """

    first: int
    last: int
    comment: int | None


def _with_comments(
    path: str, lines: list[str], findings: Sequence[Finding], options: argparse.Namespace
) -> list[str]:
    """Give the lines with comments, without those that would hide nothing."""
    noqa = Noqa(path, _plain(lines), options)
    open_ones: dict[int, list[Finding]] = {}
    for each in findings:
        if not noqa.hides(each.code, each.line):
            open_ones.setdefault(each.line, []).append(each)
    commented = list(lines)
    wanted: dict[Span, list[Finding]] = {}
    for span in spans(_plain(lines)):
        lines_inside = range(span.first, span.last + 1)
        inside = [each for line in lines_inside for each in open_ones.get(line, ())]
        if inside:
            wanted[span] = inside
            line = _commented(lines[span.last - 1], span.comment, inside)
            if _grows_too_long(lines[span.last - 1], line, options.max_line_length):
                line = _commented(lines[span.last - 1], span.comment, inside, _TOO_LONG)
            commented[span.last - 1] = line
    outcome = Noqa(path, _plain(commented), options)
    for span, inside in wanted.items():
        if not any(outcome.hides(each.code, each.line) for each in inside):
            commented[span.last - 1] = lines[span.last - 1]
    return commented


def _grows_too_long(before: str, after: str, longest: int) -> bool:
    """Tell whether a comment makes a line longer than flake8 lets it be."""
    lengths = (len(line.rstrip("\r\n")) for line in (before, after))
    return next(lengths) <= longest < next(lengths)


def _commented(line: str, comment: int | None, findings: Sequence[Finding], *others: str) -> str:
    """Give a line with the findings' codes, and others, in its ``# noqa`` comment."""
    found = sorted({each.code for each in findings})
    codes = ",".join([*found, *others])
    named = _NAMED_CODES.search(line, comment) if comment is not None else None
    if named:
        return f"{line[: named.end()]},{codes}{line[named.end() :]}"
    text = line.rstrip("\r\n")
    return f"{text}  # noqa: {codes}{line[len(text) :]}"


def spans(lines: Sequence[str]) -> Iterator[Span]:
    """Give the spans of a file as flake8 sees them; none where it cannot be read as tokens."""
    first, comment = 0, None
    try:
        for token in tokenize.generate_tokens(iter(lines).__next__):
            if token.type in (tokenize.DEDENT, tokenize.ENDMARKER):
                continue
            first = first or token.start[0]
            if token.type == tokenize.COMMENT:
                comment = token.start[1]
            if token.type in (tokenize.NL, tokenize.NEWLINE):
                yield Span(first, token.start[0], comment)
                first, comment = 0, None
    except (tokenize.TokenError, SyntaxError):
        return


def _plain(lines: Sequence[str]) -> list[str]:
    """Give lines with the line ends that flake8 sees."""
    return [re.sub(r"\r\n?\Z", "\n", line) for line in lines]


def _encoding(content: bytes) -> str:
    """Give a file's encoding as flake8 takes it."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        content.decode(encoding)
    except (SyntaxError, UnicodeError, LookupError):
        return "latin-1"
    return encoding


def _read(path: str) -> bytes:
    try:
        return read_file(path)
    except OSError as error:
        raise RunError(f"{path}: cannot be read: {error.strerror}") from error


def _write(path: str, before: bytes, content: bytes) -> None:
    try:
        write_file(path, content, expected=before)
    except ChangedError as error:
        raise RunError(f"{path}: {error}") from error
    except OSError as error:
        raise RunError(f"{path}: cannot be written: {error.strerror}") from error
