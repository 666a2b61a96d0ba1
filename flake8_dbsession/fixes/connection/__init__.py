"""Plain connections: DBS6xx."""
