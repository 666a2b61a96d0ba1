"""What the watch costs a test suite: the suite without and with it, in turn, and in pairs.

    python -m benchmarks.watch FOLDER [--rounds 5] [--import] [PYTEST ARGUMENT ...]

Runs this Python's pytest in FOLDER. With ``--import`` it times the import of the plugin as well,
in a Python that has imported pytest.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys

_SWITCH = ("-o", "dbsession_leaks=")
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
    parser.add_argument("--import", action="store_true", dest="imports")
    options, arguments = parser.parse_known_args()
    times, memory = [], []
    for turn in range(options.rounds):
        modes = ["off", "warn"] if turn % 2 == 0 else ["warn", "off"]
        taken = {mode: _cost(options.folder, mode, arguments) for mode in modes}
        times.append(taken["warn"][0] / taken["off"][0])
        memory.append(taken["warn"][1] / taken["off"][1])
        print(f"off {taken['off'][0]:.2f} s, warn {taken['warn'][0]:.2f} s: {times[-1]:.3f}")
    print(f"processor time, median of the pairs: {statistics.median(times):.3f}")
    print(f"memory, median of the pairs: {statistics.median(memory):.3f}")
    if options.imports:
        print(f"import of the plugin: {_import_time(options.rounds):.2f} ms")


def _cost(folder: str, mode: str, arguments: list[str]) -> tuple[float, int]:
    """Run the suite, and give its seconds of processor time and its peak of memory."""
    option, name = _SWITCH
    command = [sys.executable, "-m", "pytest", "-q", option, f"{name}{mode}", *arguments]
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
