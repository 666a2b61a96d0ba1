"""``dbsession server``: violations and fixes in the editor, by the Language Server Protocol."""

from __future__ import annotations

import click

from flake8_dbsession.checking.errors import RunError


class _Address(click.ParamType[tuple[str, int]]):
    """HOST:PORT."""

    name = "address"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        host, _, port = value.rpartition(":")
        if not host or not port.isdecimal():
            self.fail(f"{value!r} is no HOST:PORT, such as localhost:2087", param, ctx)
        return host, int(port)


@click.command(short_help="Show violations in an editor while code is written.")
@click.option(
    "--tcp",
    "address",
    type=_Address(),
    metavar="HOST:PORT",
    help="Wait for one editor to connect there.  [default: standard input and output]",
)
def command(address: tuple[str, int] | None) -> None:
    """Serve an editor by the Language Server Protocol: what `dbsession check` reports, of the text
    in the editor; fixes; and the rules' pages.

    An editor starts it; `docs/editors` says how. Needs `pip install 'flake8-dbsession[server]'`.

    \b
    Example:
        dbsession server
        dbsession server --tcp localhost:2087
    """
    try:
        import pygls.lsp.server  # noqa: F401
    except ImportError as error:
        raise RunError(
            f"the language server needs pygls 2, and there is none ({error}); "
            "install it with `pip install 'flake8-dbsession[server]'`"
        ) from error
    from flake8_dbsession.server.server import serve

    serve(address)
