"""Admin routes: they take the manager from the application."""
