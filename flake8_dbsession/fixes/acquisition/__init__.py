"""Where a session comes from: DBS1xx."""
