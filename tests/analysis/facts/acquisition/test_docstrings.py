"""The examples in docstrings, and where they stand in the file."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from flake8_dbsession.analysis.facts.acquisition.docstrings import (
    DocstringExample,
    docstring_examples,
)
from flake8_dbsession.analysis.file import SourceFile
from flake8_dbsession.analysis.names.inference import Vocabulary
from flake8_dbsession.analysis.names.project import Project


def examples(text: str) -> list[DocstringExample]:
    path = Path("/repo/app.py")
    file = SourceFile(path, text, ast.parse(text), Project(path.parent), Vocabulary())
    return list(docstring_examples(file.tree, file.inference))


@pytest.mark.parametrize(
    "text",
    [
        '"""Open.\n\n>>> open_session()\n"""',
        'class A:\n    r"""Open::\n\n        open_session()\n    """',
        "def f():\n    '''\n    ```py\n    open_session()\n    ```\n    '''",
        'def f():\n    """>>> open_session()"""',
        'async def f():\n  """Open::\n\n      if a:\n\n        open_session()\n\n  End.\n  """  #',
    ],
)
def test_each_call_stands_where_the_file_has_it(text: str) -> None:
    (example,) = examples(text)
    (call,) = [node for node in ast.walk(example.tree) if isinstance(node, ast.Call)]
    line = text.split("\n")[example.line + call.lineno - 2]
    column = call.col_offset + example.indents[call.lineno - 1]
    assert line[column:].startswith("open_session()")


def test_the_examples_found() -> None:
    literal = "One::\n\n    open_session()\n\n"
    broken = "Two::\n\n    open_session(\n\n"
    text = f'"""\n{literal}{broken}>>> open_session()\n"""'
    assert [e.text.strip() for e in examples(text)] == ["open_session()", "open_session()"]


@pytest.mark.parametrize(
    "text",
    [
        '"""Open::\n\n    print(1)\n"""',
        '"""Open it with open_session()."""',
        'text = """\n>>> open_session()\n"""',
        'f"""\n>>> open_session()\n"""',
        '"""Open:\n\n    open_session()\n"""',
        '"""Open::\n\n    # open_session()\n"""',
    ],
)
def test_what_is_no_example(text: str) -> None:
    assert examples(text) == []
