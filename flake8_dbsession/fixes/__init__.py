"""Rewrites of old code to the standard, one file a fixable rule, in the families of the rules."""
