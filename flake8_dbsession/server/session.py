"""What one editor says is kept, and answered when its user pauses."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event
from typing import TypeVar

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.uris import from_fs_path, to_fs_path

from flake8_dbsession import __version__
from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.roots import is_within, project_root, upward
from flake8_dbsession.server.buffers import AbandonedError, Buffer, Buffers, Shown
from flake8_dbsession.server.checks import Checks, Problem, Report
from flake8_dbsession.server.messages import (
    FIX_ALL,
    action,
    diagnostic,
    diagnostic_of_problem,
    hover,
)
from flake8_dbsession.server.offers import Offer, Offers
from flake8_dbsession.server.positions import Positions

_PAUSE = 0.04  # seconds without a keystroke before a text is checked
_QUIET = 0.3  # seconds more before the other open texts are, which rest on it

Result = TypeVar("Result")


class _Published(NamedTuple):
    """What was published of a text.

    Attributes:
        buffer: the text.
        report: what its check came to.
        positions: the text's.
        diagnostics: what was published for each finding.
    """

    buffer: Buffer
    report: Report
    positions: Positions
    diagnostics: list[types.Diagnostic]


class DbsessionServer(LanguageServer):
    """Serves one editor.

    All analysis is done by one worker, a piece after the other; a piece that nobody waits for any
    more ends where it reads its next file.
    """

    def __init__(self) -> None:
        super().__init__("dbsession", __version__, types.TextDocumentSyncKind.Full)
        self._buffers = Buffers()
        self._sources = Shown()
        self._checks = Checks(self._sources)
        self._offers = Offers(self._sources, self._checks)
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="dbsession")
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._rest: asyncio.Task[None] | None = None
        self._shown: dict[str, _Published] = {}
        self._problems: dict[str, Problem] = {}
        self._told: set[Problem] = set()
        self._problem_files: set[str] = set()

    # What the editor says.

    def opened(self, uri: str, version: int | None, text: str) -> None:
        """Take a text that was opened or changed."""
        path = _path_of(uri)
        if path is None:  # what lies nowhere falls under no policy
            return
        is_new = path not in self._buffers.texts
        self._buffers.put(path, uri, version, text)
        self._check_soon(path, 0 if is_new else _PAUSE)

    def closed(self, uri: str) -> None:
        """Forget a text that was closed."""
        path = _path_of(uri)
        if path is None or path not in self._buffers.texts:
            return
        self._buffers.drop(path)
        self._cancel(path)
        self._shown.pop(path, None)
        self._publish(uri, None, [])
        self._set_problem(path, None)
        self._check_rest_soon(path)

    def disk_changed(self) -> None:
        """Take it that files changed on disk, settings among them."""
        self._offers.forget()
        self._check_rest_soon()

    def folders_changed(self) -> None:
        """Take it that other folders are open."""
        self._check_rest_soon()

    def stop(self) -> None:
        """Give all work up."""
        for path in list(self._tasks):
            self._cancel(path)
        if self._rest is not None:
            self._rest.cancel()
        self._worker.shutdown(wait=False, cancel_futures=True)

    # What it is shown.

    def hovered(self, uri: str, position: types.Position) -> types.Hover | None:
        """Give the pages of the rules whose violations are shown at a position."""
        shown = self._shown.get(_path_of(uri) or "")
        if shown is None:
            return None
        here = types.Range(position, position)
        found = [each for each in shown.diagnostics if _overlap(each.range, here)]
        if not found:
            return None
        return hover((str(each.code) for each in found), found[0].range)

    async def actions(self, params: types.CodeActionParams) -> list[types.CodeAction]:
        """Give the fixes of what is shown in a range, and that of the whole file where asked."""
        path = _path_of(params.text_document.uri)
        if path is None or path not in self._buffers.texts:
            return []
        shown = await self._current(path)
        if shown is None:
            return []
        found: list[types.CodeAction] = []
        if _is_asked(types.CodeActionKind.QuickFix, params.context):
            found += await self._quick_fixes(path, shown, params.range)
        if _is_asked(FIX_ALL, params.context) and shown.report.findings:
            offer = await self._done(
                lambda: self._offers.of_all(
                    path, self._folder_of(path), shown.buffer, shown.report.findings
                )
            )
            found += [self._action(offer, shown, [])] if offer else []
        return found

    async def _quick_fixes(
        self, path: str, shown: _Published, around: types.Range
    ) -> list[types.CodeAction]:
        pairs = zip(shown.report.findings, shown.diagnostics, strict=True)
        by_finding = {finding: each for finding, each in pairs if _overlap(each.range, around)}
        if not by_finding:
            return []
        folder = self._folder_of(path)
        offers = await self._done(
            lambda: list(self._offers.of_findings(path, folder, shown.buffer, by_finding))
        )
        return [
            self._action(each, shown, [by_finding[finding] for finding in each.findings])
            for each in offers
        ]

    def _action(
        self, offer: Offer, shown: _Published, diagnostics: Iterable[types.Diagnostic]
    ) -> types.CodeAction:
        workspace = self.client_capabilities.workspace
        edits = workspace.workspace_edit if workspace else None
        versions = bool(edits and edits.document_changes)
        return action(offer, shown.buffer, shown.positions, diagnostics, versions)

    # How a text is checked.

    def _check_soon(self, path: str, pause: float) -> None:
        self._cancel(path)
        self._tasks[path] = asyncio.ensure_future(self._check_after(path, pause))

    def _check_rest_soon(self, but: str | None = None) -> None:
        if self._rest is not None:
            self._rest.cancel()
        self._rest = asyncio.ensure_future(self._check_rest(but))

    def _cancel(self, path: str) -> None:
        task = self._tasks.pop(path, None)
        if task is not None:
            task.cancel()

    async def _check_after(self, path: str, pause: float) -> None:
        await asyncio.sleep(pause)
        await self._check(path)
        self._check_rest_soon(path)

    async def _check_rest(self, but: str | None) -> None:
        """Check the open texts again that rest on something that changed."""
        await asyncio.sleep(_QUIET)
        for path in self._buffers.texts:
            if path != but and await self._done(partial(self._checks.is_stale, path)):
                await self._check(path)

    async def _current(self, path: str) -> _Published | None:
        """Give what is found in a text as it is now."""
        shown = self._shown.get(path)
        if shown is None or shown.buffer is not self._buffers.texts.get(path):
            await self._check(path)
        return self._shown.get(path)

    async def _check(self, path: str) -> None:
        buffer = self._buffers.texts.get(path)
        if buffer is None:
            return
        folder = self._folder_of(path)
        report = await self._done(lambda: self._checks.report(path, folder))
        if self._buffers.texts.get(path) is not buffer:  # it was written on
            return
        positions = Positions(buffer.text, self.workspace.position_codec)
        diagnostics = [diagnostic(finding, positions) for finding in report.findings]
        self._shown[path] = _Published(buffer, report, positions, diagnostics)
        self._set_problem(path, report.problem)
        problem = report.problem
        own = [diagnostic_of_problem(problem)] if problem and problem.file is None else []
        self._publish(buffer.uri, buffer.version, [*diagnostics, *own])

    async def _done(self, work: Callable[[], Result]) -> Result:
        """Have the worker do something for the texts as they are now.

        Raises:
            asyncio.CancelledError: nobody waits for it any more.
        """
        texts, is_abandoned = self._buffers.texts, Event()

        def piece() -> Result:
            if is_abandoned.is_set():
                raise AbandonedError
            self._sources.show(texts, is_abandoned.is_set)
            return work()

        try:
            return await asyncio.get_running_loop().run_in_executor(self._worker, piece)
        except AbandonedError as error:
            raise asyncio.CancelledError from error
        finally:
            is_abandoned.set()

    def _folder_of(self, path: str) -> str:
        """Give the folder in which ``dbsession check`` would be run on a file.

        That is the one that is open in the editor and lies nearest above it; else the file's
        project.
        """
        uris = [*self.workspace.folders, *filter(None, [self.workspace.root_uri])]
        folders = [folder for folder in map(_path_of, uris) if folder and is_within(path, folder)]
        if folders:
            return max(folders, key=len)
        there = next(each for each in upward(os.path.dirname(path)) if os.path.isdir(each))
        return project_root(there)

    # What is published.

    def _publish(self, uri: str, version: int | None, found: list[types.Diagnostic]) -> None:
        parameters = types.PublishDiagnosticsParams(uri, found, version)
        self.text_document_publish_diagnostics(parameters)

    def _set_problem(self, path: str, problem: Problem | None) -> None:
        """Say once what keeps files from being checked, at its own line, until it is mended."""
        self._problems.pop(path, None)
        if problem is not None:
            self._problems[path] = problem
        problems = set(self._problems.values())
        for new in problems - self._told:
            place = f"{new.file}:{new.line}: " if new.file else ""
            message = f"dbsession: {place}{new.message}"
            self.window_show_message(types.ShowMessageParams(types.MessageType.Error, message))
        self._told = problems
        by_file: dict[str, list[types.Diagnostic]] = {}
        for each in problems:
            if each.file is not None:
                by_file.setdefault(each.file, []).append(diagnostic_of_problem(each))
        for file in self._problem_files - by_file.keys():
            self._publish(_uri_of(file), None, [])
        for file, found in by_file.items():
            self._publish(_uri_of(file), None, found)
        self._problem_files = {*by_file}


def _path_of(uri: str) -> str | None:
    path = to_fs_path(uri)
    return os.path.abspath(path) if path else None


def _uri_of(path: str) -> str:
    return from_fs_path(path) or ""


def _overlap(one: types.Range, other: types.Range) -> bool:
    return one.start <= other.end and other.start <= one.end


def _is_asked(kind: str, context: types.CodeActionContext) -> bool:
    """Tell whether the editor asks for a kind of action; not for that of a whole file unasked."""
    if context.only is None:
        is_invoked = context.trigger_kind is not types.CodeActionTriggerKind.Automatic
        return kind == types.CodeActionKind.QuickFix or is_invoked
    return any(kind == asked or kind.startswith(f"{asked}.") for asked in map(_value, context.only))


def _value(kind: types.CodeActionKind | str) -> str:
    return kind.value if isinstance(kind, types.CodeActionKind) else kind
