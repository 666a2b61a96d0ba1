"""The `dbsession` door: one file a subcommand.

Each module of this package that is named in ``_COMMANDS`` of ``group.py`` has a click command
called ``command``. Click takes as long to import as many files take to be checked: a plain check
(``checking.py``) does without.
"""
