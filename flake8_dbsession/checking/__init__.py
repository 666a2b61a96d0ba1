"""Runs over many files outside flake8, and what is kept of them."""
