"""The pytest plugin: ``pytest --dbsession-leaks``.

pytest imports this module at each of its starts, so it imports nothing; what watches is in
`flake8_dbsession.runtime.pytest_guard`, and imported only where it is wanted.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import pytest

_MODES = ("error", "warn", "off")
_MARKER = (
    "allow_dbsession_leaks(*patterns, reason=''): what this test may leave open; "
    "with patterns, only what these fixtures, files or file:function opened"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what can be said on the command line and in the configuration."""
    group = parser.getgroup("dbsession", "database sessions left open")
    group.addoption(
        "--dbsession-leaks",
        action="store_const",
        const="error",
        help="fail each test that leaves a database session or connection open",
    )
    group.addoption(
        "--dbsession-report",
        action="append",
        default=[],
        metavar="FILE",
        help="write what was opened, and what became of it, as FILE.json or FILE.html",
    )
    parser.addini(
        "dbsession_leaks",
        "what becomes of a test that leaves a session or connection open: error, warn or off",
        default="off",
    )
    parser.addini(
        "dbsession_allow",
        "what may stay open, a line each: a fixture's name, or a pattern of files or file:function",
        type="linelist",
        default=[],
    )
    parser.addini(
        "dbsession_idle",
        "from how many seconds of other work with a transaction open is said",
        default="5",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Begin to watch, where that is wanted."""
    config.addinivalue_line("markers", _MARKER)
    mode = config.getoption("dbsession_leaks") or config.getini("dbsession_leaks")
    reports = config.getoption("dbsession_report")
    if mode == "off" and not reports:
        return
    from flake8_dbsession.runtime.pytest_guard import Guard, usage_error

    if mode not in _MODES:
        raise usage_error(f"dbsession_leaks is error, warn or off, not {mode!r}")
    config.pluginmanager.register(Guard(config, mode, reports), "dbsession-guard")
