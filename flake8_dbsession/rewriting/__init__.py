"""Rewrites of a file's text: what all fixes need, whatever they are about.

LibCST is imported only when somebody asks for fixes.
"""
