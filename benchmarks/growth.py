"""How time grows with the number of files, and with the length of a chain of imports.

    python -m benchmarks.growth [--sizes 100 1000 10000]

Projects of each size are made up, and checked by this Python's `dbsession check`, first with
nothing known and then with nothing changed. Where sizes grow tenfold, so may the time. How it grows
with the size of a function or file is shown by scaling.py.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.measuring import cost

_FACTORY = """\
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

SessionLocal = sessionmaker(create_engine("postgresql://db"))
"""
_SERVICE = """\
from {module} import SessionLocal


def save_{number}(user):
    db = SessionLocal()
    db.add(user)
    db.commit()
    db.close()
"""
_PLAIN = "def area_{number}(width, height):\n    return width * height\n" * 20
_SETTLING = 3  # seconds after which what was written counts as settled


def of_services(size: int) -> dict[str, str]:
    """A project in which every tenth file uses sessions, by folders of a hundred files."""
    files = {"core/__init__.py": "", "core/database.py": _FACTORY}
    for number in range(size):
        text = _PLAIN if number % 10 else _SERVICE.replace("{module}", "core.database")
        files[f"part_{number // 100}/file_{number}.py"] = text.replace("{number}", str(number))
    return files


def chain(size: int) -> dict[str, str]:
    """A project in which each module takes the factory from the one before, and uses it."""
    files = {"link_0.py": _FACTORY}
    for number in range(1, size):
        module = f"link_{number - 1}"
        text = _SERVICE.replace("{module}", module).replace("{number}", str(number))
        files[f"link_{number}.py"] = text
    return files


_READING = """
def read_{number}(db: Session) -> list[object]:
    try:
        db.execute(text("select {number}"))
    except DBAPIError:
        print("none")
    return db.execute(text("select 1")).all()
"""


def of_engines(size: int) -> dict[str, str]:
    """Make a project whose files each make an engine, and read by a session that they are given."""
    head = (
        "from sqlalchemy import create_engine, text\n"
        "from sqlalchemy.exc import DBAPIError\n"
        "from sqlalchemy.orm import Session\n\n"
        'engine = create_engine("postgresql://db/{number}")\n'
    )
    return {
        f"app/reads_{number}.py": (head + _READING).format(number=number) for number in range(size)
    }


PROJECTS: dict[str, Callable[[int], dict[str, str]]] = {
    "services": of_services,
    "a chain of imports": chain,
    "engines": of_engines,
}


def write(folder: Path, files: dict[str, str]) -> None:
    """Write a project's files, with a mark that its folder is a repository's root."""
    (folder / ".git").mkdir(parents=True)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1_000, 10_000])
    arguments = parser.parse_args()
    check = [sys.executable, "-m", "flake8_dbsession", "check"]
    print(f"{'processor time':24}{'files':>8}{'nothing known':>16}{'nothing changed':>18}")
    for name, make in PROJECTS.items():
        for size in arguments.sizes:
            with tempfile.TemporaryDirectory() as temporary:
                folder = Path(temporary, "project")
                write(folder, make(size))
                os.environ["DBSESSION_CACHE_DIR"] = str(Path(temporary, "records"))
                time.sleep(_SETTLING)
                cold, warm = (cost(check, str(folder)).processor for _ in range(2))
            print(f"{name:24}{size:8}{cold:14.2f} s{warm * 1000:15.0f} ms", flush=True)


if __name__ == "__main__":
    main()
