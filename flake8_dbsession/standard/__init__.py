"""The written standard for newcomers: a policy and its rules as a document."""
