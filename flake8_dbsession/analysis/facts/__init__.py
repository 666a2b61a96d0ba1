"""What the rules look at: one file finds one kind of fact, or serves several that do."""
