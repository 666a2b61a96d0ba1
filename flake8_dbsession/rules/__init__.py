"""The opinions: a folder a family, a file a rule."""
