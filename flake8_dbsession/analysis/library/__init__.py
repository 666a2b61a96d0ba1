"""What is known of libraries and of Python's own: tables, each with the page that says so.

A name that a project gives to something of its own never stands here, nor does code that reads a
tree: who asks does that. A module for each kind of knowledge.
"""
