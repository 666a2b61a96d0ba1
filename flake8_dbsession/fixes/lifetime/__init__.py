"""How a session ends: DBS3xx."""
