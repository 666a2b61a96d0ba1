"""A check reports line for line what flake8 reports of the same files."""

from __future__ import annotations

import linecache
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.command.test_check import check
from tests.flake8_runs import flake8_here

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(path.name for path in (ROOT / "examples").iterdir() if path.is_dir())

STATEMENTS = [
    b"import os\n",
    b"from core.database import SessionLocal\n",
    b"db = SessionLocal()\n",
    b"db = SessionLocal()  # noqa\n",
    b"db = SessionLocal()  # noqa: DBS101\n",
    b"db = SessionLocal()  # noqa:dbs201,DBS1\n",
    b"db = SessionLocal()  # NOQA : E501\n",
    b"db = SessionLocal()  # noqa: E999 DBS\n",
    b"db = SessionLocal()  #noqa\n",
    b"db = SessionLocal(\n    bind=1,\n)  # noqa: DBS101\n",
    b"db = SessionLocal(  # noqa\n    bind=1,\n)\n",
    b'db = (SessionLocal(), """\n# noqa: DBS201\n""")\n',
    b"db = SessionLocal(); other = SessionLocal(); other = SessionLocal()\n",
    b"def save(user):\n    db = SessionLocal()\n    db.add(user)\n",
    "größe = '€'; db = SessionLocal()\n".encode(),
    "def ä():\n\tß = SessionLocal(); ß.commit()\n".encode(),
    b"# flake8: noqa\n",
    b"x = 1  # flake8: noqa\n",
    b"# flake8: noqa: DBS101\n",
    b"    # FLAKE8=NOQA\n",
    b"\x0c\n",
    b"if True:\n\tpass\n",
    b"'''a\nb'''\n",
]
BROKEN = [
    b"def broken(:\n",
    b"if:\n",
    b"x = 'open\n",
    b"x = '''open\n",
    b"x = (1,\n",
    b"x = 1)\n",
    b"  indented = 1\n",
    b"if x:\n        a = 1\n    b = 1\n",
    b"if x:\n\ta = 1\n        b = 1\n",
    b"if x:  # noqa\n",
    b"x = \\\n",
    b"return = 1\n",
    b"def f(a, a): pass\n",
    b"nonlocal x\n",
    b"f'{a b}'\n",
    b"x = '\xe9'\n",
    "db = “x”\n".encode(),
    b"print 'x'\n",
]
HEADS = [
    b"",
    b"\xef\xbb\xbf",
    b"# -*- coding: latin-1 -*-\n",
    b"# -*- coding: utf-8 -*-\n",
    b"#!/usr/bin/env python\n# coding=UTF8\n",
    b"# coding: utf-8-odd\n",
    b"# coding: no-such\n",
    b"\xef\xbb\xbf# coding: latin-1\n",
    b"#!/usr/bin/env python\n# vim: set fileencoding=cp1252 :\n",
]
SETTINGS = [
    "",
    "extend-ignore = DBS101",
    "ignore = DBS,E9",
    "extend-select = DBS307",
    "disable-noqa = true",
    "per-file-ignores =\n    f1.py: DBS1\n    */f2.py: E999,DBS201",
    "exclude = f1.py",
    "extend-exclude = lib",
    "select = E",
    "dbsession-factories = core.database.other",
]


@st.composite
def contents(draw: st.DrawFn) -> bytes:
    parts = draw(st.lists(st.sampled_from(STATEMENTS), max_size=6))
    if draw(st.booleans()):
        place = draw(st.integers(0, len(parts)))
        parts.insert(place, draw(st.sampled_from(BROKEN)))
    content = draw(st.sampled_from(HEADS)) + b"".join(parts)
    ending = draw(st.sampled_from([b"\n", b"\n", b"\r\n", b"\r"]))
    content = content.replace(b"\n", ending)
    return content if draw(st.booleans()) else content.rstrip(ending)


@contextmanager
def inside(folder: Path | str) -> Iterator[None]:
    """Make a folder the working directory for a while."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def reported_by_flake8(*arguments: str) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        return flake8_here(*arguments, output=Path(folder, "lines"))


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples(example: str) -> None:
    with inside(ROOT / "examples"):
        files = sorted(map(str, Path(example).rglob("*.py")))
        expected = reported_by_flake8("--select", "DBS,E9", *files)
        assert check("--no-cache", *files).stdout.splitlines() == expected


@settings(max_examples=60, deadline=None)
@given(st.lists(contents(), min_size=1, max_size=5), st.sampled_from(SETTINGS), st.booleans())
def test_any_files_under_any_settings(
    files: list[bytes], configuration: str, is_repeated: bool
) -> None:
    linecache.clearcache()
    with tempfile.TemporaryDirectory() as folder, inside(folder):
        os.mkdir("lib")
        Path("setup.cfg").write_text(f"[flake8]\n{configuration}\n")
        names = [f"{'lib/' if number % 2 else './'}f{number}.py" for number in range(len(files))]
        for name, content in zip(names, files, strict=True):
            Path(name).write_bytes(content)
        if is_repeated:
            names.append(names[0])
        expected = reported_by_flake8("--select", "DBS,E9", *names)
        assert check(*names).stdout.splitlines() == expected
        assert check(*names).stdout.splitlines() == expected  # from the cache
