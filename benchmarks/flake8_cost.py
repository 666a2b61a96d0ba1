"""What the plugin costs inside flake8.

    python benchmarks/flake8_cost.py PATH [--pairs 7]

Prints three figures: flake8's time over PATH with the plugin, as a ratio to its time without; the
time for a file that names nothing of interest; and what importing the plugin adds to flake8's
start. The two flake8s live in virtual environments of their own, made for the run, and take turns.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_DISMISSED = """
import time
from flake8_dbsession.linter import Linter, Settings
import ast
text = "def area(width, height):\\n    return width * height\\n\\n\\n" * 50
tree, linter = ast.parse(text), Linter(Settings())
linter.check("shapes.py", text, tree)
start = time.perf_counter()
for _ in range(2000):
    linter.check("shapes.py", text, tree)
print((time.perf_counter() - start) / 2000 * 1e6)
"""


def environment(folder: Path, *packages: str) -> Path:
    """Make a virtual environment with some packages, compiled, and give its Python."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--compile", *packages], check=True)
    return python


def seconds(*command: str | Path) -> float:
    """Run a command to its end and give the processor time that it took."""
    before = os.times()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    after = os.times()
    user = after.children_user - before.children_user
    return user + after.children_system - before.children_system


def paired(with_it: list[str | Path], without: list[str | Path], pairs: int) -> list[float]:
    """Run two commands in turn and give the differences and ratios of each pair."""
    seconds(*with_it), seconds(*without)
    return [
        time_with / time_without
        for time_with, time_without in (
            (seconds(*with_it), seconds(*without)) for _ in range(pairs)
        )
    ]


def started(python: Path) -> float:
    """Give the shortest of some starts of flake8, in seconds."""
    times = []
    for _ in range(15):
        start = time.perf_counter()
        subprocess.run([python, "-m", "flake8", "--version"], stdout=subprocess.DEVNULL, check=True)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("path", help="the code to lint")
    parser.add_argument("--pairs", type=int, default=7)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        plain = environment(Path(folder, "plain"), "flake8")
        plugged = environment(Path(folder, "plugged"), "flake8", str(ROOT))
        options = ["-m", "flake8", "--isolated", "-j1", arguments.path]
        ratios = paired([plugged, *options], [plain, *options], arguments.pairs)
        spread = f"{min(ratios):.3f} to {max(ratios):.3f}, {arguments.pairs} pairs"
        print(f"flake8 with the plugin / without: {statistics.median(ratios):.3f} ({spread})")
        dismissed = subprocess.run(
            [plugged, "-c", _DISMISSED], capture_output=True, text=True, check=True, cwd=folder
        )
        print(f"a file that names nothing of interest: {float(dismissed.stdout):.1f} µs")
        added = started(plugged) - started(plain)
        print(f"added to flake8's start: {added * 1000:.1f} ms")


if __name__ == "__main__":
    sys.exit(main())
