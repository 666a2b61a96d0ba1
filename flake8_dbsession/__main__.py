"""``python -m flake8_dbsession`` is ``dbsession``."""

import os
import sys

if sys.path[:1] in ([""], [os.getcwd()]):  # Python's doing: what lies there is linted, not imported
    del sys.path[0]

from flake8_dbsession.entry import main

if __name__ == "__main__":
    main()
