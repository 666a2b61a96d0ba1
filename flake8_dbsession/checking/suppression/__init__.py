"""What keeps a violation out of a report: `# noqa` comments, and the baseline."""
