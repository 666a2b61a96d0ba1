"""How far a code base has moved over to the house's standard."""
