"""The first step of the `dbsession` command: what is known already needs none of the rest."""

from __future__ import annotations

import gc
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from flake8_dbsession.checking.findings import Finding

_YOUNG = 200_000  # objects after which Python looks for garbage: what is imported is none


def main() -> None:
    """Run the command, as its script and ``python -m flake8_dbsession`` do."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["check"]:
        paths = [word for word in arguments[1:] if word not in ("-q", "--quiet")]
        if not any(word.startswith("-") for word in paths):
            _check(paths, quiet=paths != arguments[1:])
    gc.set_threshold(_YOUNG)
    from flake8_dbsession.command.group import main as command

    command(prog_name="dbsession")


def _check(paths: list[str], *, quiet: bool) -> NoReturn:
    """Check paths and end: at once where all is known of them."""
    from flake8_dbsession.checking.caching.unchanged import unchanged
    from flake8_dbsession.terminals import is_plain

    known, named = unchanged(), paths or ["."]
    report = known.report(named) if known and sys.stdout and is_plain(sys.stdout) else None
    if report is not None:
        code, text = report
        sys.exit(_print(text) or code)
    found = known.findings(named) if known else None
    if found is not None:
        sys.exit(_written(found))
    gc.set_threshold(_YOUNG)
    from flake8_dbsession.command.checking import check_plainly

    check_plainly(paths, quiet=quiet)


def _print(text: str) -> int:
    """Print a report; give the exit code of a run that cannot."""
    try:
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")  # type: ignore[union-attr]
        sys.stdout.write(text)
        sys.stdout.flush()
        return 0
    except OSError as error:
        from flake8_dbsession.output.streams import unwritten

        return unwritten(error)


def _written(findings: list[Finding]) -> int:
    """Write findings as a terminal shows them, and give the exit code."""
    from flake8_dbsession.checking.findings import exit_code
    from flake8_dbsession.output import text
    from flake8_dbsession.output.streams import opened, written_out

    with written_out(), opened(None) as stream:
        text.write(findings, stream)
    return exit_code(findings)
