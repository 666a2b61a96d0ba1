"""Runs of the real flake8 with the plugin that is installed beside it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Run:
    """What a run of flake8 left.

    Attributes:
        exit_code: 0 when nothing was found.
        lines: the lines of its standard output.
        errors: its standard error.
    """

    exit_code: int
    lines: list[str]
    errors: str


def run_flake8(
    *arguments: str,
    folder: Path,
    stdin: bytes | None = None,
    launcher: tuple[str, ...] = ("-m", "flake8"),
) -> Run:
    """Run flake8 in a process of its own.

    Args:
        arguments: its command line.
        folder: the working directory.
        stdin: what it reads from standard input.
        launcher: the interpreter's arguments that start it.
    """
    done = subprocess.run(
        [sys.executable, *launcher, *arguments],
        cwd=folder,
        input=stdin,
        capture_output=True,
        timeout=120,
    )
    return Run(done.returncode, done.stdout.decode().splitlines(), done.stderr.decode())


def flake8_here(*arguments: str, output: Path) -> list[str]:
    """Run flake8 in this process, which takes a tenth of the time.

    Args:
        arguments: its command line.
        output: a file for what it prints.

    Returns:
        The lines that it prints.
    """
    from flake8.main.cli import main

    output.unlink(missing_ok=True)
    main(["-j1", f"--output-file={output}", *arguments])
    return output.read_text(encoding="utf-8").splitlines() if output.exists() else []
