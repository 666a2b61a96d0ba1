"""The service, and transactions over it."""
