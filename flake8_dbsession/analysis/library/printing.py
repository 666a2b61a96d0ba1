"""What libraries have to print with: on a terminal, beside a bar of progress, in colour.

Sources: https://click.palletsprojects.com/en/stable/api/#utilities,
https://typer.tiangolo.com/tutorial/printing/, https://rich.readthedocs.io/en/stable/reference/console.html,
https://tqdm.github.io/docs/tqdm/#write, https://github.com/termcolor/termcolor#readme,
https://docs.python.org/3/library/pprint.html
"""

from __future__ import annotations

_CONSOLE = {"bell", "log", "print", "print_exception", "print_json", "rule"}
_BAR = {"clear", "close", "refresh", "set_description", "set_description_str", "set_postfix"} | {
    "set_postfix_str",
    "update",
    "write",
}
_BY_OWNER = {
    "click": {"clear", "echo", "secho", "style", "unstyle"},
    "pprint": {"pformat", "pp", "pprint"},
    "rich": {"get_console", "print", "print_json"},
    "rich.console": {"Console"},
    "rich.console.Console()": _CONSOLE,
    "rich.get_console()": _CONSOLE,
    "termcolor": {"colored", "cprint"},
    "typer": {"clear", "echo", "secho", "style", "unstyle"},
    **{f"{module}.tqdm": {"write"} for module in ("tqdm", "tqdm.auto", "tqdm.asyncio")},
    **{f"{module}.tqdm()": _BAR for module in ("tqdm", "tqdm.auto", "tqdm.asyncio")},
}
PRINTERS = frozenset(f"{owner}.{name}" for owner, names in _BY_OWNER.items() for name in names)
"""The functions and methods that print, or colour what is to be printed: by qualified names."""
