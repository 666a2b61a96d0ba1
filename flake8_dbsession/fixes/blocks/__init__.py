"""The rewrites that several fixes share: a block put around what a session or connection serves."""
