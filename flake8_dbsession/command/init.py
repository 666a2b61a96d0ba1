"""``dbsession init``: a policy for a repository that has none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flake8_dbsession.command.adoption import say_what_ruff_lacks
from flake8_dbsession.escaping import visible
from flake8_dbsession.policy.files import OWN_FILE, PROJECT_FILE
from flake8_dbsession.wording import counted

if TYPE_CHECKING:
    from flake8_dbsession.survey.model import Survey
    from flake8_dbsession.survey.proposal import Proposal
    from flake8_dbsession.survey.trial import Tried


@click.command(short_help="Propose a policy for a repository.")
@click.argument("path", default=".", type=click.Path(exists=True, file_okay=False))
@click.option(
    "--write",
    "writes",
    is_flag=True,
    help="Write it into pyproject.toml, else dbsession.toml; never over another.",
)
@click.option(
    "--with-provider",
    "adds_provider",
    is_flag=True,
    help="With --write: also write a provider beside the factory, where there is none.",
)
@click.option("-q", "--quiet", is_flag=True, help="Say nothing of what it changes.")
def command(path: str, writes: bool, adds_provider: bool, quiet: bool) -> None:
    """Find the factories, providers, dependencies and layers of the repository at PATH, and print
    the policy that says what is not found without it, with the reasons as comments. The policy is
    tried before: what leads nowhere or does harm is left out, and what it changes is said. What
    ruff's configuration lacks is said too, and left to you: no file of ruff's is changed.

    \b
    Example:
        dbsession init
        dbsession init backend/ --write
        dbsession init --write --with-provider
    """
    from flake8_dbsession.command.group import UsageError
    from flake8_dbsession.survey.writing import written

    folder = Path(path).resolve()
    if adds_provider and not writes:
        raise click.UsageError("--with-provider goes with --write")
    written_before = _policy_in(folder) if writes else None
    if written_before is not None and not adds_provider:
        raise UsageError(
            f"{written_before} holds a policy already; run without --write to see a new one"
        )
    survey = _survey(path, folder)
    for unread, reason in survey.unread:
        click.echo(visible(f"{unread}: {reason}; left out"), err=True)
    found = _tried(survey, folder)
    if adds_provider:
        _add_provider(folder, found.proposal)
        found = replace(_tried(_survey(path, folder), folder), before=found.before)
    note = _change(found, "it and the provider" if adds_provider else "it")
    text = written(found.proposal, found.offered, found.dropped, note)
    if not writes:
        click.echo(_as_written(folder, text), nl=False)
    elif written_before is None:
        _write(folder, text)
    if not quiet:
        click.echo(note, err=True)
        say_what_ruff_lacks([str(folder)])


def _survey(path: str, folder: Path) -> Survey:
    from flake8_dbsession.checking.files.discovery import discover
    from flake8_dbsession.checking.running.settings import flake8_options
    from flake8_dbsession.checking.running.workers import processes
    from flake8_dbsession.command.progress import tracked
    from flake8_dbsession.survey.looking import survey_of

    options = flake8_options([])
    files = discover((path,), [*options.exclude, *options.extend_exclude])
    return survey_of(folder, files, jobs=processes(options), track=tracked)


def _tried(survey: Survey, folder: Path) -> Tried:
    from flake8_dbsession.checking.running.settings import flake8_options
    from flake8_dbsession.checking.running.workers import processes
    from flake8_dbsession.survey.proposal import propose
    from flake8_dbsession.survey.trial import tried

    working = [str(folder / file.path) for file in survey.files]
    return tried(propose(survey), folder, working, jobs=processes(flake8_options([])))


def _change(found: Tried, after: str) -> str:
    """Say what the policy, and what else is written, changes: findings and share."""
    numbers = [sum(n for _, n in m.codes) for m in (found.before, found.after)]
    shares = found.before.total.percentage, found.after.total.percentage
    return (
        f"Outside of tests, without this policy: {counted(numbers[0], 'finding')}, {shares[0]} "
        f"migrated; with {after}: {counted(numbers[1], 'finding')}, {shares[1]} migrated."
    )


def _add_provider(folder: Path, proposal: Proposal) -> None:
    """Put a provider beside the first factory that has none, and say so.

    Raises:
        UsageError: there is no such factory, or its file cannot be changed.
    """
    from flake8_dbsession.analysis.names.values import Role
    from flake8_dbsession.command.group import UsageError
    from flake8_dbsession.house.template import with_provider
    from flake8_dbsession.writing import write_file

    if not proposal.unserved:
        is_served = any(part == Role.FACTORY.value for _, part in proposal.found)
        reason = "every factory has a provider" if is_served else "no session factory is found"
        raise UsageError(f"--with-provider: {reason}; nothing was written")
    factory = proposal.unserved[0]
    file = folder / factory.path
    try:
        text = file.read_bytes().decode("utf-8")
        made = with_provider(text, factory.name, is_async=factory.is_async, taken=factory.taken)
        write_file(file, made.text.encode())
    except (OSError, UnicodeDecodeError, SyntaxError) as error:
        raise UsageError(f"{file} cannot be changed: {error}") from error
    click.echo(f"{file}: `{made.name}` written, for `{factory.name}`", err=True)
    for other in proposal.unserved[1:]:
        rest = f"`{other.module}:{other.name}` has no provider yet; run it again for that one"
        click.echo(rest, err=True)


def _policy_in(folder: Path) -> Path | None:
    from flake8_dbsession.policy.finding import find

    found = find(folder / "dbsession.toml")
    return found if found is not None and found.parent == folder else None


def _as_written(folder: Path, policy: str) -> str:
    """Give a policy in the form that ``--write`` gives it in a folder."""
    from flake8_dbsession.survey.writing import within_project

    is_part = _extended(folder / PROJECT_FILE, policy) is not None
    return within_project(policy) if is_part else policy


def _write(folder: Path, policy: str) -> None:
    """Put a policy at the end of a folder's ``pyproject.toml``, else into a file of its own."""
    from flake8_dbsession.command.group import UsageError
    from flake8_dbsession.writing import write_file

    file = folder / PROJECT_FILE
    content = _extended(file, policy)
    if content is None:
        file, content = folder / OWN_FILE, policy.encode()
    try:
        write_file(file, content)
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}") from error
    click.echo(f"{file}: written", err=True)


def _extended(file: Path, policy: str) -> bytes | None:
    """Give a ``pyproject.toml`` with a policy at its end; None where it cannot take one."""
    from flake8_dbsession.policy.errors import PolicyError
    from flake8_dbsession.policy.files import content_of, parse
    from flake8_dbsession.survey.writing import within_project

    if file.is_symlink():  # it may belong to somebody else
        return None
    try:
        content = content_of(file)
        newline = "\r\n" if b"\r\n" in content else "\n"
        part = within_project(policy).replace("\n", newline).encode()
        gap = b"" if not content.strip() else newline.encode()
        end = b"" if content.endswith(b"\n") or not content else newline.encode()
        extended = content + end + gap + part
        parse(file, extended)
    except PolicyError:  # there is none, it is no TOML, or its table is closed: `tool = {}`
        return None
    return extended
