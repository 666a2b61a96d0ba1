"""Which versions a project allows."""

from __future__ import annotations

from pathlib import Path

import pytest

from flake8_dbsession.analysis.source.requirements import Allowed, Requirements, required_in


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sqlalchemy>=2", Allowed((2,), None)),
        ("SQLAlchemy[asyncio] >= 2.0.1, < 3", Allowed((2, 0, 1), (3,))),
        ("sqlalchemy==1.4.49", Allowed((1, 4, 49), (1, 4, 49, 0))),
        ("sqlalchemy==1.4.*", Allowed((1, 4), (1, 5))),
        ("sqlalchemy~=2.0.3 ; python_version > '3.8'", Allowed((2, 0, 3), (2, 1))),
        ("sqlalchemy~=1.4", Allowed((1, 4), (2,))),
        ("sqlalchemy<2", Allowed(None, (2,))),
        ("sqlalchemy<=1.4.54", Allowed(None, (1, 4, 55))),
        ("sqlalchemy!=2.0.1,>=2", Allowed((2,), None)),
        ('dependencies = ["fastapi>=0.1", "sqlalchemy>=2,<3"]', Allowed((2,), (3,))),
        ('sqlalchemy = "^1.4"', Allowed((1, 4), (2,))),
        ('sqlalchemy = "^0.9.1"', Allowed((0, 9, 1), (0, 10))),
        ('sqlalchemy = "2.0.1"', Allowed((2, 0, 1), (2, 0, 1, 0))),
        ('sqlalchemy = { version = "~2.0", extras = ["asyncio"] }', Allowed((2, 0), (2, 1))),
        ('sqlalchemy = { extras = ["asyncio"], version = ">=2" }', Allowed((2,), None)),
        ("install_requires =\n    sqlalchemy >= 2.0\n", Allowed((2, 0), None)),
        ("  - sqlalchemy=1.4\n", Allowed((1, 4), (1, 5))),
        ("sqlalchemy>=1.4\nsqlalchemy<2\n", Allowed((1, 4), (2,))),
        ("sqlalchemy (>=2)", Allowed((2,), None)),
        ("sqlalchemy", Allowed()),
        ('sqlalchemy = "*"', Allowed()),
        ("sqlalchemy-utils>=2\nfastapi-sqlalchemy==0.2.1", Allowed()),
        ("types-sqlalchemy==1.4", Allowed()),
        ('plugins = ["sqlalchemy.ext.mypy.plugin"]', Allowed()),
        ("git+https://github.com/sqlalchemy/sqlalchemy@2.0", Allowed()),
    ],
)
def test_what_a_line_allows(text: str, expected: Allowed) -> None:
    assert required_in(text, "sqlalchemy") == expected


def test_what_is_known_of_bounds() -> None:
    assert Allowed((2, 0), None).are_from(2)
    assert not Allowed((1, 4), None).are_from(2)
    assert not Allowed((1, 4), None).are_below(2)
    assert Allowed((1, 4), (2,)).are_below(2)
    assert Allowed((2, 0, 1), (2, 0, 1, 0)).are_from(2)
    assert Allowed((1, 4, 49), (1, 4, 49, 0)).are_below(2)
    assert not Allowed().are_from(2)
    assert not Allowed().are_below(2)


def versions_in(root: Path, files: dict[str, str], folder: str = ".") -> Allowed:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / folder).mkdir(parents=True, exist_ok=True)
    return Requirements(root.resolve()).allowed("sqlalchemy", (root / folder).resolve())[0]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("uv.lock", '[[package]]\nname = "sqlalchemy"\nversion = "2.0.44"\n'),
        ("poetry.lock", '[[package]]\nname = "SQLAlchemy"\nversion = "2.0.44"\ndescription = ""\n'),
        ("Pipfile.lock", '{"default": {"sqlalchemy": {"hashes": [], "version": "==2.0.44"}}}'),
    ],
)
def test_a_lock_says_what_is_installed(tmp_path: Path, name: str, text: str) -> None:
    files = {name: text, "requirements.txt": "sqlalchemy>=1.4\n"}
    assert versions_in(tmp_path, files) == Allowed((2, 0, 44), (2, 0, 44, 0))


