"""The engine: DBS5xx."""
