"""What is run by hand or by a timer."""
