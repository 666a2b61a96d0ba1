"""The flake8 door: everything works as it does for any flake8 code."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType

import pytest

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition
from flake8_dbsession.rules.acquisition.raw_factory_context import RawFactoryContext
from tests.cases import HOUSE, write_project
from tests.flake8_runs import flake8_here, run_flake8

# DBS102 on its line 5, and nothing else from this plugin or from flake8's own checks.
PASSES_BY = """\
from core.database import SessionLocal


def save(user):
    with SessionLocal() as db:
        db.expunge(user)
"""
# DBS101 on its line 5.
BY_HAND = """\
from core.database import SessionLocal


def equip(worker):
    worker.db = SessionLocal()
"""

# DBS408, which is off, on its line 7.
OFF_ONLY = {
    "app.py": """\
        from core.database import get_db_session


        async def save(user):
            with get_db_session() as db:
                db.expunge(user)
                db.commit()
        """
}
# Each option with a value, and what is found with and without it.
OPTIONS = {
    "preset": ("sqlalchemy", [], ["app.py:5:DBS102"]),
    "policy": ("conf/house.toml", [], ["app.py:5:DBS102"]),
    "factories": (
        "lib.names.fresh, lib.other.fresh",
        ["app.py:5:DBS102", "named.py:3:DBS101"],
        ["app.py:5:DBS102"],
    ),
    "owners": ("app.py, core/", [], ["app.py:5:DBS102"]),
}
OPTION_FILES = {
    "app.py": PASSES_BY,
    "named.py": "from lib.names import fresh\n\nprint(fresh())\n",
    "conf/house.toml": 'preset = "sqlalchemy"',
}

Flake8 = Callable[..., list[str]]


@pytest.fixture(autouse=True)
def house(tmp_path: Path) -> None:
    """Have a provider in the project that is checked."""
    write_project(tmp_path, HOUSE)


@pytest.fixture
def flake8(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Flake8:
    """Write a project into the working directory and run flake8 over it in this process."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, files: dict[str, str]) -> list[str]:
        write_project(tmp_path, {"setup.cfg": "[flake8]\n", **files})
        return flake8_here(*arguments, ".", output=tmp_path / ".flake8-output")

    return run


def found(lines: list[str]) -> list[str]:
    """Give ``path:line:code`` of each printed violation."""
    matches = (re.match(r"(?:\./)?([^:]+):(\d+):\d+: (\w+)", line) for line in lines)
    return [":".join(match.groups()) for match in matches if match]


class TestSelection:
    def test_runs_beside_flake8_s_own_checks(self, flake8: Flake8) -> None:
        lines = flake8(files={"app.py": "import os\n" + PASSES_BY})
        assert found(lines) == ["app.py:1:F401", "app.py:6:DBS102"]

    def test_select_by_prefix(self, flake8: Flake8) -> None:
        lines = flake8("--select=DBS", files={"app.py": "import os\n" + PASSES_BY})
        assert found(lines) == ["app.py:6:DBS102"]

    def test_select_by_code(self, flake8: Flake8) -> None:
        files = {"a.py": PASSES_BY, "b.py": BY_HAND}
        assert found(flake8("--select=DBS101", files=files)) == ["b.py:5:DBS101"]

    def test_extend_ignore(self, flake8: Flake8) -> None:
        files = {"a.py": PASSES_BY, "b.py": BY_HAND}
        assert found(flake8("--extend-ignore=DBS101", files=files)) == ["a.py:5:DBS102"]

    def test_per_file_ignores(self, flake8: Flake8) -> None:
        files = {
            "setup.cfg": "[flake8]\nper-file-ignores =\n    old/*: DBS1\n",
            "old/a.py": PASSES_BY,
            "new/a.py": PASSES_BY,
        }
        assert found(flake8(files=files)) == ["new/a.py:5:DBS102"]

    @pytest.mark.parametrize("comment", ["# noqa", "# noqa: DBS102", "# noqa: E501,DBS102"])
    def test_noqa(self, flake8: Flake8, comment: str) -> None:
        text = PASSES_BY.replace("as db:", f"as db:  {comment}")
        assert flake8("--select=DBS", files={"app.py": text}) == []

    def test_noqa_of_another_code(self, flake8: Flake8) -> None:
        text = PASSES_BY.replace("as db:", "as db:  # noqa: DBS101")
        assert found(flake8("--select=DBS", files={"app.py": text})) == ["app.py:5:DBS102"]

    def test_statistics(self, flake8: Flake8) -> None:
        files = {"a.py": PASSES_BY, "b.py": PASSES_BY}
        *_, last = flake8("--select=DBS", "--statistics", "-qq", files=files)
        assert re.match(r"2 +DBS102 ", last)

    def test_format(self, flake8: Flake8) -> None:
        lines = flake8("--format=%(code)s|%(row)d|%(col)d", files={"app.py": PASSES_BY})
        assert lines == ["DBS102|5|10"]


