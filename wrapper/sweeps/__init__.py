"""Sweeps: what wrappers look for and repair once a second."""
