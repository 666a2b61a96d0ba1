"""The composite action: parsed as GitHub parses it, and its steps run as GitHub runs them."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.ci.stage import ROOT, bash, checked_out, environment, pull_request
from tests.packaging.copying import copy_of_repository

ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]
_EXPRESSION = re.compile(r"\$\{\{ *(.*?) *\}\}")


@pytest.fixture(scope="module")
def request_of(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    repository = tmp_path_factory.mktemp("origin") / "repository"
    return repository, pull_request(repository)


class Job:
    """A job that runs the action in a fresh checkout.

    Args:
        folder: an empty folder.
        repository: what is checked out.
        commit: which commit of it.
        depth: how much of the history; 0 for all.
        event: what GitHub says of the pull request, by the name of an expression.
    """

    def __init__(
        self, folder: Path, repository: Path, commit: str, *, depth: int = 1, **event: str
    ) -> None:
        self.checkout = folder / "checkout"
        checked_out(repository, self.checkout, commit, depth)
        self._output, self._temp = folder / "output", folder / "temp"
        self._temp.mkdir()
        self._event = event
        self.variables = {
            "GITHUB_OUTPUT": str(self._output),
            "GITHUB_PATH": str(folder / "path"),
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_EVENT_NAME": event.get("event", "pull_request"),
            "GITHUB_SHA": event.get("sha", commit),
            "RUNNER_TEMP": str(self._temp),
        }

    def step(self, name: str, **inputs: str) -> subprocess.CompletedProcess[str]:
        """Run one step by its name."""
        (step,) = (each for each in STEPS if each.get("name") == name)
        values = {each: text.get("default", "") for each, text in ACTION["inputs"].items()}
        values |= inputs
        env = {name: self._value(text, values) for name, text in step.get("env", {}).items()}
        return bash(step["run"], self.checkout, environment(self._temp, {**self.variables, **env}))

    def run(self, **inputs: str) -> subprocess.CompletedProcess[str]:
        """Find the base, and check."""
        if inputs.get("since") != "none":
            found = self.step("Find the base", **inputs)
            assert found.returncode == 0, found.stderr
        return self.step("Check", **inputs)

    @property
    def since(self) -> str:
        """The commit that was found."""
        return self._output.read_text().removeprefix("since=").strip()

    def _value(self, text: str, inputs: dict[str, str]) -> str:
        (name,) = _EXPRESSION.fullmatch(text).groups()  # type: ignore[union-attr]
        if name.startswith("inputs."):
            return inputs[name.removeprefix("inputs.")]
        if name == "steps.base.outputs.since":
            return self.since if self._output.exists() else ""
        return self._event.get("base", "")


def lines(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Give the files, lines and codes of annotations."""
    found = re.findall(r"title=dbsession (\w+),file=([^,]*),line=(\d+)", done.stdout)
    return [f"{path}:{line} {code}" for code, path, line in found]


class TestForm:
    def test_nothing_from_outside_becomes_part_of_a_script(self) -> None:
        assert [step["run"] for step in STEPS if _EXPRESSION.search(step.get("run", ""))] == []

    def test_inputs_are_described_and_used(self) -> None:
        text = (ROOT / "action.yml").read_text(encoding="utf-8")
        for name, given in ACTION["inputs"].items():
            assert given["description"]
            assert isinstance(given["default"], str)
            assert f"inputs.{name}" in text
        assert set(re.findall(r"inputs\.([\w-]+)", text)) == set(ACTION["inputs"])

    def test_each_script_names_its_shell(self) -> None:
        scripts = [step for step in STEPS if "run" in step]
        assert [step["name"] for step in scripts] == ["Install", "Find the base", "Check"]
        assert {step["shell"] for step in scripts} == {"bash"}
        assert all(("run" in step) != ("uses" in step) for step in STEPS)

    def test_the_package_of_the_action_is_installed(self) -> None:
        (install,) = (step["run"] for step in STEPS if step.get("name") == "Install")
        assert 'pip install --quiet --disable-pip-version-check "$GITHUB_ACTION_PATH"' in install


@pytest.mark.packaging
def test_it_installs_itself(tmp_path: Path, request_of: tuple[Path, dict[str, str]]) -> None:
    repository, commits = request_of
    job = Job(tmp_path, repository, commits["merge"])
    job.variables["GITHUB_ACTION_PATH"] = str(copy_of_repository(tmp_path / "action"))
    done = job.step("Install")
    assert done.returncode == 0, done.stderr
    installed = (tmp_path / "path").read_text().strip()
    assert installed == str(tmp_path / "temp" / "dbsession" / "bin")
    job.variables["PATH"] = os.pathsep.join((installed, os.environ["PATH"]))
    assert "app.py:9 DBS302" in lines(job.run(since="none"))


