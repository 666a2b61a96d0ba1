"""What holds for all tests: a loaded machine makes none of them fail, and none leaves a record."""

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
