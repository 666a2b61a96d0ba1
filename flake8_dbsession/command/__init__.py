"""The `dbsession` door: one file a subcommand.

Each module of this package that is named in ``_COMMANDS`` has a click command called ``command``.
These modules import nothing heavy at their top, for ``dbsession --help`` loads them all.
"""

from __future__ import annotations

import importlib
from typing import Any

import click

from flake8_dbsession import __version__
from flake8_dbsession.checking.errors import RunError
from flake8_dbsession.output.escaping import visible
from flake8_dbsession.output.streams import written_out
from flake8_dbsession.policy.errors import PolicyError

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

_INTERRUPTED = 130  # as shells have it


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
        module = importlib.import_module(f"{__name__}.{cmd_name}")
        command: click.Command = module.command
        return command

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        with written_out():  # --help and --version
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> object:
        try:
            with written_out():
                return super().invoke(ctx)
        except (PolicyError, RunError) as error:
            raise UsageError(visible(str(error))) from error
        except KeyboardInterrupt:
            click.echo("Interrupted", err=True)
            raise SystemExit(_INTERRUPTED) from None


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="dbsession")
def main() -> None:
    """Hold Python code to your team's database-session standard."""
