"""``dbsession run``: a program under the watch of the runtime twin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from flake8_dbsession.runtime.reporting.report import Report


@click.command(
    short_help="Run a program and see what it leaves open.",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.argument("command_line", nargs=-1, required=True, metavar="COMMAND...")
@click.option(
    "--report",
    "reports",
    multiple=True,
    metavar="FILE",
    help="Write what was seen as FILE.json or FILE.html; may be given twice.",
)
@click.option(
    "--idle",
    type=click.FloatRange(min=0, min_open=True),
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="From how long a transaction open over other work is said.",
)
def command(command_line: tuple[str, ...], reports: tuple[str, ...], idle: float) -> None:
    """Run COMMAND, and say at its end which sessions and connections it left open.

    Its child processes are watched as well, if they are Python's. Where a pool times out, who holds
    its connections is printed beside the error. On SIGUSR1 (not on Windows) each process prints its
    table. Everything goes to standard error; the exit code is the command's;
    2 where that is 0 and a report cannot be written.

    \b
    Example:
        dbsession run -- python -m shop.nightly
        dbsession run --report run.html -- gunicorn shop.app:app
    """
    from flake8_dbsession.checking.errors import RunError
    from flake8_dbsession.runtime.program import run
    from flake8_dbsession.runtime.reporting.writing import check_name

    for file in reports:
        message = check_name(file)
        if message:
            raise click.BadParameter(message, param_hint="--report")
    try:
        code, report = run(command_line, idle)
    except OSError as error:
        raise RunError(f"{command_line[0]}: cannot be run: {error.strerror}") from error
    are_written = [_is_written(report, file) for file in reports]
    raise SystemExit(code if all(are_written) else code or 2)


def _is_written(report: Report, file: str) -> bool:
    """Write a report, and tell whether that went well; say so where it did not."""
    from flake8_dbsession.runtime.reporting.writing import write_report

    try:
        write_report(report, file)
    except OSError as error:
        click.echo(f"Error: {file}: cannot be written: {error.strerror}", err=True)
        return False
    return True
