"""What is left of a file's violations, held against a baseline."""

from __future__ import annotations

from dataclasses import replace

from flake8_dbsession.analysis.source.outline import parse
from flake8_dbsession.checking.suppression.baseline import Baseline
from flake8_dbsession.checking.suppression.fingerprints import Fingerprints
from flake8_dbsession.fixes.repair import Repair
from flake8_dbsession.rewriting.document import lines_of
from flake8_dbsession.rewriting.text import Text


def without_known(repair: Repair, text: Text, path: str, baseline: Baseline) -> Repair:
    """Take from what is left what a baseline knows.

    Args:
        repair: what came of the repair of a file.
        text: the text that what is left is in.
        path: the file.
        baseline: the known violations.

    Returns:
        The repair with what is new left, and what is known beside it.
    """
    if not repair.left:
        return repair
    source = text.source
    tree = parse(source)
    assert tree is not None
    fingerprints = Fingerprints(tree, lines_of(source))
    entries = [
        baseline.entry(path, left.code, fingerprints.at(left.line, left.column - 1))
        for left in repair.left
    ]
    is_new = set(baseline.compare(entries).new)
    new = tuple(left for position, left in enumerate(repair.left) if position in is_new)
    known = tuple(left for position, left in enumerate(repair.left) if position not in is_new)
    return replace(repair, left=new, known=known)