class TestOffRules:
    @pytest.mark.parametrize("prefix", ["D", "DBS", "DBS4", "DBS40"])
    @pytest.mark.parametrize("option", ["--select", "--extend-select"])
    def test_a_prefix_leaves_them_off(self, flake8: Flake8, option: str, prefix: str) -> None:
        assert flake8(f"{option}={prefix}", files=OFF_ONLY) == []

    @pytest.mark.parametrize("option", ["--select", "--extend-select"])
    def test_the_whole_code_turns_them_on(self, flake8: Flake8, option: str) -> None:
        lines = flake8(f"{option}=DBS408,DBS1", files=OFF_ONLY)
        assert found(lines) == ["app.py:7:DBS408"]

    @pytest.mark.parametrize("option", ["select", "extend-select"])
    def test_so_does_the_whole_code_in_a_configuration(self, flake8: Flake8, option: str) -> None:
        configuration = f"[flake8]\n{option} =\n    DBS,\n    DBS408\n"
        lines = flake8(files={**OFF_ONLY, "setup.cfg": configuration})
        assert found(lines) == ["app.py:7:DBS408"]

    @pytest.mark.parametrize("arguments", [(), ("--select=DBS",)])
    def test_so_does_a_policy(self, flake8: Flake8, arguments: tuple[str, ...]) -> None:
        policy = {"dbsession.toml": 'enable = ["DBS408"]'}
        lines = flake8(*arguments, files={**OFF_ONLY, **policy})
        assert found(lines) == ["app.py:7:DBS408"]

    def test_what_a_policy_enables_can_be_ignored(self, flake8: Flake8) -> None:
        policy = {"dbsession.toml": 'enable = ["DBS408"]'}
        assert flake8("--extend-ignore=DBS408", files={**OFF_ONLY, **policy}) == []


class TestOptions:
    """Each option changes what is found, from the command line and from ``[flake8]``."""

    @pytest.mark.parametrize(
        ("name", "value", "with_it", "without"), [(name, *case) for name, case in OPTIONS.items()]
    )
    def test_on_the_command_line(
        self, flake8: Flake8, name: str, value: str, with_it: list[str], without: list[str]
    ) -> None:
        selected = "--select=DBS101,DBS102"
        assert found(flake8(selected, files=OPTION_FILES)) == without
        assert found(flake8(selected, f"--dbsession-{name}={value}", files=OPTION_FILES)) == with_it

    @pytest.mark.parametrize(
        ("name", "value", "with_it", "_without"), [(name, *case) for name, case in OPTIONS.items()]
    )
    def test_in_the_configuration(
        self, flake8: Flake8, name: str, value: str, with_it: list[str], _without: list[str]
    ) -> None:
        listed = value.replace(", ", ",\n    ")
        configuration = f"[flake8]\ndbsession-{name} =\n    {listed}\n"
        if name in ("preset", "policy"):
            configuration = f"[flake8]\ndbsession-{name} = {value}\n"
        lines = flake8("--select=DBS101,DBS102", files={**OPTION_FILES, "setup.cfg": configuration})
        assert found(lines) == with_it

    def test_a_configured_policy_is_found_from_the_configuration_s_folder(
        self, tmp_path: Path
    ) -> None:
        configuration = "[flake8]\ndbsession-policy = ./conf/house.toml\n"
        write_project(tmp_path, {**OPTION_FILES, "setup.cfg": configuration, "deep/app.py": ""})
        run = run_flake8("--select=DBS102", "--config=../setup.cfg", "..", folder=tmp_path / "deep")
        assert (run.exit_code, run.lines, run.errors) == (0, [], "")


