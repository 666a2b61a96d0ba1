"""Change real files at random, and look whether everything holds of what comes out.

    python -m tests.fuzz PATH... [--count 50000] [--seed 0] [--keep FOLDER]

PATH is a Python file or a folder of them; nothing is written there. What does not hold is printed,
and with --keep the file of which it does not is kept.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.fuzz.runs import fuzz, sources


def main() -> int:
    """Run from the command line, and give the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--count", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path)
    arguments = parser.parse_args()
    kinds: Counter[str] = Counter()
    start = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        files = sources(arguments.paths)
        for failure, content in fuzz(files, arguments.count, arguments.seed, Path(folder)):
            kinds[failure.what] += 1
            print(f"{failure.path}: {failure.what}", flush=True)
            if arguments.keep:
                arguments.keep.mkdir(parents=True, exist_ok=True)
                name = f"{arguments.seed}-{sum(kinds.values())}-{Path(failure.path).name}"
                (arguments.keep / name).write_bytes(content)
    seconds = time.process_time() - start
    print(f"{arguments.count} mutants of {len(files)} files in {seconds:.0f} s of processor time")
    print(f"{sum(kinds.values())} failures of {len(kinds)} kinds")
    return 1 if kinds else 0


if __name__ == "__main__":
    sys.exit(main())
