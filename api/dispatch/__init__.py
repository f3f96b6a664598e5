"""Commands out to the wrappers, and the answers to old repeats."""