class TestUnusablePolicies:
    @pytest.mark.parametrize(
        ("option", "message"),
        [
            ("--dbsession-policy=none.toml", "none.toml: there is no such file"),
            ("--dbsession-policy=broken.toml", "broken.toml:1: is not TOML"),
            ("--dbsession-policy=folder", "folder: is a folder, not a file"),
            ("--dbsession-policy=key.toml", "unknown key `ownres`; did you mean `owners`?"),
            ("--dbsession-preset=flak", "unknown preset `flak`; did you mean `flask`?"),
            ("--dbsession-factories=not/a/name", "`dbsession-factories` has `not/a/name`"),
        ],
    )
    def test_what_the_command_line_names_stops_the_run(
        self, tmp_path: Path, option: str, message: str
    ) -> None:
        files = {"broken.toml": "= =", "key.toml": "ownres = []", "folder/a.py": "", "a.py": "x=1"}
        write_project(tmp_path, files)
        run = run_flake8(option, folder=tmp_path)
        assert (run.exit_code, run.errors) == (1, "")
        headline, line = run.lines
        assert headline == "There was a critical error during execution of Flake8:"
        assert line.startswith("flake8-dbsession: ")
        assert message in line

    def test_a_found_one_is_reported_on_each_file_below_it(self, flake8: Flake8) -> None:
        files = {"a/dbsession.toml": 'enable = "DBS"', "a/app.py": PASSES_BY, "b/app.py": PASSES_BY}
        lines = flake8(files=files)
        assert found(lines) == ["a/app.py:1:DBS001", "b/app.py:5:DBS102"]
        assert "a/app.py:1:1: DBS001 a/dbsession.toml:1: `enable` must be a list" in lines[0]

    @pytest.mark.parametrize("option", ["--select=DBS101", "--extend-select=DBS211"])
    def test_whatever_is_selected_it_is_reported(self, flake8: Flake8, option: str) -> None:
        files = {"a/dbsession.toml": "enable = 1", "a/app.py": PASSES_BY}
        assert found(flake8(option, files=files)) == ["a/app.py:1:DBS001"]

    @pytest.mark.parametrize("option", ["--select=DBS101", "--select=E9", "--extend-ignore=DBS001"])
    @pytest.mark.parametrize("path", [".", "src", "src/app.py"])
    def test_one_above_what_is_linted_stops_the_run(
        self, tmp_path: Path, option: str, path: str
    ) -> None:
        write_project(tmp_path, {"dbsession.toml": "\nenable = 1", "src/app.py": PASSES_BY})
        run = run_flake8(option, path, folder=tmp_path)
        assert run.exit_code == 1
        assert run.lines[1].startswith("flake8-dbsession: dbsession.toml:2: `enable` must be")

    @pytest.mark.parametrize(
        "policy",
        ['enable = ["DBS109"]', '[[layers]]\nname = "tests"\nallow = ["DBS109"]'],
    )
    def test_an_unknown_code_is_an_error(self, tmp_path: Path, policy: str) -> None:
        write_project(tmp_path, {"dbsession.toml": policy, "app.py": PASSES_BY})
        run = run_flake8(".", folder=tmp_path)
        assert run.exit_code == 1
        assert "unknown code `DBS109`; did you mean" in run.lines[1]

    @pytest.mark.parametrize("name", ["app:get_connection", "pkg.app.get_connection"])
    def test_a_connection_provider_that_leads_nowhere_is_an_error(
        self, tmp_path: Path, name: str
    ) -> None:
        files = {"app.py": PASSES_BY, "pkg/__init__.py": "", "pkg/app.py": ""}
        write_project(tmp_path, {"dbsession.toml": f'connections = "{name}"', **files})
        run = run_flake8("--select=DBS101", ".", folder=tmp_path)
        assert run.exit_code == 1
        assert f"`{name}`, which leads nowhere" in run.lines[1]

    def test_a_replacement_that_leads_nowhere_is_an_error(self, tmp_path: Path) -> None:
        policy = '[legacy]\n"manager.get_session" = "app:get_db_session"'
        write_project(tmp_path, {"dbsession.toml": policy, "app.py": PASSES_BY})
        run = run_flake8("--select=DBS101", ".", folder=tmp_path)
        assert run.exit_code == 1
        assert "`app:get_db_session`, which leads nowhere" in run.lines[1]

    def test_a_name_that_leads_nowhere_is_an_error(self, tmp_path: Path) -> None:
        policy = '[[layers]]\nname = "services"\nuse = "app:get_db_session"'
        write_project(tmp_path, {"dbsession.toml": policy, "app.py": PASSES_BY})
        run = run_flake8("--select=DBS101", ".", folder=tmp_path)
        assert run.exit_code == 1
        assert run.lines[1] == (
            "flake8-dbsession: dbsession.toml:3: [[layers]] `services`: `use` has "
            "`app:get_db_session`, which leads nowhere: `app` has no `get_db_session`"
        )


