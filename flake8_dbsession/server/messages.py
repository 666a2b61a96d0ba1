"""Findings, fixes and pages as the protocol has them."""

from __future__ import annotations

from collections.abc import Iterable

from lsprotocol.types import (
    CodeAction,
    CodeActionKind,
    CodeDescription,
    Diagnostic,
    DiagnosticSeverity,
    Hover,
    MarkupContent,
    MarkupKind,
    OptionalVersionedTextDocumentIdentifier,
    Position,
    Range,
    TextDocumentEdit,
    WorkspaceEdit,
)

from flake8_dbsession.checking.findings import Finding
from flake8_dbsession.failures import BROKEN_POLICY
from flake8_dbsession.output.pages import page_of
from flake8_dbsession.policy.model import Level
from flake8_dbsession.server.buffers import Buffer
from flake8_dbsession.server.checks import Problem
from flake8_dbsession.server.offers import Offer
from flake8_dbsession.server.positions import Positions

SOURCE = "dbsession"
_SEVERITIES = {
    Level.ERROR.value: DiagnosticSeverity.Error,
    Level.WARNING.value: DiagnosticSeverity.Warning,
    Level.NOTE.value: DiagnosticSeverity.Information,
}
FIX_ALL = f"{CodeActionKind.SourceFixAll.value}.{SOURCE}"


def diagnostic(finding: Finding, positions: Positions) -> Diagnostic:
    """Give a finding as the editor shows it."""
    url = page_of(finding.code).url
    return Diagnostic(
        range=positions.range(finding.line, finding.column, finding.end_line, finding.end_column),
        message=finding.message,
        severity=_SEVERITIES[finding.level],
        code=finding.code,
        code_description=CodeDescription(url) if url else None,
        source=SOURCE,
    )


def diagnostic_of_problem(problem: Problem) -> Diagnostic:
    """Give what keeps files from being checked as the editor shows it, at its own line."""
    line = problem.line - 1
    return Diagnostic(
        range=Range(Position(line, 0), Position(line + 1, 0)),
        message=problem.message,
        severity=DiagnosticSeverity.Error,
        code=BROKEN_POLICY,
        source=SOURCE,
    )


def action(
    offer: Offer, buffer: Buffer, positions: Positions, shown: Iterable[Diagnostic], versions: bool
) -> CodeAction:
    """Give a fix as the editor offers it.

    Args:
        offer: the fix.
        buffer: the text that it was found for.
        positions: that text's.
        shown: the diagnostics that it makes go.
        versions: whether the editor takes edits of a version.
    """
    edits = positions.edits(offer.text)
    if versions:
        document = OptionalVersionedTextDocumentIdentifier(buffer.uri, buffer.version)
        edit = WorkspaceEdit(document_changes=[TextDocumentEdit(document, [*edits])])
    else:
        edit = WorkspaceEdit(changes={buffer.uri: edits})
    is_whole = not offer.findings
    return CodeAction(
        title=offer.title,
        kind=FIX_ALL if is_whole else CodeActionKind.QuickFix,
        diagnostics=None if is_whole else list(shown),
        is_preferred=True if offer.is_safe and not is_whole else None,
        edit=edit,
    )


def hover(codes: Iterable[str], around: Range) -> Hover | None:
    """Give the pages of codes; None for codes that have none."""
    pages = map(page_of, dict.fromkeys(codes))
    texts = [f"# {page.code} {page.name}\n\n{page.markdown or page.summary}" for page in pages]
    if not texts:
        return None
    return Hover(MarkupContent(MarkupKind.Markdown, "\n\n---\n\n".join(texts)), around)
