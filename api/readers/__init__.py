"""Readers: polls and streams of a seat's messages, served alike whichever engine the session has (design 4)."""
