"""Writing a report to a file, as its name says."""

from __future__ import annotations

from flake8_dbsession.runtime.reporting.report import Report, to_json
from flake8_dbsession.writing import write_out

_SUFFIXES = (".json", ".html")


def check_name(file: str) -> str:
    """Say what is wrong with a report's name; empty for nothing."""
    if file.lower().endswith(_SUFFIXES):
        return ""
    return f"{file}: a report is written as FILE.json or FILE.html"


def write_report(report: Report, file: str) -> None:
    """Write a report.

    Args:
        report: the report.
        file: where to; its ending says how.

    Raises:
        OSError: it cannot be written.
    """
    if file.lower().endswith(".html"):
        from flake8_dbsession.runtime.reporting import html

        document = html.render(report)
    else:
        document = to_json(report)
    write_out(file, document.encode(errors="surrogateescape"))