def test_the_nearest_folder_that_says_anything_counts(tmp_path: Path) -> None:
    files = {
        "requirements.txt": "sqlalchemy<2\n",
        "backend/requirements.txt": "sqlalchemy>=2\n",
        "backend/app/pyproject.toml": "[project]\ndependencies = ['sqlalchemy']\n",
    }
    assert versions_in(tmp_path, files, "backend/app").are_from(2)
    assert versions_in(tmp_path, {}, "other").are_below(2)


def test_comments_say_nothing(tmp_path: Path) -> None:
    text = "# sqlalchemy<2 is what we had\nsqlalchemy>=2  # not sqlalchemy<1\n"
    assert versions_in(tmp_path, {"requirements.txt": text}) == Allowed((2,), None)


def test_a_project_that_says_nothing(tmp_path: Path) -> None:
    assert versions_in(tmp_path, {"requirements.txt": "flask\n"}) == Allowed()


def test_nothing_is_read_above_the_root(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("sqlalchemy>=2\n")
    root = tmp_path / "project"
    root.mkdir()
    found, looked_at = Requirements(root).allowed("sqlalchemy", root)
    assert found == Allowed()
    assert {path.parent for path in looked_at} <= {root, root / "requirements"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("psycopg2-binary==2.9\nSQLAlchemy\n", {"psycopg2-binary"}),
        ("psycopg[binary]>=3\nPyMySQL\n", {"psycopg", "pymysql"}),
        ('asyncpg = "^0.29"', {"asyncpg"}),
        ('"sqlalchemy[asyncpg]"', {"asyncpg"}),
        ("# asyncpg\npsycopg-pool\nasyncpg-stubs\n", set()),
    ],
)
def test_which_distributions_are_named(tmp_path: Path, text: str, expected: set[str]) -> None:
    (tmp_path / "requirements.txt").write_text(text)
    (tmp_path / "app").mkdir()
    asked = frozenset({"asyncpg", "psycopg", "psycopg2-binary", "pymysql"})
    found, _ = Requirements(tmp_path).named(asked, tmp_path / "app")
    assert found == expected


TOML = """
[project]
dependencies = ["asyncpg", "uvicorn[standard]"]
[project.optional-dependencies]
{extra} = [
    "pytest[x]",
    "pymysql",  # for a double
]
[tool.other]
key = 1
"""


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("pyproject.toml", TOML.format(extra="test"), {"asyncpg"}),
        ("pyproject.toml", TOML.format(extra="dev-tools"), {"asyncpg"}),
        ("pyproject.toml", TOML.format(extra="mysql"), {"asyncpg", "pymysql"}),
        ("pyproject.toml", TOML.format(extra="devices"), {"asyncpg", "pymysql"}),
        (
            "pyproject.toml",
            "[dependency-groups]\ndev = [{include-group = 'x'}, 'pymysql']\nrun = ['asyncpg']\n",
            {"asyncpg"},
        ),
        ("pyproject.toml", "[tool.uv]\ndev-dependencies = ['pymysql']\n", set()),
        (
            "pyproject.toml",
            "[tool.poetry.group.test.dependencies]\npymysql = '1'\n\n"
            "[tool.poetry.dependencies]\nasyncpg = '*'\n",
            {"asyncpg"},
        ),
        (
            "pyproject.toml",
            "[tool.pdm.dev-dependencies]\nall = [\n  'pymysql',\n]\n[project]\nx = ['asyncpg']\n",
            {"asyncpg"},
        ),
        ("Pipfile", "[dev-packages]\npymysql = '*'\n[packages]\nasyncpg = '*'\n", {"asyncpg"}),
        (
            "setup.cfg",
            "[options.extras_require]\ntest =\n    pytest\n    pymysql\nrun =\n    asyncpg\n",
            {"asyncpg"},
        ),
        (
            "setup.py",
            "setup(install_requires=['asyncpg'], extras_require={'dev': ['a[b]', 'pymysql']})",
            {"asyncpg"},
        ),
        (
            "setup.py",
            "setup(tests_require=['pymysql'], extras_require={'x': ['asyncpg']})",
            {"asyncpg"},
        ),
    ],
)
def test_what_tests_alone_require(tmp_path: Path, name: str, text: str, expected: set[str]) -> None:
    (tmp_path / name).write_text(text)
    found, _ = Requirements(tmp_path).named(frozenset({"asyncpg", "pymysql"}), tmp_path)
    assert found == expected
