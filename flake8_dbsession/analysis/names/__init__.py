"""What names stand for: modules, scopes, imports followed across files, values inferred."""
