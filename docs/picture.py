"""The picture of a run on an example application, drawn from what the command writes on a terminal.

`docs/generate.py` puts it into `docs/images/`.
"""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

SHOP = Path(__file__).resolve().parent.parent / "examples" / "fastapi_service"
COMMAND = "dbsession check --select DBS207,DBS303,DBS306 shop/services"
_WIDTH = 92
_FETCHED = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)
_DRAWN = re.compile(r"<style>.*?</style>|<[^>]*>", re.DOTALL)


def picture() -> str:
    """Give the picture as SVG, with nothing to fetch."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=_WIDTH, file=nowhere, force_terminal=True)
        console.print(Text(f"$ {COMMAND}", style="bold"))
        console.print(Text.from_ansi(_written()))
    drawn = console.export_svg(title="shop", theme=MONOKAI, unique_id="shop")
    return _FETCHED.sub("", drawn).replace("Fira Code", "Menlo, Consolas").rstrip() + "\n"


def shown(drawn: str) -> str:
    """Give what a picture says, whichever version of rich has drawn it."""
    return " ".join(_DRAWN.sub(" ", drawn).split())


def _written() -> str:
    """Run the command on a terminal, and give what it writes there."""
    ours, theirs = pty.openpty()
    with tempfile.TemporaryDirectory() as cache:
        environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
        run = subprocess.Popen(
            [sys.executable, "-m", "flake8_dbsession", *COMMAND.split()[1:]],
            cwd=SHOP,
            env={**environment, "DBSESSION_CACHE_DIR": cache},
            stdout=theirs,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs)
        written = b"".join(iter(lambda: _piece(ours), b"")).decode()
        os.close(ours)
        run.wait()
    return written.replace("\r\n", "\n").rstrip("\n")


def _piece(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # how Linux says that the other end is closed
        return b""
