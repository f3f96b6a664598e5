"""Dispatch: commands out to the wrappers, and the answers to old repeats."""
