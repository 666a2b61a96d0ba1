"""What checking costs beside ruff, pyrefly, ty, flake8 and flake8-bugbear, all in one run.

    python -m benchmarks.compare PATH [--rounds 5] [--file FILE] [--flake8-path PATH]

PATH is a folder of Python files; it is copied first, without the files that do not parse, for ruff
caches no file that it reports. This package and those of requirements.txt are installed into a
virtual environment made for the run, by pip. Each figure is a median over rounds in which the
commands take turns; the ratio after it is to the command that the table names first.
"""

from __future__ import annotations

import argparse
import ast
import os
import shutil
import subprocess
import tempfile
import time
import venv
import warnings
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measuring import Contender, cost, costs, peak, table

HERE = Path(__file__).resolve().parent
# A rule of ruff's that reports nothing in sane code, so that its cache serves every file.
_RUFF = ("check", "--quiet", "--isolated", "--exit-zero", "--select", "PLE2513")
_SETTLING = 3  # seconds after which what was written counts as settled


class Environment:
    """A virtual environment with this package and what it is measured beside.

    Args:
        folder: an empty folder for it.
    """

    def __init__(self, folder: Path) -> None:
        venv.create(folder, with_pip=True)
        self._scripts = folder / "bin"
        install(folder, str(HERE.parent), "-r", str(HERE / "requirements.txt"))

    def command(self, name: str, *arguments: str) -> list[str]:
        """Give a command line of one of its programs."""
        return [str(self._scripts / name), *arguments]


def install(folder: Path, *what: str) -> str:
    """Install packages into a virtual environment, and give its Python.

    By the newest pip, whose scripts import nothing: those of an older one import ``re``, which
    takes as long as half a run that finds nothing changed.
    """
    python = str(folder / "bin" / "python")
    for wanted in (("--upgrade", "pip"), ("--compile", *what)):
        command = [python, "-m", "pip", "install", "--quiet", *wanted]
        subprocess.run(command, check=True, cwd=folder)
    return python


def copied(path: Path, folder: Path) -> Path:
    """Copy a tree into a repository of its own, without the files that do not parse."""
    shutil.copytree(path, folder, ignore=shutil.ignore_patterns(".git", "node_modules"))
    (folder / ".git").mkdir(exist_ok=True)
    for file in folder.rglob("*"):
        if file.suffix in {".py", ".pyi"} and not parses(file):
            file.unlink()
    return folder


def parses(file: Path) -> bool:
    """Tell whether a file is Python without errors."""
    try:
        ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return False
    return True


def over_a_tree(environment: Environment, tree: Path, records: Path, rounds: int) -> None:
    """Print what whole runs cost: with nothing known, right after that, and later."""
    check = environment.command("dbsession", "check")
    ruff_cache = str(records / "ruff")
    ruff = environment.command("ruff", *_RUFF, "--cache-dir", ruff_cache, ".")

    def forget() -> None:
        shutil.rmtree(records, ignore_errors=True)

    cold = {
        "dbsession check": Contender(check, forget),
        "pyrefly check": Contender(environment.command("pyrefly", "check", ".")),
        "ty check": Contender(environment.command("ty", "check", ".")),
        "ruff check, one rule": Contender(environment.command("ruff", *_RUFF, "--no-cache", ".")),
    }
    cost(check, str(tree))
    print(f"largest process of dbsession check: {peak():.0f} MB")
    print(table("nothing known", costs(cold, max(1, rounds // 2), str(tree)), "pyrefly check"))
    forget()
    cost(check, str(tree)), cost(ruff, str(tree))
    warm = {"ruff check, one rule": Contender(ruff), "dbsession check": Contender(check)}
    first = {name: cost(each.command, str(tree)) for name, each in warm.items()}
    print(table("right after the first run", first, "ruff check, one rule"))
    time.sleep(_SETTLING)
    cost(check, str(tree))
    print(table("nothing changed", costs(warm, rounds * 3, str(tree)), "ruff check, one rule"))


def over_a_file(
    environment: Environment, tree: Path, file: str, records: Path, rounds: int
) -> None:
    """Print what one file costs, as pre-commit and editors have it checked."""

    def forget() -> None:
        for record in records.glob("*.json"):
            record.unlink()

    check = environment.command("dbsession", "check", file)
    flake8 = environment.command("flake8", "--isolated", "-j1")
    contenders = {
        "python -c pass": Contender(environment.command("python", "-c", "pass")),
        "ruff check, no cache": Contender(environment.command("ruff", *_RUFF, "--no-cache", file)),
        "dbsession check, nothing known": Contender(check, forget),
        "dbsession check, known": Contender(check),
        "flake8 with this plugin alone": Contender([*flake8, "--select", "DBS", file]),
    }
    time.sleep(_SETTLING)
    print(table(f"one file: {file}", costs(contenders, rounds * 3, str(tree)), "python -c pass"))


def inside_flake8(folder: Path, trees: Sequence[Path], rounds: int) -> None:
    """Print what the plugin adds to flake8, and what flake8-bugbear does."""
    pythons = {}
    for name, packages in {
        "flake8 alone": ("flake8",),
        "flake8 with this plugin": ("flake8", str(HERE.parent)),
        "flake8 with flake8-bugbear": ("flake8", "flake8-bugbear"),
    }.items():
        place = folder / name.replace(" ", "-")
        venv.create(place, with_pip=True)
        pythons[name] = install(place, *packages)
    for tree in trees:
        command = ("-m", "flake8", "--isolated", "-j1", str(tree))
        contenders = {name: Contender([python, *command]) for name, python in pythons.items()}
        # In the root folder, for flake8 would find this project's metadata in its own.
        print(table(f"flake8 over {tree.name}", costs(contenders, rounds, os.sep), "flake8 alone"))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("path", type=Path, help="the code to check")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--file", help="the file of PATH that is checked alone")
    parser.add_argument("--flake8-path", default=".", help="the part of PATH for flake8")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        os.environ["DBSESSION_CACHE_DIR"] = str(folder / "records")
        environment = Environment(folder / "environment")
        tree = copied(arguments.path, folder / "repository")
        time.sleep(_SETTLING)
        over_a_tree(environment, tree, folder / "records", arguments.rounds)
        files = sorted(tree.rglob("*.py"), key=lambda file: file.stat().st_size)
        file = arguments.file or str(files[len(files) // 2].relative_to(tree))
        over_a_file(environment, tree, file, folder / "records", arguments.rounds)
        beside = folder / "a_word_in_a_comment.py"
        beside.write_text("# of the database\nx = 1\n")
        targets = (tree / arguments.flake8_path, tree / file, beside)
        inside_flake8(folder, targets, arguments.rounds)


if __name__ == "__main__":
    main()
