"""What the plugin costs inside flake8.

    python benchmarks/flake8_cost.py PATH [--pairs 7]

Prints three figures: flake8's time over PATH with the plugin, as a ratio to its time without; the
time for a file that names nothing of interest; and what loading the plugin and its policy adds to
flake8's start. All are processor times. The two flake8s live in virtual environments of their own,
made for the run, and take turns; on a machine with other work the ratio of the fastest runs says
more than the median of the pairs.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
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
    """Run a command to its end and give the processor time that it took.

    It runs in the root folder: in this project's own, flake8 would find the plugin's metadata in
    the working directory, and load the plugin in both environments.
    """
    before, silent = _used(), subprocess.DEVNULL
    subprocess.run(command, stdout=silent, stderr=silent, check=False, cwd=os.sep)
    return _used() - before


def _used() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def paired(
    with_it: list[str | Path], without: list[str | Path], pairs: int
) -> list[tuple[float, float]]:
    """Run two commands in turn and give their times by pair."""
    seconds(*with_it), seconds(*without)
    return [(seconds(*with_it), seconds(*without)) for _ in range(pairs)]


def over_code(plugged: Path, plain: Path, path: Path, pairs: int) -> None:
    """Print the ratio of flake8 with the plugin to flake8 without, over some code."""
    options = ["-m", "flake8", "--isolated", "-j1", path]
    times = paired([plugged, *options], [plain, *options], pairs)
    ratios = [time_with / time_without for time_with, time_without in times]
    fastest = min(time for time, _ in times) / min(time for _, time in times)
    spread = f"{min(ratios):.3f} to {max(ratios):.3f}, {pairs} pairs; fastest {fastest:.3f}"
    print(f"flake8 with the plugin / without: {statistics.median(ratios):.3f} ({spread})")


def started(python: Path, empty: Path) -> float:
    """Give the shortest time that flake8 takes for an empty file, in seconds."""
    command = [python, "-m", "flake8", "--isolated", "-j1", empty]
    return min(seconds(*command) for _ in range(15))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("path", help="the code to lint")
    parser.add_argument("--pairs", type=int, default=7)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        plain = environment(Path(folder, "plain"), "flake8")
        plugged = environment(Path(folder, "plugged"), "flake8", str(ROOT))
        over_code(plugged, plain, Path(arguments.path).resolve(), arguments.pairs)
        dismissed = subprocess.run(
            [plugged, "-c", _DISMISSED], capture_output=True, text=True, check=True, cwd=folder
        )
        print(f"a file that names nothing of interest: {float(dismissed.stdout):.1f} µs")
        empty = Path(folder, "empty.py")
        empty.touch()
        added = started(plugged, empty) - started(plain, empty)
        print(f"added to flake8's start: {added * 1000:.1f} ms")


if __name__ == "__main__":
    sys.exit(main())
