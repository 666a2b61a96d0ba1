"""What could behave differently after a fix, a kind of doubt a file, and what several need."""
