"""Engines: the ways in which a session's messages reach its participants; each session keeps the one it began with."""

from typing import Literal

Engine = Literal["queues", "log"]
"""``queues``: RabbitMQ copies a message into a queue per seat. ``log``: it is written once, in order, into MongoDB."""
