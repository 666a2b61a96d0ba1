"""A console: one session manager for the web, the admin services and the admin routes."""
