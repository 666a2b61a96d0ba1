"""Findings as JUnit XML: a suite a file, a failed test a finding."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TextIO
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from flake8_dbsession.checking.findings import Finding
from flake8_dbsession.output.places import relative
from flake8_dbsession.patterns import regex

# What XML 1.0 can write in no way: https://www.w3.org/TR/xml/#charsets
_NOT_XML = regex("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(findings: Sequence[Finding], stream: TextIO) -> None:
    """Write findings as failed tests; where there is none, one test that passed.

    Args:
        findings: what to write, by file.
        stream: where to; it is said to be UTF-8.
    """
    root = Element("testsuites", {"name": "dbsession", **_totals(len(findings))})
    for path, group in groupby(findings, key=lambda finding: relative(finding.path)):
        _add_suite(root, path, list(group))
    if not findings:  # Jenkins and GitLab take a report without tests for a run that went wrong.
        suite = SubElement(root, "testsuite", {"name": "dbsession", **_totals(0)})
        SubElement(suite, "testcase", name="no violations", classname="dbsession", time="0")
    indent(root)
    stream.write(f'<?xml version="1.0" encoding="utf-8"?>\n{tostring(root, "unicode")}\n')


def _totals(failures: int) -> dict[str, str]:
    return {"tests": str(max(1, failures)), "failures": str(failures), "errors": "0"}


def _add_suite(root: Element, path: str, findings: list[Finding]) -> None:
    suite = SubElement(root, "testsuite", {"name": _text(path), **_totals(len(findings))})
    for finding in findings:
        place = finding.place
        case = SubElement(
            suite,
            "testcase",
            name=f"{finding.code} {place}",
            classname=_text(path),
            time="0",
        )
        failure = SubElement(case, "failure", type=finding.code, message=_text(finding.message))
        said = f"{path}:{place}: {finding.level}: {finding.code} {finding.message}"
        failure.text = _text(f"{said}\n{finding.source}")


def _text(text: str) -> str:
    """Spell out the characters that XML cannot hold."""
    return _NOT_XML.sub(lambda found: ascii(found[0])[1:-1], text)
