"""What the assistant knows."""
