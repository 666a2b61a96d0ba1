"""Admin services: they are given the manager."""
