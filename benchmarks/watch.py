"""What the watch costs a test suite: the suite without and with it, in turn, and in pairs.

    python -m benchmarks.watch FOLDER [--rounds 5] [--start] [PYTEST ARGUMENT ...]

Runs this Python's pytest in FOLDER. Tests that draw at random or poll cost something else each
time: leave them out by an argument of pytest's. With ``--start`` it times instead what the plugin
costs where its option is not given: its import, in a Python that has imported pytest, and pytest's
start in FOLDER with the plugin and without it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys

_WITHOUT: tuple[str, ...] = ("-p", "no:dbsession")
_IMPORT = """
import time, pytest
start = time.process_time()
import flake8_dbsession.runtime.pytest_plugin
print((time.process_time() - start) * 1000)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--start", action="store_true")
    options, arguments = parser.parse_known_args()
    if options.start:
        _print_start(options.folder, options.rounds, arguments)
    else:
        _print_suite(options.folder, options.rounds, arguments)


def _print_suite(folder: str, rounds: int, arguments: list[str]) -> None:
    times, memory = [], []
    for turn in range(rounds):
        modes = ["off", "warn"] if turn % 2 == 0 else ["warn", "off"]
        taken = {mode: _cost(folder, "-o", f"dbsession_leaks={mode}", *arguments) for mode in modes}
        times.append(taken["warn"][0] / taken["off"][0])
        memory.append(taken["warn"][1] / taken["off"][1])
        print(f"off {taken['off'][0]:.2f} s, warn {taken['warn'][0]:.2f} s: {times[-1]:.3f}")
    print(f"processor time, median of the pairs: {statistics.median(times):.3f}")
    print(f"memory, median of the pairs: {statistics.median(memory):.3f}")


def _print_start(folder: str, rounds: int, arguments: list[str]) -> None:
    more = []
    for turn in range(rounds):
        ways = [(), _WITHOUT] if turn % 2 == 0 else [_WITHOUT, ()]
        taken = {way: _cost(folder, *way, *arguments)[0] for way in ways}
        more.append((taken[()] - taken[_WITHOUT]) * 1000)
    low, middle, high = statistics.quantiles(more, n=4)
    print(f"import of the plugin: {_import_time(rounds):.2f} ms")
    print(f"start with it, of the pairs: {middle:+.1f} ms, half from {low:+.1f} to {high:+.1f}")


def _cost(folder: str, *arguments: str) -> tuple[float, int]:
    """Run pytest, and give its seconds of processor time and its peak of memory."""
    command = [sys.executable, "-m", "pytest", "-q", *arguments]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return used.ru_utime + used.ru_stime, used.ru_maxrss


def _import_time(rounds: int) -> float:
    command = [sys.executable, "-c", _IMPORT]
    runs = (subprocess.run(command, capture_output=True, check=True) for _ in range(rounds))
    return statistics.median(float(run.stdout) for run in runs)


if __name__ == "__main__":
    main()
