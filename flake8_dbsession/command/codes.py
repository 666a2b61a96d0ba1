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
    if value is None:
        return frozenset()
    from flake8_dbsession.policy.model import ACCEPTABLE

    wanted = frozenset(re.findall(r"[^,\s]+", value))
    unknown = sorted(wanted.difference(ACCEPTABLE))
    if unknown or not wanted:
        wrong = f"no doubt is of the kind `{unknown[0]}`" if unknown else "no kind is named"
        raise click.BadParameter(f"{wrong}; there are {', '.join(ACCEPTABLE)}", ctx, parameter)
    return wanted


def reportable(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Give a list of codes, rules' names as their codes, and refuse what selects nothing.

    A click callback.

    Args:
        ctx: click's context.
        parameter: the option.
        value: codes, beginnings of codes or rules' names, separated by commas or spaces; None where
            none is given.

    Raises:
        click.BadParameter: no code of this tool begins so.
    """
    if value is None:
        return None
    from flake8_dbsession.rules.pages import known_codes

    known = known_codes()
    codes = (*known.values(), *_FLAKE8)
    wanted = [known.get(each, each) for each in re.findall(r"[^,\s]+", value)]
    for each in wanted or [""]:
        if not each or not any(code.startswith(each) for code in codes):
            advice = "`dbsession explain` lists the codes"
            wrong = f"no code begins with `{each}`" if each else "no code is named"
            raise click.BadParameter(f"{wrong}; {advice}", ctx, parameter)
    return ",".join(wanted)


def codes_in(*lists: str | None) -> tuple[str, ...]:
    """Give the codes of lists as ``reportable`` gives them."""
    return tuple(code for codes in lists for code in (codes or "").split(",") if code)


def named(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Give a list of codes, of any tool's, with this one's rules' names as their codes.

    A click callback, for what is to be left out: what leaves nothing out does no harm.

    Args:
        ctx: click's context.
        parameter: the option.
        value: codes, separated by commas or spaces; None where none is given.
    """
    if value is None or "-" not in value:
        return value
    from flake8_dbsession.rules.pages import known_codes

    known = known_codes()
    return ",".join(known.get(each, each) for each in re.findall(r"[^,\s]+", value))
