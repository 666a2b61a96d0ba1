"""Codes as the options of commands take them."""

from __future__ import annotations

import re

import click

_FLAKE8 = ("E901", "E902", "E999")
"""The codes of flake8 for a file that does not parse or cannot be read.

Source: https://flake8.pycqa.org/en/latest/user/error-codes.html and pycodestyle's table of codes.
"""


def kinds_of_doubt(
    ctx: click.Context, parameter: click.Parameter, value: str | None
) -> frozenset[str]:
    """Read a list of the kinds of doubt that are accepted: a click callback.

    Args:
        ctx: click's context.
        parameter: the option.
        value: kinds, separated by commas or spaces; None where none is given.

    Raises:
        click.BadParameter: there is no such kind.
    """
    from flake8_dbsession.rewriting.edits import ACCEPTABLE

    wanted = frozenset(re.findall(r"[^,\s]+", value or ""))
    unknown = sorted(wanted.difference(ACCEPTABLE))
    if unknown or (value is not None and not wanted):
        wrong = f"no doubt is of the kind `{unknown[0]}`" if unknown else "no kind is named"
        raise click.BadParameter(f"{wrong}; there are {', '.join(ACCEPTABLE)}", ctx, parameter)
    return wanted


def reportable(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Refuse a list of codes with one that selects nothing: a click callback.

    Args:
        ctx: click's context.
        parameter: the option.
        value: codes or beginnings of codes, separated by commas or spaces; None where none is
            given.

    Raises:
        click.BadParameter: no code of this tool begins so.
    """
    from flake8_dbsession.rules.pages import TOOL_CODES
    from flake8_dbsession.rules.registry import rules

    if value is None:
        return None
    known = (*rules(), *TOOL_CODES, *_FLAKE8)
    for wanted in re.findall(r"[^,\s]+", value) or [""]:
        if not wanted or not any(code.startswith(wanted) for code in known):
            advice = "`dbsession explain` lists the codes"
            wrong = f"no code begins with `{wanted}`" if wanted else "no code is named"
            raise click.BadParameter(f"{wrong}; {advice}", ctx, parameter)
    return value
