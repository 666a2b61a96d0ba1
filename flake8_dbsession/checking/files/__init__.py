"""Which files are checked, which of their lines, and where the code in them stands."""
