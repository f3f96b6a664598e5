"""The `callplane` command: everything on one machine."""
