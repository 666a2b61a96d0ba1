"""The recipes for CI services: each is parsed, and its commands run on a small repository."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from junitparser import JUnitXml

from flake8_dbsession import __version__
from tests.ci.stage import NEW, ROOT, bash, environment, git, pull_request

RECIPES = ROOT / "examples" / "ci"
PAGE = ROOT / "docs" / "ci.md"
REPOSITORY = "git+https://github.com/flake8-dbsession/flake8-dbsession"  # until there is a release
WORKFLOWS = ("github-action.yml", "github-code-scanning.yml")


def parsed(name: str) -> Any:
    return yaml.safe_load((RECIPES / name).read_text(encoding="utf-8"))


def steps_of(workflow: Any) -> list[dict[str, Any]]:
    (job,) = workflow["jobs"].values()
    steps: list[dict[str, Any]] = job["steps"]
    return steps


@pytest.fixture
def checkout(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """Give a repository in which a pull request is checked out, and its commits."""
    folder = tmp_path / "repository"
    commits = pull_request(folder)
    git(folder, "checkout", "--quiet", commits["head"])
    return folder, commits


def run(
    folder: Path, commands: list[str], **variables: str
) -> Iterator[subprocess.CompletedProcess[str]]:
    """Run the commands of a recipe, but for those that install: what they install is here."""
    installing = [command for command in commands if f"pip install {REPOSITORY}" in command]
    assert len(installing) == 1
    for command in commands:
        if command not in installing:
            yield bash(command, folder, environment(folder.parent, variables))


def codes(report: JUnitXml) -> list[str]:
    return [case.name.split()[0] for suite in report for case in suite if case.result]


def test_each_recipe_is_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert {path.name for path in RECIPES.iterdir()} == set(
        re.findall(r"\]\(\.\./examples/ci/([\w.-]+)\)", page)
    )


@pytest.mark.parametrize("name", ["github-action.yml", "pre-commit-config.yaml"])
def test_a_recipe_names_this_version(name: str) -> None:
    text = (RECIPES / name).read_text(encoding="utf-8")
    assert re.findall(r"v(\d+\.\d+\.\d+)", text) == [__version__]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_may_do_no_more_than_it_must(name: str) -> None:
    workflow = parsed(name)
    writes = [scope for scope, access in workflow["permissions"].items() if access != "read"]
    assert writes == (["security-events"] if "scanning" in name else [])
    assert "pull_request" in workflow[True]  # `on`, as YAML 1.1 has it


def test_the_action_gets_inputs_that_it_has() -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    (step,) = (each for each in steps_of(parsed("github-action.yml")) if "with" in each)
    assert set(step["with"]) <= set(action["inputs"])


def test_code_scanning(checkout: tuple[Path, dict[str, str]]) -> None:
    folder, _ = checkout
    steps = steps_of(parsed("github-code-scanning.yml"))
    (done,) = run(folder, [step["run"] for step in steps if "run" in step])
    assert (done.returncode, done.stderr) == (0, "")
    (upload,) = (step["with"] for step in steps if "upload-sarif" in step.get("uses", ""))
    log = json.loads((folder / upload["sarif_file"]).read_text())
    results = log["runs"][0]["results"]
    assert {result["ruleId"] for result in results} == {"DBS101", "DBS302"}
    assert {result["level"] for result in results} == {"warning", "error"}


def test_gitlab(checkout: tuple[Path, dict[str, str]]) -> None:
    folder, commits = checkout
    job = parsed("gitlab-ci.yml")["dbsession"]
    (done,) = run(folder, job["script"], CI_MERGE_REQUEST_DIFF_BASE_SHA=commits["base"])
    assert done.returncode == 1
    issues = json.loads((folder / job["artifacts"]["reports"]["codequality"]).read_text())
    found = [(issue["check_name"], issue["location"]["lines"]["begin"]) for issue in issues]
    assert found == [("DBS101", 9), ("DBS302", 9)]
    assert job["artifacts"]["when"] == "always"
    (kept,) = job["cache"]["paths"]
    assert f"{job['variables']['DBSESSION_CACHE_DIR']}/" == f"$CI_PROJECT_DIR/{kept}"


def test_jenkins(checkout: tuple[Path, dict[str, str]]) -> None:
    folder, _ = checkout
    text = (RECIPES / "Jenkinsfile").read_text(encoding="utf-8")
    assert text.count("{") == text.count("}")
    commands = re.findall(r"^ *sh '([^'\n]*)'$", text, re.MULTILINE)
    (folder / ".venv").mkdir()
    (folder / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    (done,) = run(folder, commands)
    assert done.returncode == 1
    (report,) = re.findall(r"^ *junit '([^']*)'$", text, re.MULTILINE)
    assert codes(JUnitXml.fromfile(str(folder / report))) == ["DBS101", "DBS101", "DBS302"]


def test_azure(checkout: tuple[Path, dict[str, str]]) -> None:
    folder, _ = checkout
    steps = parsed("azure-pipelines.yml")["steps"]
    (done,) = run(folder, [step["script"] for step in steps if "script" in step])
    assert done.returncode == 1
    (published,) = (step for step in steps if step.get("task", "").startswith("PublishTest"))
    assert published["condition"] == "succeededOrFailed()"
    report = JUnitXml.fromfile(str(folder / published["inputs"]["testResultsFiles"]))
    assert codes(report) == ["DBS101", "DBS101", "DBS302"]


def test_pre_commit(checkout: tuple[Path, dict[str, str]]) -> None:
    folder, _ = checkout
    ours = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    hooks = {hook["id"]: hook for hook in ours}
    (repository,) = parsed("pre-commit-config.yaml")["repos"]
    wanted = [hooks[each["id"]] for each in repository["hooks"]]
    commands = [shlex.join([*shlex.split(hook["entry"]), "app.py"]) for hook in wanted]
    fixed, checked = (bash(each, folder, environment(folder.parent, {})) for each in commands)
    assert fixed.returncode == 0, fixed.stdout
    assert "with get_db_session() as db:" in (folder / "app.py").read_text() != NEW
    assert (checked.returncode, checked.stdout) == (0, "")


def test_the_page_says_what_the_exit_codes_are() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert all(f"| {code} |" in page for code in (0, 1, 2))
