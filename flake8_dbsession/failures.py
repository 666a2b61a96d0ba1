"""The codes of what keeps a file from being held to the standard."""

BROKEN_POLICY = "DBS001"
RULE_FAILED = "DBS002"
FAILURES = frozenset({BROKEN_POLICY, RULE_FAILED})
