"""Clients as people have them: over HTTP, in browsers, with media by aiortc; each judges what it gets."""
