"""What was seen, summed up, set beside the word of the linter, and written down."""
