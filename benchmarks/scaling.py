"""How the time for one file grows with its size: whether any part is worse than linear.

    python benchmarks/scaling.py [--sizes 250 500 1000 2000] [SHAPE ...]

Prints, for each shape of generated code, the time for a file of each size, and how much longer each
took than the one before. Where the sizes double, 2 is linear and 4 is quadratic.
"""

from __future__ import annotations

import argparse
import ast
import sys
import time
from collections.abc import Callable
from itertools import pairwise

from flake8_dbsession.linter import Linter, Settings

_HEAD = """
import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from fastapi import APIRouter, Depends
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session, sessionmaker

engine = create_engine("sqlite://")
SessionLocal = sessionmaker(engine)
pool = ThreadPoolExecutor()


def get_db():
    db = SessionLocal()
    try:
        yield db
    finally:
        db.close()


"""


def _in_function(line: str) -> Callable[[int], str]:
    """Make a function whose body is one piece of code, again and again."""
    return lambda size: (
        "async def work(db: Session, flag):\n"
        + "".join(
            f"    {part}\n" for i in range(size) for part in line.replace("{i}", str(i)).split("\n")
        )
    )


def _at_top(text: str) -> Callable[[int], str]:
    """Make a module that repeats one piece of code."""
    return lambda size: "".join(text.replace("{i}", str(i)) for i in range(size))


