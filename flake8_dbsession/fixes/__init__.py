"""Rewrites of old code to the standard, one file a fixable rule.

The only part that imports LibCST, and only when asked to fix.
"""
