"""Timing: every delay of the mailboxes, with the values of design 4.1; tests and settings may give others."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds, all of them."""

    ask_again: float = 0.3
    """No word from the holder for so long: the forward is posted again."""
    silence: float = 2.0
    """No word at all for so long: 503, for silence alone is no take-over."""
    roll: float = 1.0
    """How often a pod names the polls that it has parked elsewhere."""
    unnamed: float = 3.0
    """A forwarded poll that was not named for so long is dropped."""
    away: float = 5.0
    """Without a poll for so long, a seat is detached."""
    unread: float = 900.0
    """A message unacknowledged for so long ends its seat: RabbitMQ would close the channel at 1,800."""
    lease: float = 3.0
    """A pod that could not renew its lease for so long ends its polls."""
    beat: float = 1.0
    """How often the lease is renewed and the held mailboxes are looked at."""
    compare: float = 30.0
    """How often held mailboxes are compared with what their sessions have published: twice that finds a lost way."""
    reconnect: float = 0.5
    """Between attempts to reach the broker."""
    stream_beat: float = 10.0
    """An open stream says something at least this often; proxies cut what is silent for longer than they like."""
    stream_unread: float = 300.0
    """A stream whose client acknowledges nothing for so long ends, well before ``unread``: opened again, it does."""
    patience: float = 8.0
    """For so long a poll may look for its mailbox before it is given up; a take-over takes milliseconds."""