class TestSelectionOfThePolicy:
    FILES = MappingProxyType({"app.py": PASSES_BY})

    def test_it_holds_where_flake8_names_no_code(self, flake8: Flake8) -> None:
        files = {**self.FILES, "dbsession.toml": 'ignore = ["raw-factory-context"]'}
        assert flake8("--select=DBS,E9", files=files) == []

    def test_it_yields_where_flake8_names_one(self, flake8: Flake8) -> None:
        files = {**self.FILES, "dbsession.toml": 'preset = "standard"\nignore = ["DBS102"]'}
        assert found(flake8("--select=DBS102", files=files)) == ["app.py:5:DBS102"]

    @pytest.mark.parametrize(
        "policy", ['exclude = ["app.py"]', '[per-file-ignores]\n"app.py" = "DBS1"']
    )
    def test_files_are_left_out(self, flake8: Flake8, policy: str) -> None:
        assert flake8("--select=DBS", files={**self.FILES, "dbsession.toml": policy}) == []


class TestFailingRules:
    @pytest.fixture(autouse=True)
    def _break_a_rule(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def check(_self: object, _fact: Acquisition, _context: object) -> None:
            raise LookupError("no\nsuch  thing")

        monkeypatch.setattr(RawFactoryContext, "check", check)

    def test_a_failing_rule_costs_only_itself(self, flake8: Flake8) -> None:
        lines = flake8(files={"app.py": PASSES_BY + "\n\n" + BY_HAND.partition("\n\n\n")[2]})
        assert found(lines) == ["app.py:1:DBS002", "app.py:10:DBS101", "core/database.py:1:DBS002"]
        assert (
            "DBS002 DBS102 failed on this file with LookupError: no such thing; please report it"
            in lines[0]
        )

    def test_and_nothing_where_it_does_not_run(self, flake8: Flake8) -> None:
        files = {
            "dbsession.toml": '[[layers]]\nname = "old"\npaths = ["*"]\nallow = ["DBS102"]',
            "app.py": PASSES_BY,
        }
        assert flake8(files=files) == []


class TestColumns:
    """The syntax tree counts in UTF-8 bytes, flake8 in characters."""

    @pytest.mark.parametrize(
        "text", ["x", "ü", "🎉", "👩\u200d👩\u200d👧", "e\u0301", "\u2028", "日本"]
    )
    def test_characters_before_the_offence(self, flake8: Flake8, text: str) -> None:
        line = f'    with open("{text}"), SessionLocal() as db:'
        source = PASSES_BY.replace("    with SessionLocal() as db:", line)
        (printed,) = flake8("--select=DBS102", files={"app.py": source})
        assert printed.startswith(f"./app.py:5:{line.index('SessionLocal') + 1}: DBS102")

    def test_a_tab_is_one_column(self, flake8: Flake8) -> None:
        source = PASSES_BY.replace("    with", "\twith").replace("        db", "\t\tdb")
        (printed,) = flake8("--select=DBS102", files={"app.py": source})
        assert printed.startswith("./app.py:5:7: DBS102")

    def test_in_a_docstring_s_example(self, flake8: Flake8) -> None:
        source = '''
            from core.database import SessionLocal


            def greet():
                """Say „hello“.

                >>> "ü", SessionLocal().info
                """
            '''
        (printed,) = flake8("--select=DBS110", files={"app.py": source})
        assert printed.startswith("./app.py:8:14: DBS110")


class TestSources:
    @pytest.mark.parametrize(
        "data",
        [
            b"\xef\xbb\xbf" + PASSES_BY.encode(),
            PASSES_BY.replace("\n", "\r\n").encode(),
            PASSES_BY.replace("\n", "\r").encode(),
            PASSES_BY.encode().rstrip(b"\n"),
        ],
        ids=["a byte order mark", "CRLF", "CR", "no last line end"],
    )
    @pytest.mark.parametrize("by_stdin", [False, True])
    def test_line_ends_and_marks(self, tmp_path: Path, data: bytes, by_stdin: bool) -> None:
        (tmp_path / "app.py").write_bytes(data)
        run = run_flake8(
            "--select=DBS",
            "-" if by_stdin else "app.py",
            "--stdin-display-name=app.py",
            folder=tmp_path,
            stdin=data,
        )
        (line,) = run.lines
        assert line.startswith("app.py:5:10: DBS102")

    def test_a_coding_cookie(self, tmp_path: Path) -> None:
        source = '# coding: latin-1\nprint("é")\n' + PASSES_BY.replace(
            "with Sess", 'with open("é"), Sess'
        )
        (tmp_path / "app.py").write_bytes(source.encode("latin-1"))
        (line,) = run_flake8("--select=DBS", folder=tmp_path).lines
        assert line.startswith("./app.py:7:21: DBS102")

    def test_a_stub(self, flake8: Flake8) -> None:
        stub = "from core.database import SessionLocal\n\ndb = SessionLocal()\n"
        lines = flake8("--select=DBS101", "--filename=*.pyi", files={"app.pyi": stub})
        assert found(lines) == ["app.pyi:3:DBS101"]

    def test_standard_input_belongs_to_the_layer_of_its_display_name(self, tmp_path: Path) -> None:
        write_project(tmp_path, {"tests/test_app.py": ""})
        runs = [
            run_flake8(
                "--select=DBS",
                "-",
                f"--stdin-display-name={name}",
                folder=tmp_path,
                stdin=PASSES_BY.encode(),
            )
            for name in ("tests/test_app.py", "app.py")
        ]
        assert [found(run.lines) for run in runs] == [[], ["app.py:5:DBS102"]]


class TestProcesses:
    """flake8 checks many files in several processes, started in one way or another."""

    SPAWN = (
        "import multiprocessing, sys; from flake8.main.cli import main;"
        "multiprocessing.set_start_method('spawn'); sys.exit(main(sys.argv[1:]))"
    )

    def test_two_processes_find_what_one_finds(self, tmp_path: Path) -> None:
        files = {f"package{n}/app.py": (PASSES_BY, BY_HAND)[n % 2] for n in range(6)}
        files["package1/dbsession.toml"] = 'enable = ["DBS999"]'
        write_project(tmp_path, files)
        arguments = ("--select=DBS", "--dbsession-factories=lib.x.make", ".")
        one, two, spawned = (
            run_flake8("-j1", *arguments, folder=tmp_path),
            run_flake8("-j2", *arguments, folder=tmp_path),
            run_flake8("-j2", *arguments, folder=tmp_path, launcher=("-c", self.SPAWN)),
        )
        assert len(one.lines) >= 6
        assert sorted(one.lines) == sorted(two.lines) == sorted(spawned.lines)
        assert one.errors == two.errors == spawned.errors == ""
