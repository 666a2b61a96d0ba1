"""What a project's answers rest on, so that what was found with them can be kept while it holds."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from flake8_dbsession.analysis.source.locations import Question
from flake8_dbsession.named_tuples import NamedTuple


class Links(NamedTuple):
    """What was asked for a file.

    Attributes:
        answers: where each import led to; None for nowhere in the project.
        evidence: the files that were searched for something else than a module.
        is_exhaustive: whether that was every file of the project.
    """

    answers: dict[Question, Path | None]
    evidence: set[Path]
    is_exhaustive: bool = False

    @property
    def names(self) -> set[str]:
        """The simple names of the modules that were asked for, found or not."""
        return {name for question in self.answers for name in question.dotted.split(".")}

    @property
    def files(self) -> set[Path]:
        """The files that were read to answer."""
        return {*self.evidence, *filter(None, self.answers.values())}


class Trace:
    """The questions that files put to a project.

    Attributes:
        links: what was asked for each file.
        folders: the folders in which was looked, some of which may not exist.
    """

    def __init__(self) -> None:
        self.links: defaultdict[Path, Links] = defaultdict(lambda: Links({}, set()))
        self.folders: set[Path] = set()
        self._found: set[Path] = set()

    def answered(self, asker: Path, question: Question, found: Path | None) -> None:
        """Record where an import led to."""
        self.links[asker].answers[question] = found

    def searched(self, asker: Path, files: list[Path], *, is_exhaustive: bool) -> None:
        """Record the files in which something was looked for."""
        links = self.links[asker]
        links.evidence.update(files)
        self.links[asker] = links._replace(is_exhaustive=links.is_exhaustive or is_exhaustive)
        self.folders.update(file.parent for file in files if file not in self._found)
        self._found.update(files)
