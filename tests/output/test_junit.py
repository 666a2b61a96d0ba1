"""JUnit XML, read by junitparser."""

from __future__ import annotations

from hypothesis import given, settings
from junitparser import Failure, JUnitXml

from flake8_dbsession.checking.findings import Finding
from flake8_dbsession.output.junit import write
from tests.output.samples import ANY, FINDINGS, RAW, SPREAD, written


def parsed(findings: list[Finding]) -> JUnitXml:
    return JUnitXml.fromstring(written(write, findings).encode("utf-8"))


def failures(report: JUnitXml) -> list[Failure]:
    return [result for suite in report for case in suite for result in case.result]


def test_a_finding_is_a_failed_test() -> None:
    (suite,) = parsed([RAW])
    (case,) = suite
    (failure,) = case.result
    assert (suite.name, suite.tests, suite.failures) == ("app/my users.py", 1, 1)
    assert (case.name, case.classname) == ("DBS101 7:10", "app/my users.py")
    assert (failure.type, failure.message) == ("DBS101", RAW.message)
    assert failure.text == (
        f"app/my users.py:7:10: warning: DBS101 {RAW.message}\n    db = SessionLocal()"
    )


def test_a_file_is_a_suite() -> None:
    report = parsed([RAW, RAW._replace(line=9), SPREAD])
    assert [(suite.name, suite.failures) for suite in report] == [
        ("app/my users.py", 2),
        ("app/ü.py", 1),
    ]
    assert (report.tests, report.failures, report.errors) == (3, 3, 0)


def test_nothing_found_is_a_test_that_passed() -> None:
    report = parsed([])
    ((case,),) = report
    assert case.is_passed
    assert (report.tests, report.failures) == (1, 0)


def test_what_xml_cannot_hold_is_spelt_out() -> None:
    odd = RAW._replace(message="a\x00b\x1b\ufffe\udcff <&\"'> ü", path="\udcff.py")
    (failure,) = failures(parsed([odd]))
    assert failure.message == "a\\x00b\\x1b\\ufffe\\udcff <&\"'> ü"


@settings(max_examples=50, deadline=None)
@given(ANY)
def test_any_finding_can_be_read(findings: list[Finding]) -> None:
    report = parsed([*findings, *FINDINGS])
    assert len(failures(report)) == report.failures == len(findings) + len(FINDINGS)