class TestBase:
    def test_of_a_merge_is_its_first_parent(
        self, tmp_path: Path, request_of: tuple[Path, dict[str, str]]
    ) -> None:
        repository, commits = request_of
        job = Job(tmp_path, repository, commits["merge"], base=commits["base"])
        done = job.run()
        assert lines(done) == ["app.py:9 DBS101", "app.py:9 DBS302"]
        assert job.since != commits["base"]
        assert done.returncode == 1

    def test_of_something_else_is_where_they_met(
        self, tmp_path: Path, request_of: tuple[Path, dict[str, str]]
    ) -> None:
        repository, commits = request_of
        job = Job(tmp_path, repository, commits["head"], base=commits["base"], sha=commits["merge"])
        assert lines(job.run()) == ["app.py:9 DBS101", "app.py:9 DBS302"]
        assert job.since == commits["base"]

    def test_a_whole_history_stays_whole(
        self, tmp_path: Path, request_of: tuple[Path, dict[str, str]]
    ) -> None:
        repository, commits = request_of
        job = Job(tmp_path, repository, commits["merge"], depth=0, base=commits["base"])
        job.run()
        assert not (job.checkout / ".git" / "shallow").exists()

    @pytest.mark.parametrize("since", ["main", "base"])
    def test_can_be_given(
        self, tmp_path: Path, request_of: tuple[Path, dict[str, str]], since: str
    ) -> None:
        repository, commits = request_of
        job = Job(tmp_path, repository, commits["head"], event="push")
        job.run(since=commits.get(since, since))
        assert job.since == {"base": commits["base"], "main": commits["merge"]}[since]

    def test_that_looks_like_an_option_is_none(
        self, tmp_path: Path, request_of: tuple[Path, dict[str, str]]
    ) -> None:
        repository, commits = request_of
        job = Job(tmp_path, repository, commits["head"])
        done = job.step("Find the base", since=f"--upload-pack=touch {tmp_path}/run")
        assert done.returncode != 0
        assert not (tmp_path / "run").exists()

    def test_of_a_push_is_none(
        self, tmp_path: Path, request_of: tuple[Path, dict[str, str]]
    ) -> None:
        repository, commits = request_of
        job = Job(tmp_path, repository, commits["merge"], event="push")
        assert "other.py:5 DBS101" in lines(job.run())


class TestCheck:
    def test_what_is_given_reaches_the_command(
        self, tmp_path: Path, request_of: tuple[Path, dict[str, str]]
    ) -> None:
        repository, commits = request_of
        job = Job(tmp_path, repository, commits["merge"])
        done = job.run(
            since="none",
            paths="app.py\nwith space\n",
            select="DBS3",
            annotations="false",
            sarif="found.sarif",
            args="--extend-select DBS101 --statistics",
        )
        assert done.returncode == 1
        assert done.stdout.splitlines()[0].startswith("app.py:5:10: DBS101 ")
        assert "other.py" not in done.stdout
        results = json.loads((job.checkout / "found.sarif").read_text())["runs"][0]["results"]
        codes = sorted({result["ruleId"] for result in results})
        assert codes == ["DBS101", "DBS302"]
        assert any((tmp_path / "temp" / "dbsession-cache").iterdir())

    def test_a_name_is_no_script(
        self, tmp_path: Path, request_of: tuple[Path, dict[str, str]]
    ) -> None:
        repository, commits = request_of
        job = Job(tmp_path, repository, commits["merge"])
        evil = f'"; touch {tmp_path}/run; $(touch {tmp_path}/run) `touch {tmp_path}/run`'
        done = job.run(since="none", paths=evil, select=evil, args=evil, sarif=evil)
        assert done.returncode == 2
        assert not (tmp_path / "run").exists()

    def test_a_broken_policy_ends_the_job(
        self, tmp_path: Path, request_of: tuple[Path, dict[str, str]]
    ) -> None:
        repository, commits = request_of
        job = Job(tmp_path, repository, commits["merge"])
        (job.checkout / "dbsession.toml").write_text("onwers = []\n")
        done = job.run(since="none", sarif="found.sarif")
        assert done.returncode == 2
        assert "::error title=dbsession DBS001,file=dbsession.toml" in done.stdout
