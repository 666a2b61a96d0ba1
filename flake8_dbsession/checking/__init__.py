"""A run over many files outside flake8: which files, under which settings, in which processes."""
