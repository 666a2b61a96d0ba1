"""Codes as the options of commands take them."""

from __future__ import annotations

import re

import click

_FLAKE8 = ("E901", "E902", "E999")
"""The codes of flake8 for a file that does not parse or cannot be read.

Source: https://flake8.pycqa.org/en/latest/user/error-codes.html and pycodestyle's table of codes.
"""


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

    known = (*rules(), *TOOL_CODES, *_FLAKE8) if value else ()
    for wanted in re.findall(r"[^,\s]+", value or ""):
        if not any(code.startswith(wanted) for code in known):
            advice = "`dbsession explain` lists the codes"
            raise click.BadParameter(f"no code begins with `{wanted}`; {advice}", ctx, parameter)
    return value
