"""Wrappers and pods that die, stop or are cut off at a chosen call, and what must be so afterwards."""
