"""What the assistant remembers of its users."""
