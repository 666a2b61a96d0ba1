"""Fingerprints, by which code scanning services recognise a finding whose line has moved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from hashlib import sha256

from flake8_dbsession.checking.findings import Finding
from flake8_dbsession.checking.suppression.fingerprints import essence
from flake8_dbsession.output.places import relative


def fingerprints(findings: Sequence[Finding]) -> list[str]:
    """Give each finding a fingerprint that no other finding of the run has.

    It is made of the file, the code, the definition around it and its statement, not of its line;
    of equal findings each is numbered, in the order given.

    Args:
        findings: of one run.

    Returns:
        As many fingerprints, of 32 hexadecimal digits.
    """
    seen: Counter[tuple[str, ...]] = Counter()
    prints = []
    for finding in findings:
        statement = essence(finding.statement or finding.source)
        traits = (relative(finding.path), finding.code, finding.definition, statement)
        text = "\0".join((*traits, str(seen[traits])))
        prints.append(sha256(text.encode(errors="surrogatepass")).hexdigest()[:32])
        seen[traits] += 1
    return prints
