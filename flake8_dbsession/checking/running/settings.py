"""flake8's own settings, read by flake8's own parser, for a run that is not flake8's."""

from __future__ import annotations

import argparse
import configparser
from collections.abc import Sequence
from typing import NoReturn

import flake8
from flake8.exceptions import ExecutionError
from flake8.main.options import register_default_options, stage1_arg_parser
from flake8.options.aggregator import aggregate_options
from flake8.options.config import load_config
from flake8.options.manager import OptionManager

from flake8_dbsession.checking.errors import RunError
from flake8_dbsession.options import add_options


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
        return _aggregated(arguments)
    except (ExecutionError, ValueError, configparser.Error) as error:
        raise RunError(f"flake8's configuration cannot be used: {error}") from error


def _aggregated(arguments: Sequence[str]) -> argparse.Namespace:
    first = stage1_arg_parser()
    early, rest = first.parse_known_args(list(arguments))
    configuration, folder = load_config(early.config, early.append_config, isolated=early.isolated)
    manager = OptionManager(
        version=flake8.__version__, plugin_versions="", parents=[first], formatter_names=[]
    )
    register_default_options(manager)
    add_options(manager)
    manager.extend_default_select(["DBS"])
    manager.parser.error = _refuse  # it would end the process
    return aggregate_options(manager, configuration, folder, rest)


def _refuse(message: str) -> NoReturn:
    raise ValueError(message)