def _nested(header: str) -> Callable[[int], str]:
    """Make functions of blocks in blocks, twelve deep: as deep as no one writes them."""

    def code(size: int) -> str:
        blocks = "".join(f"{'    ' * (d + 1)}{header}\n" for d in range(12))
        body = f"{'    ' * 13}db = SessionLocal()\n{'    ' * 13}db.query(db)\n"
        return "".join(f"def work_{i}(flag):\n{blocks}{body}\n" for i in range(size // 12))

    return code


SHAPES: dict[str, Callable[[int], str]] = {
    "sessions in one function": _in_function("s{i} = SessionLocal()\ns{i}.query(1)\ns{i}.close()"),
    "one name rebound": _in_function("db = SessionLocal()\ndb.query(1)\ndb.close()"),
    "sessions left open": _in_function("s{i} = SessionLocal()\ns{i}.query(1)"),
    "connections in one function": _in_function("c{i} = sqlite3.connect('x')\nc{i}.close()"),
    "blocks in one function": _in_function("with SessionLocal() as db:\n    db.query(1)"),
    "connection blocks": _in_function("with sqlite3.connect('x') as c{i}:\n    c{i}.execute('')"),
    "blocks that leak results": _in_function(
        "with SessionLocal() as s{i}:\n    r{i} = s{i}.query(1)\nprint(r{i}, s{i})"
    ),
    "guarded sessions": _in_function(
        "s{i} = SessionLocal()\ntry:\n    s{i}.query(1)\nfinally:\n    s{i}.close()"
    ),
    "conditional sessions": _in_function(
        "s{i} = SessionLocal() if flag else None\nif s{i}:\n    s{i}.query(1)\n    s{i}.close()"
    ),
    "sessions in attributes": _in_function("flag.s{i} = SessionLocal()"),
    "sessions as arguments": _in_function("flag.add(SessionLocal())"),
    "one session, a long function": lambda size: (
        "def work():\n    db = SessionLocal()\n" + "    db.query(1)\n" * size + "    db.close()\n"
    ),
    "one session, a long branching function": lambda size: (
        "def work(flag):\n    db = SessionLocal()\n"
        + "".join(f"    if flag.a{i}:\n        db.query({i})\n" for i in range(size))
        + "    db.close()\n"
    ),
    "one session, a long chain of branches": lambda size: (
        "def work(flag):\n    db = SessionLocal()\n    if flag:\n        pass\n"
        + "".join(f"    elif flag == {i}:\n        db.query({i})\n" for i in range(min(size, 300)))
        + "    db.close()\n"
    ),
    "one session, helpers in a row": lambda size: (
        "def look(db, flag):\n    if flag:\n        return\n    db.query(1)\n\n\n"
        "def work(flag):\n    db = SessionLocal()\n"
        + "    look(db, flag)\n" * size
        + "    db.close()\n"
    ),
    "closes by hand": _in_function("db.close()"),
    "dependencies driven by hand": _in_function("d{i} = next(get_db())\nd{i}.close()"),
    "tasks": _in_function("asyncio.create_task(run(db, {i}))"),
    "gathers": _in_function("await asyncio.gather(run(db), run(db))"),
    "task group": lambda size: (
        "async def work(db: Session):\n    async with asyncio.TaskGroup() as group:\n"
        + "        group.create_task(run(db))\n" * size
    ),
    "tasks in a list": lambda size: (
        "async def work(db: Session):\n    tasks = []\n"
        + "    tasks.append(run(db))\n" * size
        + "    await asyncio.gather(*tasks)\n"
    ),
    "lists of tasks": _in_function("t{i} = []\nt{i}.append(run(db))\nawait asyncio.gather(*t{i})"),
    "functions that close a parameter": _at_top(
        "def work_{i}(db: Session, flag):\n    if flag:\n        db.close()\n\n\n"
    ),
    "functions that start tasks": _at_top(
        "async def work_{i}(db: Session):\n    asyncio.create_task(run(db))\n\n\n"
    ),
    "functions that make an engine": _at_top(
        "def work_{i}():\n    engine = create_engine('sqlite://')\n    return engine\n\n\n"
    ),
    "providers": _at_top(
        "@contextmanager\ndef get_{i}():\n    db = SessionLocal()\n    yield db\n\n\n"
    ),
    "retired names": _at_top("from core.database_manager import name_{i}\nname_{i}()\n"),
    "work for a pool": _in_function("pool.submit(run, db)"),
    "engines": _in_function("e{i} = create_engine('sqlite://')\ne{i}.connect()"),
    "awaits": _in_function("s{i} = SessionLocal()\nawait run(s{i})\ns{i}.close()"),
    "functions with a session": _at_top(
        "def work_{i}():\n    db = SessionLocal()\n    db.query(1)\n    db.close()\n\n\n"
    ),
    "functions with a block": _at_top(
        "def work_{i}():\n    with SessionLocal() as db:\n        return db.query(1)\n\n\n"
    ),
    "functions that call the one before": lambda size: "".join(
        f"def work_{i + 1}(db: Session):\n    work_{i}(db)\n    db = SessionLocal()\n"
        f"    work_{i}(db)\n\n\n"
        for i in range(size)
    ),
    "globals": _at_top(
        "def work_{i}():\n    global s{i}\n    s{i} = SessionLocal()\n    return s{i}\n\n\n"
    ),
    "one global": _at_top("def work_{i}():\n    global db\n    db = SessionLocal()\n\n\n"),
    "handlers": _at_top(
        "@router.get('/{i}')\ndef work_{i}(db: Session = Depends(get_db)):\n"
        "    return db.query({i}).all()\n\n\n"
    ),
    "handlers of their own dependencies": _at_top(
        "def get_db_{i}():\n    db = SessionLocal()\n    return db\n\n\n"
        "def work_{i}(db: Session = Depends(get_db_{i})):\n    return db.query({i}).all()\n\n\n"
    ),
    "classes": _at_top(
        "class Work{i}:\n    def __init__(self):\n        self.db = SessionLocal()\n\n"
        "    def close(self):\n        self.db.close()\n\n\n"
    ),
    "methods of one class": lambda size: (
        "class Work:\n    def __init__(self):\n        self.db = SessionLocal()\n\n"
        + "".join(f"    def work_{i}(self):\n        self.db.query(1)\n\n" for i in range(size))
    ),
    "handlers of methods that call each other": lambda size: (
        "class Work:\n    def __init__(self, db: Session):\n        self.db = db\n\n"
        "    def work_0(self):\n        self.db.flush()\n\n"
        + "".join(
            f"    def work_{i + 1}(self):\n        try:\n            self.work_{i // 2}()\n"
            "        except Exception:\n            self.work_0()\n            raise\n\n"
            for i in range(size)
        )
    ),
    "objects that have each other": lambda size: (
        "class Work:\n    def __init__(self, db: Session):\n        self.db = db\n"
        + "".join(f"        self.part_{i} = Part{i}(self)\n" for i in range(size))
        + "\n"
        + "".join(
            f"    def work_{i}(self):\n        try:\n            self.part_{i}.work()\n"
            "        except Exception:\n            print()\n\n"
            for i in range(size)
        )
        + "".join(
            f"\nclass Part{i}:\n    def __init__(self, work: Work):\n        self.work_ = work\n\n"
            "    def work(self):\n        self.work_.db.flush()\n\n"
            for i in range(size)
        )
    ),
    "attributes of one class": lambda size: (
        "class Work:\n"
        + "".join(
            f"    def w_{i}(self):\n        self.s{i} = SessionLocal()\n" for i in range(size)
        )
    ),
    "sessions of one module": _at_top("db_{i} = SessionLocal()\n"),
    "sessions under the main guard": lambda size: (
        "if __name__ == '__main__':\n" + "    db = SessionLocal()\n    db.close()\n" * size
    ),
    "aliases": lambda size: (
        "make_0 = SessionLocal\n"
        + "".join(f"make_{i + 1} = make_{i}\ndb_{i} = make_{i}()\n" for i in range(size))
    ),
    "names to learn": _at_top("make{i} = SessionLocal\n"),
    "imports": _at_top("from core.database_{i} import SessionLocal as Local{i}\n"),
    "docstrings": _at_top(
        'def work_{i}():\n    """Work.\n\n    >>> db = SessionLocal()\n    """\n\n\n'
    ),
    "one docstring": lambda size: (
        '"""Work.\n\n' + ">>> db = SessionLocal()\n>>> db.close()\n\n" * size + '"""\n'
    ),
    "nested ifs": _nested("if flag:"),
    "nested withs": _nested("with flag:"),
    "nested loops": _nested("for _ in flag:"),
    "nested functions": _nested("def work(flag):"),
    "chained calls": lambda size: (
        "def work(db: Session):\n    return db.query(1)" + ".filter(2)" * min(size, 400) + "\n"
    ),
    "a long list": lambda size: "sessions = [" + "SessionLocal(), " * size + "]\n",
    "a list of names": lambda size: "DB_NAMES = [" + "'db_session', " * size + "]\n",
    "one long line": lambda size: "; ".join(["session = 1"] * size) + "\n",
    "walruses": _in_function("if s{i} := SessionLocal():\n    s{i}.close()"),
}


def source(shape: str, size: int) -> str:
    """Generate a file of a shape that holds some code so many times."""
    return _HEAD + SHAPES[shape](size)


def seconds(text: str) -> float:
    """Give the time that the linter takes for a text, its parsing left out."""
    tree, linter = ast.parse(text), Linter(Settings())
    start = time.perf_counter()
    linter.check("generated.py", text, tree)
    return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("shapes", nargs="*", default=list(SHAPES), metavar="SHAPE")
    parser.add_argument("--sizes", nargs="+", type=int, default=[250, 500, 1000, 2000])
    arguments = parser.parse_args()
    seconds(source("functions with a session", 2))
    for shape in arguments.shapes:
        times = [seconds(source(shape, size)) for size in arguments.sizes]
        ratios = [later / before for before, later in pairwise(times)]
        shown = " ".join(f"{t * 1000:8.1f}" for t in times)
        print(f"{shape:40} {shown} ms   x {' '.join(f'{r:5.1f}' for r in ratios)}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
