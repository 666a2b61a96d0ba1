"""The baseline: what it knows, how it is written, and what is said of one that cannot be used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flake8_dbsession.checking.errors import RunError
from flake8_dbsession.checking.suppression.baseline import Baseline, Entry, load

ONE = Entry("app.py", "DBS101", "Users.save", "db = make()")
OTHER = ONE._replace(definition="Users.load")
FILE = Path("known.json")

_TEXTS = st.text(max_size=8)
_CODES = st.sampled_from(["DBS101", "DBS302"])
ENTRIES = st.dictionaries(
    st.builds(Entry, path=_TEXTS, code=_CODES, definition=_TEXTS, statement=_TEXTS),
    st.integers(1, 3),
    max_size=4,
)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


class TestComparison:
    def test_the_copies_beyond_the_known_ones_are_new(self) -> None:
        comparison = Baseline(FILE, {ONE: 2}).compare([ONE, OTHER, ONE, ONE])
        assert (comparison.new, comparison.gone) == ([1, 3], {})

    def test_what_nothing_matched_is_gone(self) -> None:
        comparison = Baseline(FILE, {ONE: 2, OTHER: 1}).compare([ONE])
        assert (comparison.new, comparison.gone) == ([], {ONE: 1, OTHER: 1})

    def test_what_one_python_writes_otherwise_is_the_same(self) -> None:
        written_by_310 = ONE._replace(statement="use(lambda : make('x'))")
        written_by_312 = ONE._replace(statement='use(lambda: make("x"))')
        assert Baseline(FILE, {written_by_310: 1}).compare([written_by_312]).new == []

    def test_paths_are_relative_to_the_file(self) -> None:
        baseline = Baseline(Path("conf/known.json"), {})
        assert baseline.relative("./app/users.py") == "../app/users.py"
        assert baseline.relative(str(Path.cwd() / "conf/users.py")) == "users.py"


class TestChanges:
    def test_recording_leaves_other_entries(self) -> None:
        baseline = Baseline(FILE, {ONE: 3, OTHER: 1}).record([ONE, ONE], replacing={ONE: 3})
        assert baseline.known == {ONE: 2, OTHER: 1}

    def test_recording_drops_what_is_replaced(self) -> None:
        assert Baseline(FILE, {ONE: 3}).record([OTHER], replacing={ONE: 3}).known == {OTHER: 1}

    @pytest.mark.parametrize("code", ["DBS001", "DBS002", "E902", "E999"])
    def test_what_keeps_a_file_from_being_checked_is_never_known(self, code: str) -> None:
        assert Baseline(FILE, {}).record([ONE._replace(code=code)], replacing={}).known == {}

    def test_pruning_adds_nothing(self) -> None:
        assert Baseline(FILE, {ONE: 3, OTHER: 1}).prune({ONE: 1, OTHER: 1}).known == {ONE: 2}


class TestFile:
    def test_an_entry_is_a_line(self) -> None:
        Baseline(FILE, {OTHER: 1, ONE: 2}).save()
        assert FILE.read_text() == (
            "{\n"
            '  "version": 1,\n'
            '  "violations": [\n'
            '    {"path": "app.py", "code": "DBS101", "definition": "Users.load",'
            ' "statement": "db = make()", "count": 1},\n'
            '    {"path": "app.py", "code": "DBS101", "definition": "Users.save",'
            ' "statement": "db = make()", "count": 2}\n'
            "  ]\n"
            "}\n"
        )

    def test_an_empty_one(self) -> None:
        Baseline(FILE, {}).save()
        assert json.loads(FILE.read_text()) == {"version": 1, "violations": []}
        assert load(FILE).known == {}

    @given(ENTRIES)
    def test_what_is_read_is_what_was_written(self, known: dict[Entry, int]) -> None:
        baseline = Baseline(FILE, known)
        baseline.save()
        assert load(FILE) == baseline
        assert load(FILE).text() == baseline.text()

    def test_undecodable_paths(self) -> None:
        baseline = Baseline(FILE, {ONE._replace(path="\udcff.py"): 1})
        baseline.save()
        assert load(FILE) == baseline

    def test_a_failed_write_leaves_the_old_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(_source: object, _target: object) -> None:
            raise PermissionError(13, "Permission denied")

        Baseline(FILE, {ONE: 1}).save()
        monkeypatch.setattr("os.replace", fail)
        with pytest.raises(RunError, match=r"known\.json: cannot be written: Permission denied"):
            Baseline(FILE, {}).save()
        assert load(FILE).known == {ONE: 1}
        assert [path.name for path in Path().iterdir()] == ["known.json"]


class TestUnusable:
    def test_missing(self) -> None:
        with pytest.raises(RunError, match=r"known\.json: there is no such baseline; check"):
            load(FILE)

    def test_a_folder(self) -> None:
        FILE.mkdir()
        with pytest.raises(RunError, match=r"known\.json: cannot be read: Is a directory"):
            load(FILE)

    def test_of_a_later_version(self) -> None:
        FILE.write_text('{"version": 2, "violations": {}}')
        with pytest.raises(RunError, match="version 2, this reads 1; update flake8-dbsession"):
            load(FILE)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "[]",
            "{",
            "\x00\xff",
            "[" * 100_000,
            '{"version": 1}',
            '{"version": 1, "violations": [1]}',
            '{"version": 1, "violations": [{"path": "a"}]}',
            Baseline(FILE, {ONE: 1}).text().replace('"count": 1', '"count": "1"'),
            Baseline(FILE, {ONE: 1}).text().replace('"app.py"', "null"),
            Baseline(FILE, {ONE: 1}).text().replace("DBS101", "E999"),
            f"<<<<<<< ours\n{Baseline(FILE, {ONE: 1}).text()}",
        ],
    )
    def test_damaged(self, text: str) -> None:
        FILE.write_text(text, encoding="latin-1")
        with pytest.raises(RunError, match=r"known\.json: is damaged, or no baseline; restore it"):
            load(FILE)
