"""When Python looks for garbage."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_YOUNG = 0  # the generation of what was made since the last collection


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep Python from looking for garbage while modules are imported and syntax trees grow."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def collect_young() -> None:
    """Let go of what is left of a file's tree, and look at nothing that is kept."""
    gc.collect(_YOUNG)
