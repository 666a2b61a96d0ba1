"""flake8's own settings, read by flake8's own parser, for a run that is not flake8's."""

from __future__ import annotations

import argparse
import configparser
from collections.abc import Callable, Sequence
from functools import partial
from typing import NoReturn, TypeAlias

import flake8
from flake8.exceptions import ExecutionError
from flake8.main.options import register_default_options, stage1_arg_parser
from flake8.options.aggregator import aggregate_options
from flake8.options.config import load_config
from flake8.options.manager import OptionManager
from flake8.utils import parse_files_to_codes_mapping

from flake8_dbsession.checking.caching.run_keys import ALWAYS, CONFIGURATIONS, DEFAULT_SELECT
from flake8_dbsession.checking.errors import RunError
from flake8_dbsession.linter import TOLD, Told, names_codes
from flake8_dbsession.options import add_options
from flake8_dbsession.policy.files import OWN_FILE, PROJECT_FILE

_Read: TypeAlias = Callable[[Sequence[str]], argparse.Namespace]

SETTINGS = (PROJECT_FILE, OWN_FILE, *CONFIGURATIONS)
"""The names of the files that say how a file is checked."""


def flake8_options(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the options of flake8 and of this plugin, without loading any other plugin.

    Args:
        arguments: of flake8's command line; they win over its configuration files.

    Returns:
        The options, as flake8 hands them to its checks.

    Raises:
        RunError: a configuration file holds something that flake8 does not take.
    """
    try:
        read, own = _reader(arguments)
        options = read(own)
        parse_files_to_codes_mapping(options.per_file_ignores)  # which raises where it is wrong
        setattr(options, TOLD, _told(options, own, read))
        return options
    except (ExecutionError, ValueError, configparser.Error) as error:
        raise RunError(f"flake8's configuration cannot be used: {error}") from error


def _reader(arguments: Sequence[str]) -> tuple[_Read, list[str]]:
    """Give what reads arguments over the configuration files, and the arguments for it.

    Args:
        arguments: of flake8's command line, of which some say which files those are.
    """
    first = stage1_arg_parser()
    early, own = first.parse_known_args(list(arguments))
    configuration, folder = load_config(early.config, early.append_config, isolated=early.isolated)
    manager = OptionManager(
        version=flake8.__version__, plugin_versions="", parents=[first], formatter_names=[]
    )
    register_default_options(manager)
    add_options(manager)
    manager.extend_default_select(["DBS"])
    manager.parser.error = _refuse  # it would end the process
    return partial(aggregate_options, manager, configuration, folder), own


def _told(options: argparse.Namespace, arguments: Sequence[str], read: _Read) -> Told:
    """Tell what the command line says of codes from what the configuration says of them."""
    given = dict(argument.removeprefix("--").split("=", 1) for argument in arguments)
    mine = {name: given[name] for name in ("select", "extend-select", "ignore") if name in given}
    rest = [each for each in arguments if each[2:].split("=", 1)[0] not in mine]
    configured = names_codes(read(rest) if mine else options)
    chosen, extended = (_ours(mine.get(name, "")) for name in ("select", "extend-select"))
    if mine.get("select", ALWAYS) == f"{DEFAULT_SELECT},{ALWAYS}":
        return Told(configured, None, extended)
    if all(code.startswith("DBS0") for code in chosen):  # which speak of what the others report
        return Told(configured, None, (*chosen, *extended))
    return Told(configured, chosen, extended)


def _ours(codes: str) -> tuple[str, ...]:
    return tuple(code for code in codes.split(",") if code.startswith("DBS"))


def _refuse(message: str) -> NoReturn:
    raise ValueError(message)
