"""How a framework gets a session: DBS4xx."""
