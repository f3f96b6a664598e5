"""Errors of starting servers; each says in one line what a person can do about it."""


class CannotStart(Exception):
    """A server did not come up; the message is one line for a person."""


class MissingPart(CannotStart):
    """Something that has to be installed first is not; the message names it and how to install it."""
