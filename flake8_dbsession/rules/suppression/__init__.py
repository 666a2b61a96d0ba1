"""Comments that hide violations: DBS0xx."""
