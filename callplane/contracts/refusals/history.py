"""History refusals: messages that are not there, or another's, and sessions that keep none."""

from callplane.contracts.errors import Refusal


def no_history() -> Refusal:
    """Engine ``queues``: what was read is gone."""
    return Refusal("wrong-state", "This session keeps no history. Read its messages as they come.")


def message_not_found() -> Refusal:
    """It never was, was deleted, or is private to others."""
    return Refusal("not-found", "There is no such message in this session. Look at its history.")


def message_of_another() -> Refusal:
    """Only who wrote a message edits it; moderators may delete any."""
    return Refusal("forbidden", "This message is of another participant. Change one of your own.")


def type_is_reserved(kind: str) -> Refusal:
    """A signal that would say what the API says of messages that were changed."""
    detail = f"A signal of type {kind} cannot be sent. Change or delete the message, and everybody hears of it."
    return Refusal("invalid", detail)
