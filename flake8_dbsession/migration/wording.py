"""The sentences of a migration's report, the same in every format."""

from __future__ import annotations

from flake8_dbsession.migration.model import Migration
from flake8_dbsession.output.pages import page_of
from flake8_dbsession.wording import counted


def headline(migration: Migration) -> str:
    """Say in one sentence how far the code base is."""
    total = migration.total
    if total.share is None:
        return "Nothing here gets a session or connection outside of tests and owners."
    files = sum(bool(state.by_hand) for state in migration.files)
    left = (
        f"{total.by_hand} still by hand, in {files} {'file' if files == 1 else 'files'}"
        if total.by_hand
        else "none by hand"
    )
    return f"{total.percentage} migrated: {total.sanctioned} sanctioned, {left}."


def stand(migration: Migration) -> str:
    """Say of which day and commit the report is; empty where neither is told."""
    parts = [migration.date, f"revision {migration.revision}" if migration.revision else ""]
    told = ", ".join(filter(None, parts))
    return f"As of {told}." if told else ""


def code_url(code: str) -> str:
    """Give where a code's page is read; empty for a code that has none."""
    return page_of(code).url or ""


def unjudged_note(migration: Migration) -> str:
    """Say what the calls are that count as neither."""
    times = sum(count for _, count in migration.unjudged)
    return (
        f"{counted(times, 'opening')} by what the policy neither sanctions nor reports: they count "
        "as neither. What should not be called any more goes into the "
        "policy's `legacy` table."
    )


def unread_note(migration: Migration) -> str:
    """Say that files are missing from the report."""
    return f"Left out, for they cannot be read: {len(migration.unread)}"


def code_name(code: str) -> str:
    """Give the name of the rule with a code; empty for a code that speaks of the tool itself."""
    from flake8_dbsession.rules.registry import rules

    rule = rules().get(code)
    return rule.name if rule else ""
