"""Services, called within a request."""
