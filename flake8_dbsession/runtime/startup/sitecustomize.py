"""Starts the watch of ``dbsession run`` in each Python that the program starts.

Python imports ``sitecustomize`` at its start; this one lies first in ``PYTHONPATH``, and lets the
one that it hides, if there is any, have its turn.
"""

import importlib
import os
import sys


def _start() -> None:
    here = os.path.dirname(os.path.abspath(__file__))
    root = os.path.dirname(os.path.dirname(os.path.dirname(here)))
    sys.path.append(root)  # the program's own Python may not have the package
    try:
        from flake8_dbsession.runtime.child import start

        start()
    except Exception as error:  # the program is to run all the same
        sys.stderr.write(f"dbsession: process {os.getpid()} is not watched: {error!r}\n")
    finally:
        sys.path.remove(root)


def _hidden() -> None:
    here = os.path.dirname(os.path.abspath(__file__))
    path = [folder for folder in sys.path if os.path.abspath(folder) != here]
    before, sys.path[:] = sys.path[:], path
    ours = sys.modules.pop("sitecustomize", None)
    try:
        importlib.import_module("sitecustomize")
    except ImportError:
        if ours is not None:
            sys.modules["sitecustomize"] = ours
    finally:
        sys.path[:] = before


_start()
_hidden()
