"""Mailbox refusals, of polls and streams: a newer one is there, or the mailbox cannot be read at the moment."""

from callplane.contracts.errors import Refusal
from callplane.contracts.reasons import GivenReason, SeatReason
from callplane.contracts.refusals.sessions import seat_gone


def poll_replaced() -> Refusal:
    """A newer poll or stream of the same mailbox has taken over."""
    return Refusal("poll-replaced", "A newer poll of this mailbox took over. Poll from one place only.")


def poll_cut_short() -> Refusal:
    """The server ended the wait; an empty answer would say that nothing had come."""
    return Refusal("unavailable", "The poll was ended before its time. Ask again.")


def mailbox_gone(reason: SeatReason | GivenReason | None) -> Refusal:
    """Its seat has ended, and it with that; where nothing says why, its participant was away for too long."""
    lost: SeatReason = "connection-lost"
    return seat_gone(reason or lost)


def mailbox_moving() -> Refusal:
    """It was never where it was looked for."""
    return _later("The mailbox keeps moving between servers.")


def attachment_changing() -> Refusal:
    """Others attach it, again and again."""
    return _later("The mailbox keeps being attached elsewhere.")


def mailbox_waits_its_turn() -> Refusal:
    """As many as may be are being taken here."""
    return _later("So many mailboxes are being opened here that this one has to wait.")


def holder_without_streams() -> Refusal:
    """The pod that has it is a version older."""
    return _later("The server that holds this mailbox knows no streams.")


def holder_silent() -> Refusal:
    """The pod that has it does not answer."""
    return _later("The server that holds this mailbox does not answer.")


def mailbox_node_down() -> Refusal:
    """Its queue is on a node of the broker that does not answer."""
    return _later("The node of the message broker that has this mailbox does not answer.")


def database_silent() -> Refusal:
    """The pod has no lease that is sure to be good."""
    return _later("The database does not answer.")


def broker_silent() -> Refusal:
    """The pod has no connection to read mailboxes by."""
    return _later("The message broker does not answer.")


def database_or_broker_silent() -> Refusal:
    """One of the two, while the mailbox was opened."""
    return _later("The database or the message broker does not answer.")


def server_stopping() -> Refusal:
    """The pod drains."""
    return _later("This server is about to stop.")


def _later(what: str) -> Refusal:
    return Refusal("unavailable", f"{what} Ask again.", retry_after=1)
