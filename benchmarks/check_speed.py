"""What `dbsession check` costs beside ruff, cold and warm, and what `dbsession --help` does.

    python benchmarks/check_speed.py PATH [--rounds 5] [--skip-cold]

Run it with the Python of a virtual environment that holds ruff and this package, and not an
editable one, which takes longer to start.

PATH, a folder of Python files, is copied first, so that nothing is written to it. Files that do not
parse are left out, for ruff caches no file that it reports. The two commands take turns; ratios are
of the shortest times. Peak memory is that of the largest process.
"""

from __future__ import annotations

import argparse
import ast
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

# A rule that reports nothing in sane code, so that ruff's cache serves every file.
RUFF, DBSESSION = (str(Path(sys.executable).with_name(name)) for name in ("ruff", "dbsession"))
QUIET = (RUFF, "check", "--quiet", "--isolated", "--select", "PLE2513")
COLD = (RUFF, "check", "--quiet", "--isolated", "--no-cache", "--select", "SIM115", "--exit-zero")
CHECK = (
    sys.executable,
    "-m",
    "flake8_dbsession",
    "check",
    "--exit-zero",
    "--output-file",
    os.devnull,
)


def seconds(command: tuple[str, ...], folder: str) -> float:
    """Run a command to its end and give the time that passed."""
    start = time.perf_counter()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(command, cwd=folder, check=True, **quiet)
    return time.perf_counter() - start


def turns(ours: tuple[str, ...], theirs: tuple[str, ...], folder: str, rounds: int) -> None:
    """Run two commands in turn and print the shortest time of each with their ratio."""
    times = [(seconds(ours, folder), seconds(theirs, folder)) for _ in range(rounds)]
    mine, other = (min(column) for column in zip(*times, strict=True))
    print(f"  dbsession {mine:.3f} s, ruff {other:.3f} s: {mine / other:.2f} times ruff")


def copied(path: str, folder: str) -> str:
    """Copy a tree into a repository of its own, without the files that do not parse."""
    target = Path(folder, "repository")
    shutil.copytree(path, target, ignore=shutil.ignore_patterns(".git", "node_modules"))
    (target / ".git").mkdir()
    old = time.time() - 3600
    for file in target.rglob("*"):
        if file.suffix in {".py", ".pyi"} and not parses(file):
            file.unlink()
    for file in (target, *target.rglob("*")):
        os.utime(file, (old, old))
    return str(target)


def parses(file: Path) -> bool:
    """Tell whether a file is Python without errors."""
    try:
        ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return False
    return True


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("path", help="the code to check")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--skip-cold", action="store_true", help="measure no cold runs but one")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as temporary:
        folder = copied(arguments.path, temporary)
        print("cold:")
        if arguments.skip_cold:
            print(f"  dbsession {seconds(CHECK, folder):.2f} s")
        else:
            turns((*CHECK, "--no-cache"), COLD, folder, 1)
            seconds(CHECK, folder)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        time.sleep(3)  # until what was written just now counts as settled
        seconds(CHECK, folder), seconds(QUIET, folder)
        print("warm:")
        turns(CHECK, QUIET, folder, arguments.rounds)
        print(f"peak memory of a process: {peak / 1024:.0f} MB")
        start = [seconds((sys.executable, "-c", "pass"), folder) for _ in range(15)]
        shown = [seconds((DBSESSION, "--help"), folder) for _ in range(15)]
        print(
            f"dbsession --help: {(min(shown) - min(start)) * 1000:.0f} ms more than Python's start"
        )


if __name__ == "__main__":
    main()
