"""Changed lines, as a real git tells them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from flake8_dbsession.checking.errors import RunError
from flake8_dbsession.checking.files.changes import changes_since

FIVE = "".join(f"line {number}\n" for number in range(1, 6))


def git(*arguments: str) -> None:
    settings = ["user.name=A", "user.email=a@b", "commit.gpgSign=false"]
    options = [part for setting in settings for part in ("-c", setting)]
    subprocess.run(["git", *options, *arguments], check=True, capture_output=True)


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a repository with one file of five lines in its only commit."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    root = tmp_path / "repository"
    root.mkdir()
    monkeypatch.chdir(root)
    git("init", "-q")
    Path("app.py").write_text(FIVE)
    commit()
    return root


def commit() -> None:
    git("add", "-A")
    git("commit", "-qm", "x")


def changed(path: str = "app.py", revision: str = "HEAD") -> list[int]:
    changes = changes_since(revision)
    return [line for line in range(1, 20) if changes.touch(path, line, line)]


class TestLines:
    def test_nothing_changed(self) -> None:
        assert changed() == []
        assert not changes_since("HEAD").has("app.py")

    def test_in_the_working_tree(self) -> None:
        Path("app.py").write_text(FIVE.replace("line 2", "new").replace("line 4\n", "a\nb\n"))
        assert changed() == [2, 4, 5]

    def test_staged_and_changed_again(self) -> None:
        Path("app.py").write_text(FIVE.replace("line 2", "new"))
        git("add", "app.py")
        Path("app.py").write_text(FIVE.replace("line 2", "new").replace("line 5", "newer"))
        assert changed() == [2, 5]

    def test_committed_since(self) -> None:
        Path("app.py").write_text("first\n" + FIVE)
        commit()
        assert changed() == []
        assert changed(revision="HEAD~1") == [1]

    def test_removed_lines_change_none_that_is_left(self) -> None:
        Path("app.py").write_text(FIVE.replace("line 2\n", ""))
        assert changed() == []

    def test_untracked(self) -> None:
        Path("new.py").write_text(FIVE)
        assert changed("new.py") == list(range(1, 20))

    def test_staged_new_file(self) -> None:
        Path("new.py").write_text(FIVE)
        git("add", "new.py")
        assert changed("new.py") == [1, 2, 3, 4, 5]

    def test_renamed(self) -> None:
        git("mv", "app.py", "renamed.py")
        Path("renamed.py").write_text(FIVE.replace("line 3", "new"))
        git("add", "renamed.py")
        assert changed("renamed.py") == [3]

    def test_one_of_several_lines_is_enough(self) -> None:
        Path("app.py").write_text(FIVE.replace("line 3", "new"))
        changes = changes_since("HEAD")
        assert changes.touch("app.py", 1, 3)
        assert not changes.touch("app.py", 4, 5)


class TestPaths:
    @pytest.mark.parametrize(
        "name", ["a b.py", "ü.py", 'qu"ote.py', "back\\slash.py", "tab\there.py", "b/b/x.py"]
    )
    def test_odd_names(self, name: str) -> None:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(FIVE)
        commit()
        path.write_text(FIVE.replace("line 1", "new"))
        assert changed(name) == [1]

    def test_from_a_folder_below_the_root(self, monkeypatch: pytest.MonkeyPatch) -> None:
        Path("lib").mkdir()
        Path("lib/new.py").write_text(FIVE)
        Path("app.py").write_text(FIVE.replace("line 3", "new"))
        monkeypatch.chdir("lib")
        assert changed("../app.py") == [3]
        assert changes_since("HEAD").has("new.py")

    def test_outside_of_the_repository(self, tmp_path: Path) -> None:
        with pytest.raises(RunError, match=r"other\.py: is outside of the repository"):
            changes_since("HEAD").has(str(tmp_path / "other.py"))


class TestDiffs:
    def test_lines_that_look_like_a_diff_s_own(self) -> None:
        text = FIVE.replace("line 2", "++ b/other.py\n@@ -1,9 +1,9 @@")
        Path("app.py").write_text(text)
        commit()
        Path("app.py").write_text(text.replace("++ b/", "++ c/").replace("line 5", "new"))
        assert changed() == [2, 6]

    def test_no_line_end_at_the_end(self) -> None:
        Path("app.py").write_text("a\n++ b/x")
        Path("z.py").write_text(FIVE)
        commit()
        Path("app.py").write_text("a\n++ b/y")
        Path("z.py").write_text(FIVE.replace("line 2", "new"))
        assert (changed(), changed("z.py")) == ([2], [2])

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("diff.noprefix", "true"),
            ("diff.mnemonicPrefix", "true"),
            ("diff.context", "9"),
            ("diff.interHunkContext", "9"),
            ("diff.external", "false"),
            ("diff.renames", "false"),
            ("diff.relative", "true"),
            ("color.ui", "always"),
            ("core.quotePath", "false"),
        ],
    )
    def test_the_user_s_settings_change_nothing(self, key: str, value: str) -> None:
        git("config", key, value)
        git("mv", "app.py", "ü.py")
        Path("ü.py").write_text(FIVE.replace("line 1", "new").replace("line 4", "new"))
        git("add", "-A")
        assert changed("ü.py") == [1, 4]


class TestErrors:
    @pytest.mark.parametrize("revision", ["nowhere", "--help", "", "HEAD:app.py"])
    def test_an_unknown_commit(self, revision: str) -> None:
        with pytest.raises(RunError, match="this repository knows no such commit"):
            changes_since(revision)

    def test_no_repository(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        with pytest.raises(RunError, match="not a git repository"):
            changes_since("HEAD")

    def test_no_git(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", "")
        with pytest.raises(RunError, match="needs git, which is not installed"):
            changes_since("HEAD")
