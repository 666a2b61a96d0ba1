"""Who holds a session: DBS2xx."""
