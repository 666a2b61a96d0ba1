"""What the findings of a file rest on besides its own content."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from flake8_dbsession.analysis.names.locations import Question


class Premises(NamedTuple):
    """What the answers for a file rest on.

    Attributes:
        answers: where each import leads to; None for nowhere in the project.
        digests: of the content of each file that was read; empty for a folder.
    """

    answers: dict[Question, Path | None]
    digests: dict[Path, str]
