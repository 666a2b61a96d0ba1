"""Many mutants of some files, some at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from flake8_dbsession.checking.caching.records import VARIABLE
from flake8_dbsession.policy.loading import forget_policies
from tests.fuzz.holding import Failure, cleaned, failures
from tests.fuzz.mutating import Lines, mutant

_TOGETHER = 50  # mutants
_LONGEST = 60_000  # bytes of a file; longer ones take most of the time


def sources(paths: Sequence[Path]) -> dict[str, bytes]:
    """Read the Python files at some paths, by the name that they get in a project of their own."""
    found = {}
    for number, path in enumerate(paths):
        files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
        for file in files:
            if file.is_file() and not file.is_symlink() and file.stat().st_size <= _LONGEST:
                name = file.relative_to(path if path.is_dir() else path.parent)
                found[f"{number}/{name}"] = file.read_bytes()
    return found


def fuzz(
    files: Mapping[str, bytes], count: int, seed: int, folder: Path
) -> Iterator[tuple[Failure, bytes]]:
    """Change files at random, and look whether everything holds of each mutant.

    Args:
        files: the files by path, which become a project.
        count: how many mutants.
        seed: of what is done; the same gives the same.
        folder: an empty one, for the project.

    Yields:
        What does not hold, with the mutant's content.
    """
    project = folder / "project"
    (project / ".git").mkdir(parents=True)
    for name, content in files.items():
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    wanted = islice(_mutants(files, seed), count)
    with pytest.MonkeyPatch.context() as patch, _inside(project):
        patch.setenv(VARIABLE, str(folder / "records"))
        while batch := dict(islice(wanted, _TOGETHER)):
            forget_policies()
            for failure in failures(batch):
                yield failure, batch.get(failure.path, b"")
            cleaned(batch)


@contextmanager
def _inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _mutants(files: Mapping[str, bytes], seed: int) -> Iterator[tuple[str, bytes]]:
    """Give mutants without end, each beside the file that it comes from."""
    random = Random(seed)
    texts: dict[str, Lines] = {
        name: content.decode("utf-8", "surrogateescape").splitlines(keepends=True)
        for name, content in files.items()
    }
    names, others = list(texts), list(texts.values())
    number = 0
    while True:
        name = random.choice(names)
        number += 1
        path = Path(name).with_name(f"mutant_{number}.py")
        yield str(path), mutant(random, texts[name], others)
