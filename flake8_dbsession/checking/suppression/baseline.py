"""The baseline: violations that are known, so that only new ones are reported."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flake8_dbsession.checking.errors import RunError
from flake8_dbsession.checking.suppression.fingerprints import Fingerprint, essence
from flake8_dbsession.failures import FAILURES
from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.reading import read_file

_VERSION = 1
_MOST = 1_000_000  # violations of one kind in one place


class Entry(NamedTuple):
    """What is known: where, what, and in which code.

    Attributes:
        path: the file, relative to the baseline's folder, with forward slashes.
        code: the code.
        definition: the qualified name of the definition around it; empty at module level.
        statement: its statement.
    """

    path: str
    code: str
    definition: str
    statement: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What two entries of the same violation have in common."""
        return self._replace(statement=essence(self.statement))


@dataclass(frozen=True, slots=True)
class Comparison:
    """Violations held against a baseline.

    Attributes:
        new: the positions of those that are not known, in the order given.
        gone: the entries that nothing matched, with how often.
    """

    new: list[int]
    gone: dict[Entry, int]


@dataclass(frozen=True, slots=True)
class Baseline:
    """A baseline file.

    Attributes:
        file: the file.
        known: its entries, each with how often it is known.
    """

    file: Path
    known: Mapping[Entry, int]

    def entry(self, path: str, code: str, fingerprint: Fingerprint) -> Entry:
        """Give the entry of a violation.

        Args:
            path: its file, absolute or relative to the working directory.
            code: its code.
            fingerprint: where it stands.
        """
        return Entry(self.relative(path), code, *fingerprint)

    def relative(self, path: str) -> str:
        """Give a path as this baseline writes it."""
        folder = os.path.dirname(os.path.abspath(self.file))
        return Path(os.path.relpath(os.path.abspath(path), folder)).as_posix()

    def compare(self, found: Iterable[Entry]) -> Comparison:
        """Hold violations against what is known.

        Args:
            found: the entries of violations; of equal ones the first are the known ones.
        """
        left: dict[tuple[str, ...], tuple[Entry, int]] = {}
        for entry, count in self.known.items():
            left[entry.key] = entry, count + left.get(entry.key, (entry, 0))[1]
        new = []
        for position, entry in enumerate(found):
            known, count = left.get(entry.key, (entry, 0))
            if count:
                left[entry.key] = known, count - 1
            else:
                new.append(position)
        return Comparison(new, {entry: count for entry, count in left.values() if count})

    def record(self, found: Iterable[Entry], replacing: Mapping[Entry, int]) -> Baseline:
        """Give the baseline with what a run found in the place of other entries."""
        kept = {entry: n for entry, n in self.known.items() if entry not in replacing}
        recorded = Counter(entry for entry in found if is_recordable(entry.code))
        return Baseline(self.file, {**kept, **recorded})

    def prune(self, gone: Mapping[Entry, int]) -> Baseline:
        """Give the baseline without what is gone, with nothing added."""
        left = {entry: count - gone.get(entry, 0) for entry, count in self.known.items()}
        return Baseline(self.file, {entry: count for entry, count in left.items() if count > 0})

    def text(self) -> str:
        """Give the file's text: an entry a line, in a fixed order, so that it merges well."""
        lines = [_line(entry, count) for entry, count in sorted(self.known.items())]
        body = "".join(f"\n    {line}," for line in lines).rstrip(",")
        return f'{{\n  "version": {_VERSION},\n  "violations": [{body}\n  ]\n}}\n'

    def save(self) -> None:
        """Write the file, whole or not at all.

        Raises:
            RunError: it cannot be written.
        """
        from flake8_dbsession.writing import write_file

        try:
            # An undecodable byte of a path is a lone surrogate, which JSON spells as Python does.
            write_file(self.file, self.text().encode("utf-8", "backslashreplace"))
        except OSError as error:
            raise RunError(f"{self.file}: cannot be written: {error.strerror}") from error


def is_recordable(code: str) -> bool:
    """Tell whether a violation of this code can be known: not what keeps a file from a check."""
    return code.startswith("DBS") and code not in FAILURES


def load(file: Path) -> Baseline:
    """Read a baseline.

    Raises:
        RunError: it is missing, damaged, or of a later version.
    """
    try:
        data = json.loads(read_file(file))
        if data["version"] != _VERSION:
            raise RunError(
                f"{file}: is a baseline of version {data['version']!r}, this reads {_VERSION}; "
                "update flake8-dbsession"
            )
        return Baseline(file, dict(map(_entry, data["violations"])))
    except FileNotFoundError as error:
        advice = "check the spelling, or record it with `dbsession baseline`"
        raise RunError(f"{file}: there is no such baseline; {advice}") from error
    except OSError as error:
        raise RunError(f"{file}: cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        advice = "restore it, or delete it and record it anew with `dbsession baseline`"
        raise RunError(f"{file}: is damaged, or no baseline; {advice}") from error


def _line(entry: Entry, count: int) -> str:
    fields: dict[str, Any] = {**entry._asdict(), "count": count}
    return json.dumps(fields, ensure_ascii=False)


def _entry(data: Any) -> tuple[Entry, int]:
    count, *texts = (data[key] for key in ("count", *Entry._fields))
    entry = Entry(*texts)
    if type(count) is not int or not all(isinstance(text, str) for text in texts):
        raise TypeError(data)
    if not (is_recordable(entry.code) and 0 < count <= _MOST):
        raise ValueError(data)
    return entry, count
