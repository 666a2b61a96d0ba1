"""The house's standard as data: the model, its loading and checking, and the presets."""
