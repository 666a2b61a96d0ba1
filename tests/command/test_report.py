"""``dbsession report``: the same numbers in every format, and pages that hold nothing foreign."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from flake8_dbsession.command.group import main
from tests.cases import write_project

HOUSE = """
from contextlib import contextmanager
from sqlalchemy.orm import sessionmaker
SessionLocal = sessionmaker()
@contextmanager
def get_db_session():
    with SessionLocal() as db:
        yield db
"""
FILES = {
    "house.py": HOUSE,
    "api/users_routes.py": "from house import get_db_session\nwith get_db_session() as db: pass\n",
    "jobs/<b>&.py": "from house import SessionLocal\ndb = SessionLocal()\n",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_project(tmp_path, FILES)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def report(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(main, ["report", *arguments], env=environment)


@pytest.mark.usefixtures("project")
def test_json() -> None:
    document = json.loads(report("--format", "json").stdout)
    assert document["total"] == {"sanctioned": 1, "by_hand": 1, "share": 0.5}
    assert document["layers"] == [
        {"name": "services", "sanctioned": 0, "by_hand": 1, "share": 0.0},
        {"name": "routes", "sanctioned": 1, "by_hand": 0, "share": 1.0},
    ]
    (place,) = document["files"][1]["by_hand"]
    assert (place["line"], place["column"], place["codes"]) == (2, 6, ["DBS101", "DBS201"])
    assert document["codes"] == [{"code": "DBS101", "count": 1}, {"code": "DBS201", "count": 1}]


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_documents_say_how_far_it_is(form: str) -> None:
    result = report("--format", form)
    assert result.exit_code == 0
    assert "50 % migrated: 1 sanctioned, 1 still by hand, in 1 file." in result.stdout
    for word in ("routes", "services", "DBS101", "raw-session-factory", "with get_db_session()"):
        assert word in result.stdout


@pytest.mark.usefixtures("project")
def test_text_on_a_narrow_terminal_loses_nothing() -> None:
    output = report(FORCE_COLOR="1", TERM="xterm", COLUMNS="50").stdout
    assert "\x1b[" in output
    assert "jobs/<b>&.py" in re.sub(r"\x1b\[[\d;]*m|\s", "", output)


@pytest.mark.usefixtures("project")
def test_no_line_of_text_ends_in_spaces() -> None:
    lines = report().stdout.splitlines()
    assert [line for line in lines if line != line.rstrip()] == []


class Page(HTMLParser):
    """Collects the tags of a page and what they lead to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str | None] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href")]


@pytest.mark.usefixtures("project")
def test_html_fetches_nothing_and_escapes_names() -> None:
    text = report("--format", "html").stdout
    page = Page(text)
    home = "https://github.com/flake8-dbsession/flake8-dbsession/"
    assert page.links
    assert all(link.startswith(home) for link in page.links)  # to the codes' pages, and no more
    assert not re.search(r"src=|@import|url\(|https?://", text.replace(f'href="{home}', ""))
    assert "b" in page.tags
    assert "jobs/<wbr>&lt;b&gt;&amp;.py" in text
    assert page.tags.count("details") == 1


@pytest.mark.parametrize("form", ["text", "markdown", "json", "html"])
def test_nothing_to_report(form: str, tmp_path: Path) -> None:
    write_project(tmp_path, {"app.py": "print(1)\n"})
    result = report(str(tmp_path), "--format", form)
    assert result.exit_code == 0
    assert result.stdout


def test_output_file(project: Path) -> None:
    result = report("--format", "markdown", "--output-file", "report.md")
    assert result.stdout == ""
    assert (project / "report.md").read_text(encoding="utf-8").startswith("# Database sessions")


@pytest.mark.usefixtures("project")
def test_what_cannot_be_written_is_wrong_use() -> None:
    result = report("--output-file", "missing/report.md")
    assert result.exit_code == 2
    assert "missing/report.md: cannot be written" in result.stderr


def test_unread_files_are_named_on_standard_error(project: Path) -> None:
    (project / "broken.py").write_text("def f(:\n")
    result = report("--format", "json")
    assert result.exit_code == 0
    assert result.stderr.startswith("./broken.py: cannot be parsed")
    assert json.loads(result.stdout)["unread"][0]["path"] == "./broken.py"


def test_broken_policy_is_wrong_use(project: Path) -> None:
    (project / "dbsession.toml").write_text("presett = 1")
    result = report()
    assert result.exit_code == 2
    assert "did you mean `preset`?" in result.stderr


def test_missing_path_is_wrong_use() -> None:
    result = report("no_such_folder")
    assert result.exit_code == 2
    assert "no_such_folder" in result.stderr


def test_standard_input_is_wrong_use() -> None:
    assert report("-").exit_code == 2
