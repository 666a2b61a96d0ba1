"""A shop: FastAPI routes and services over SQLAlchemy."""
