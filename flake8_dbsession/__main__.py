"""``python -m flake8_dbsession`` is ``dbsession``."""

from flake8_dbsession.command import main

if __name__ == "__main__":
    main(prog_name="dbsession")
