"""A clinic: Flask, with one session for each request."""
