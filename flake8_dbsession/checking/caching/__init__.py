"""What one run leaves for the next, and how it is known still to hold."""
