"""The options that both doors take, from flake8's command line and its configuration files."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flake8.options.manager import OptionManager


def add_options(manager: OptionManager) -> None:
    """Declare the options, for the command line and for flake8's configuration files."""
    manager.add_option(
        "--dbsession-policy",
        metavar="FILE",
        parse_from_config=True,
        normalize_paths=True,
        help="the policy (default: found from each file upward)",
    )
    manager.add_option(
        "--dbsession-preset",
        metavar="NAME",
        parse_from_config=True,
        help="the preset under the policy: standard, flask, unified, dbapi, sqlite, sqlalchemy",
    )
    manager.add_option(
        "--dbsession-factories",
        metavar="NAMES",
        default="",
        parse_from_config=True,
        comma_separated_list=True,
        help="further session factories, such as core.database.SessionLocal",
    )
    manager.add_option(
        "--dbsession-owners",
        metavar="PATTERNS",
        default="",
        parse_from_config=True,
        comma_separated_list=True,
        help="the modules that may open sessions by hand (default: found)",
    )
    manager.add_option(
        "--dbsession-baseline",
        metavar="FILE",
        parse_from_config=True,
        normalize_paths=True,
        help="the known violations, as `dbsession baseline` wrote them, which are not reported; "
        "`none` for none (default: as the policy says, or .dbsession-baseline.json)",
    )
