"""Findings to write: a plain run, and any that could be."""

from __future__ import annotations

import io

from hypothesis import strategies as st

from flake8_dbsession.checking.findings import Finding
from flake8_dbsession.output import Writer

RAW = Finding(
    path="./app/my users.py",
    line=7,
    column=10,
    code="DBS101",
    message="`SessionLocal()` opens a session by hand; use `with get_db() as db:`",
    end_line=7,
    end_column=24,
    source="    db = SessionLocal()",
    definition="Users.save",
    statement="db = SessionLocal()",
    level="warning",
)
SPREAD = Finding("app/ü.py", 3, 1, "DBS303", "100%, a: b", 5, 2, "db = make(", "", "db = make()")
BROKEN = Finding("app/broken.py", 2, 5, "E999", "SyntaxError: invalid syntax", 2, 5, "def (")
UNREADABLE = Finding("gone.py", 0, 1, "E902", "FileNotFoundError: gone.py", 0, 1, "")
FINDINGS = [RAW, SPREAD, BROKEN, UNREADABLE]

_TEXTS = st.text(max_size=20)  # what UTF-8 can write
_LINES = st.integers(1, 99)
_CODES = st.sampled_from(["DBS001", "DBS002", "DBS101", "DBS303", "E902", "E999"])
# A path is what the file system gives; an undecodable byte of it is a lone surrogate.
_PATHS = st.text(st.characters(exclude_characters="\0/\\", exclude_categories=["Cs"]), min_size=1)
ANY = st.lists(
    st.builds(
        Finding,
        path=st.builds("{}{}".format, _PATHS, st.sampled_from(["", ".py", "\udcff.py"])),
        line=_LINES,
        column=_LINES,
        code=_CODES,
        message=_TEXTS,
        end_line=_LINES,
        end_column=_LINES,
        source=_TEXTS,
        definition=_TEXTS,
        statement=_TEXTS,
        level=st.sampled_from(["error", "warning", "note"]),
        cell=st.sampled_from([0, 0, 2]),
    ),
    max_size=4,
).map(sorted)


def written(write: Writer, findings: list[Finding]) -> str:
    """Give what a format writes into a UTF-8 file."""
    buffer = io.BytesIO()
    stream = io.TextIOWrapper(buffer, encoding="utf-8", errors="surrogateescape", newline="")
    write(findings, stream)
    stream.flush()
    return buffer.getvalue().decode("utf-8", "surrogateescape")
