"""The facts of a file, without opinion: names, acquisitions, control flow, lifetimes."""
