"""What the tests of this folder share."""

from tests.runtime.conftest import postgres

__all__ = ["postgres"]
