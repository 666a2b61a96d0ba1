"""The command as a whole: its subcommands, its help, its exit codes."""

from __future__ import annotations

from click.testing import CliRunner

from flake8_dbsession import __version__
from flake8_dbsession.command import main


def test_version() -> None:
    assert CliRunner().invoke(main, ["--version"]).output == f"dbsession, version {__version__}\n"


def test_every_command_has_an_example_in_its_help() -> None:
    context = main.make_context("dbsession", [], resilient_parsing=True)
    for name in main.list_commands(context):
        words = [name, "clean"] if name == "cache" else [name]
        result = CliRunner().invoke(main, [*words, "--help"])
        assert result.exit_code == 0
        assert "Example:" in result.output, name


def test_unknown_command_is_wrong_use() -> None:
    assert CliRunner().invoke(main, ["chek"]).exit_code == 2
