"""Effects: what calling a function does to a session or connection, found once, asked by everybody.

Here belongs whatever is true of a function or of a library's callable; what is true of one place in
the code that calls it is a fact, and an opinion of it a rule.
"""
