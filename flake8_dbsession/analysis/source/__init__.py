"""Files before any name is understood: where they lie, what they mention, what they require."""
