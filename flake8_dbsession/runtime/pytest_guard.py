"""What watches the tests of a run, and judges them."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from functools import partial
from typing import Any

import pytest

from flake8_dbsession.runtime import wording
from flake8_dbsession.runtime.allowed import is_allowed
from flake8_dbsession.runtime.ledger import Lease
from flake8_dbsession.runtime.places import is_test_file
from flake8_dbsession.runtime.records import UNCOMMITTED, Holder, Note, Owner
from flake8_dbsession.runtime.reporting import report as reports
from flake8_dbsession.runtime.reporting import text
from flake8_dbsession.runtime.reporting.report import Report
from flake8_dbsession.runtime.reporting.writing import check_name, write_report
from flake8_dbsession.runtime.watcher import Watch

_PATIENCE = 0.5  # seconds that other threads are given to close what they are at
_OUTPUT = "dbsession"
_MARKER = "allow_dbsession_leaks"


def usage_error(message: str) -> Exception:
    """Make the error that ends pytest with one line."""
    return pytest.UsageError(message)


class Guard:
    """A watch over a test run; of xdist's processes each worker has one.

    Args:
        config: pytest's configuration.
        mode: ``error`` to fail tests, ``warn`` to say it at the end, ``off`` to only report.
        files: the reports wanted.

    Raises:
        pytest.UsageError: a setting cannot be used.
    """

    def __init__(self, config: pytest.Config, mode: str, files: list[str]) -> None:
        self._config = config
        self._mode = mode
        self._files = files
        self._allowed: list[str] = config.getini("dbsession_allow")
        for file in files:
            message = check_name(file)
            if message:
                raise usage_error(f"--dbsession-report: {message}")
        try:
            idle = float(config.getini("dbsession_idle"))
        except ValueError as error:
            raise usage_error("dbsession_idle is a number of seconds") from error
        self._watch = Watch(idle=idle)
        self._ledger = self._watch.ledger
        self._fixtures: dict[Any, Owner] = {}
        self._of_item: list[Owner] = []
        self._told: list[Holder] = []
        self._workers: list[Report] = []
        self._watch.install()

    # on whose behalf something is opened

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, None]:
        """Book on the test's behalf what is opened until the next test."""
        owner = Owner(partial("test {0.nodeid}".format, item), "test")
        self._ledger.owner = owner
        self._of_item = [owner]
        yield
        self._ledger.owner = Owner(lambda: "between tests")

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_fixture_setup(self, fixturedef: Any, request: Any) -> Generator[None, Any, None]:
        """Book on the fixture's behalf what its setup opens."""
        ledger, before, scope = self._ledger, self._ledger.owner, fixturedef.scope
        owner = Owner(partial(_fixture, fixturedef.argname, scope, request.node), scope)
        if scope == "function":
            self._of_item.append(owner)
        else:
            self._fixtures[fixturedef] = owner
        ledger.owner = owner
        yield
        ledger.owner = before

    def pytest_fixture_post_finalizer(self, fixturedef: Any) -> None:
        """Know that a fixture is done with; one of a test's is when the test is."""
        owner = self._fixtures.pop(fixturedef, None)
        if owner is not None:
            owner.is_done = True

    # judging

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, Any, None]:
        """Judge what is left when the test and its fixtures are done."""
        outcome = yield
        for owner in self._of_item:
            owner.is_done = True
        left = [lease for lease in self._judged() if not self._allow(lease, item)]
        if not left:
            return
        holders = [lease.holder() for lease in left]
        if self._mode == "warn":
            self._told += holders
        elif self._mode == "error" and outcome.excinfo is None:
            try:
                pytest.fail(_message(holders), pytrace=False)
            except pytest.fail.Exception as failure:
                outcome.force_exception(failure)

    def _judged(self) -> list[Lease]:
        """List what is nobody's any more, once."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            left = [lease for lease in self._ledger.suspects() if self._is_due(lease)]
            if not any(map(_is_at_work, left)) or time.monotonic() > deadline:
                break
            time.sleep(0.005)
        for lease in left:
            lease.is_told = True
        return left

    def _is_due(self, lease: Lease) -> bool:
        owners = [lease.owner, *(track.owner for track in lease.tracks)]
        return not lease.is_told and all(owner.is_done for owner in owners)

    def _allow(self, lease: Lease, item: pytest.Item) -> bool:
        """Tell whether what is left is allowed, and note it in the books."""
        holder = lease.holder()
        is_the_tests = lease.owner in self._of_item
        # What lives longer than the test is allowed by a marker of its class or module alone.
        markers = [
            marker
            for node, marker in item.iter_markers_with_node(_MARKER)
            if is_the_tests or node is not item
        ]
        patterns = [*self._allowed, *(each for marker in markers for each in marker.args)]
        is_for_all = any(not marker.args for marker in markers)
        lease.is_allowed = is_for_all or is_allowed(holder, patterns)
        return lease.is_allowed

    # the end

    def pytest_sessionfinish(self) -> None:
        """Watch no longer, and hand over to the process that reports."""
        self._watch.remove()
        output = getattr(self._config, "workeroutput", None)
        if output is not None:
            told = Report(leaks=tuple(self._told))
            output[_OUTPUT] = [reports.to_json(self._report()), reports.to_json(told)]

    def pytest_unconfigure(self) -> None:
        """Leave nothing behind, however the run ends."""
        self._watch.remove()

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take what one of xdist's workers has seen."""
        output = getattr(node, "workeroutput", {}).get(_OUTPUT)
        if output is not None:
            report, told = map(reports.from_json, output)
            self._workers.append(report)
            self._told += told.leaks

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Write the table, and the reports."""
        total = reports.merged([self._report(), *self._workers])
        if self._files or total.left_open:
            from flake8_dbsession.runtime.reporting.static import judged

            total = judged(total)
        if self._told:
            terminalreporter.section("database sessions left open")
            terminalreporter.write_line(_message(self._told))
            terminalreporter.write_line(wording.SEEN)
        if total.opened:
            terminalreporter.section("database sessions")
            terminalreporter.write_line(text.table(total))
        for file in self._files:
            terminalreporter.write_line(_written(total, file))

    def _report(self) -> Report:
        report = self._watch.report()
        notes = (note for note in report.notes if not _is_the_tests_own(note))
        return report._replace(notes=tuple(notes))


def _fixture(name: str, scope: str, node: Any) -> str:
    """Say which fixture something was opened for."""
    return f"fixture {name} ({scope} scope) of {node.nodeid}".removesuffix(" of ")


def _written(report: Report, file: str) -> str:
    """Write a report, and say so."""
    try:
        write_report(report, file)
    except OSError as error:
        return f"{file}: cannot be written: {error.strerror}"
    return f"database sessions: {file}"


def _is_the_tests_own(note: Note) -> bool:
    """Tell whether a test threw a write away, which needs it no longer."""
    lines = (*note.places[:1], *([note.at] if note.at else []))
    return note.code == UNCOMMITTED and any(is_test_file(line.file) for line in lines)


def _is_at_work(lease: Lease) -> bool:
    """Tell whether another thread, which is still running, may be about to close it."""
    names = {thread.name for thread in threading.enumerate()} - {threading.current_thread().name}
    return lease.thread in names


def _message(holders: list[Holder]) -> str:
    nouns = sorted({"session" if each.kind == "session" else "connection" for each in holders})
    said = " and ".join(f"{noun}{'s' * (len(holders) > 1)}" for noun in reversed(nouns))
    head = f"{len(holders)} database {said} left open\n\n"
    return head + "\n\n".join(map(wording.leak, wording.equal(holders)))
