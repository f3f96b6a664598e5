"""Command queues: in which queue a session's commands wait; each session keeps what it began with."""

from typing import Literal

CommandQueues = Literal["per-session", "sharded"]
"""``per-session``: in one of its own, made with it. ``sharded``: in one of 64 that all sessions share."""
