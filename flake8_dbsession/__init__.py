"""flake8-dbsession: holds code to a team's database-session standard."""

__version__ = "0.1.0"
