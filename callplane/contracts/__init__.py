"""Contracts: the shapes that travel between programs and callers. Nothing here opens a connection."""
