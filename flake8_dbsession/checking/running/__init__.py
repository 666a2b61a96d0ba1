"""One run: its settings, its processes, each file and the comments that hide findings."""
