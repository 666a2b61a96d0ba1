"""The first step of the `dbsession` command: what is known already needs none of the rest."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command, as its script and ``python -m flake8_dbsession`` do."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["check"]:
        paths = [word for word in arguments[1:] if word not in ("-q", "--quiet")]
        if not any(word.startswith("-") for word in paths):
            _check(paths or ["."])
    from flake8_dbsession.command import main as command

    command(prog_name="dbsession")


def _check(paths: list[str]) -> None:
    """Check paths of which all is known, and end; come back where it is not."""
    from flake8_dbsession.checking.caching.unchanged import reported

    found = reported(paths)
    if found is None:
        return
    from flake8_dbsession.checking.findings import exit_code
    from flake8_dbsession.output import text
    from flake8_dbsession.output.streams import opened, written_out

    with written_out(), opened(None) as stream:
        text.write(found, stream)
    sys.exit(exit_code(found))
