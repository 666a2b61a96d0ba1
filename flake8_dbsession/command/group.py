"""The group of the subcommands.

Their modules import nothing heavy at their top, for ``dbsession --help`` loads them all.
"""

from __future__ import annotations

import importlib
from typing import Any

import click

from flake8_dbsession import __version__
from flake8_dbsession.command.endings import to_the_end
from flake8_dbsession.output.streams import written_out

_COMMANDS: tuple[str, ...] = (
    "baseline",
    "cache",
    "check",
    "explain",
    "fix",
    "init",
    "policy",
    "report",
    "run",
    "server",
    "standard",
)

EXIT_CODES = """\
\b
Exit codes:
  0    nothing is found, or nothing is left
  1    violations, a stale document, or a file that could not be fixed
  2    wrong use, a broken policy or rule, or a result that cannot be written
  130  interrupted
  141  nobody reads the output any more
"""


class UsageError(click.ClickException):
    """What stops a command before it has a result: wrong use, or a policy that cannot be used."""

    exit_code = 2


class _Commands(click.Group):
    """Subcommands that are imported when they are looked at."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"{__package__}.{cmd_name}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        from difflib import get_close_matches

        near = get_close_matches(args[0], _COMMANDS, 1)
        if args[0] not in _COMMANDS and near and not ctx.resilient_parsing:
            ctx.fail(f"No such command '{args[0]}'; did you mean '{near[0]}'?")
        return super().resolve_command(ctx, args)

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        with written_out():  # --help and --version
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> object:
        with to_the_end():
            return super().invoke(ctx)


def _show_version(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    if not value or ctx.resilient_parsing:
        return
    from importlib.metadata import version
    from platform import python_version

    click.echo(f"dbsession {__version__}, Python {python_version()}, flake8 {version('flake8')}")
    ctx.exit()


@click.group(
    cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]}, epilog=EXIT_CODES
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the versions of this tool, Python and flake8, and exit.",
)
def main() -> None:
    """Hold Python code to your team's database-session standard."""
