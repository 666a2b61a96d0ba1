"""What has to hold of any file, looked at over many files at once."""

from __future__ import annotations

import ast
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from click.testing import CliRunner

from flake8_dbsession.checking.findings import Finding
from flake8_dbsession.checking.running.file_check import FileCheck
from flake8_dbsession.checking.running.settings import flake8_options
from flake8_dbsession.checking.running.workers import ignoring_warnings
from flake8_dbsession.checking.suppression.noqa import add_noqa
from flake8_dbsession.command.group import main
from flake8_dbsession.rules.registry import rules
from tests.fuzz.mutating import compiles

_EVERY_CODE = ",".join(rules())
_OFF = frozenset(code for code, rule in rules().items() if rule.off)
_SELECT = f"--select=DBS,E9,DBS001,DBS002,{_EVERY_CODE}"


class Failure(NamedTuple):
    """What does not hold of a file.

    Attributes:
        path: the file.
        what: what does not hold.
    """

    path: str
    what: str


def failures(contents: Mapping[str, bytes]) -> Iterator[Failure]:
    """Look whether everything holds of some files, which are written into the working directory.

    Args:
        contents: the contents by path.

    Yields:
        What does not hold.
    """
    _write(contents)
    found: dict[str, list[Finding]] = {}
    first, second = (FileCheck(flake8_options([_SELECT])) for _ in range(2))
    for path in contents:
        try:
            with ignoring_warnings():
                found[path] = first.check(path).findings
                again = second.check(path).findings
        except Exception as error:
            yield Failure(path, f"check: {type(error).__name__}: {error}")
            continue
        if again != found[path]:
            yield Failure(path, "another answer the second time")
        yield from _out_of_place(path, contents[path], found[path])
    yield from _fixed({path: contents[path] for path in found}, found)
    _write(contents)
    yield from _silenced(found)


def _write(contents: Mapping[str, bytes]) -> None:
    for path, content in contents.items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(content)


def _out_of_place(path: str, content: bytes, found: list[Finding]) -> Iterator[Failure]:
    lines = content.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for each in found:
        place = f"{each.line}:{each.column} to {each.end_line}:{each.end_column}"
        if each.code in ("DBS001", "DBS002"):
            yield Failure(path, f"{each.code} {each.message}")
        elif not each.code.startswith("E") and not (
            (1, 1) <= (each.line, each.column) < (each.end_line, each.end_column)
            and each.end_line <= len(lines)
            and each.column <= len(lines[each.line - 1])
        ):
            yield Failure(path, f"{each.code} stands at {place}")
        if not each.message.isprintable():
            yield Failure(path, f"{each.code}: unseen characters in {each.message!a}")


def _fixed(contents: Mapping[str, bytes], found: Mapping[str, list[Finding]]) -> Iterator[Failure]:
    """Fix the files twice: codes only go, all parses, and the second time changes nothing."""
    with_some = [path for path in contents if any(f.code[:3] == "DBS" for f in found[path])]
    for options in ([], ["--unsafe"]):
        _write(contents)
        yield from _fix(with_some, options)
        after = {path: Path(path).read_bytes() for path in with_some}
        checks = FileCheck(flake8_options([_SELECT]))
        for path, content in after.items():
            if content != contents[path]:
                with ignoring_warnings():
                    yield from _worse(path, content, found[path], checks.check(path).findings)
        changed = [path for path, content in after.items() if content != contents[path]]
        for _ in _fix(changed, options):
            pass  # it was said the first time
        for path in changed:
            if Path(path).read_bytes() != after[path]:
                yield Failure(path, f"fix {' '.join(options)}: a second run changes more")


def _fix(paths: list[str], options: list[str]) -> Iterator[Failure]:
    if not paths:
        return
    result = CliRunner().invoke(main, ["fix", *options, *paths])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        error = result.exception
        yield Failure(" ".join(paths), f"fix: {type(error).__name__}: {error}")
    for line in result.stdout.splitlines():
        path, _, reason = line.partition(": not fixed: ")
        is_text = not reason.startswith("cannot be decoded")  # which Python reads in a comment
        if path in paths and reason and is_text and compiles(Path(path).read_bytes()):
            yield Failure(path, f"fix {' '.join(options)}: {reason}")


def _worse(
    path: str, content: bytes, before: list[Finding], after: list[Finding]
) -> Iterator[Failure]:
    try:
        ast.parse(content)
    except SyntaxError as error:
        yield Failure(path, f"does not parse after it was fixed: {error}")
    had, has = (
        Counter(finding.code for finding in found if finding.code not in _OFF)
        for found in (before, after)
    )
    for code in has - had:
        yield Failure(path, f"{code} is new after it was fixed")


def _silenced(found: Mapping[str, list[Finding]]) -> Iterator[Failure]:
    options = flake8_options([_SELECT])
    checks = FileCheck(options)
    for path, findings in found.items():
        if not findings:
            continue
        left = add_noqa(path, findings, options)
        with ignoring_warnings():
            after = checks.check(path).findings
        if Counter(f.code for f in after) != Counter(f.code for f in left):
            yield Failure(path, f"noqa leaves {[f.code for f in after]}")


def cleaned(paths: Mapping[str, bytes]) -> None:
    """Remove the files again."""
    for path in paths:
        os.unlink(path)
