"""Services: each opens its session with the provider."""
