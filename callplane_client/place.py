"""Place of a reader in its mailbox: what it has dealt with, and what it has been given before."""

from dataclasses import dataclass, field

from callplane_client.shapes import Message

REMEMBERED = 2048
"""More than a mailbox ever has unacknowledged (500), so that a repeat after a change of pods is still known."""


@dataclass
class Place:
    """Where a reader goes on; ``version`` is that of the session that it knows."""

    ack: str | None = None
    """The token of the last batch that was dealt with."""
    version: int = 0
    _seen: dict[str, None] = field(default_factory=dict)

    def take(self, message: Message) -> bool:
        """Whether it is new: neither given before, nor in the snapshot that the reader has."""
        if message.id in self._seen:
            return False
        self._seen[message.id] = None
        if len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]
        return message.version is None or message.version > self.version

    def forget(self, message: Message) -> None:
        """It could not be dealt with, and will be taken once more."""
        self._seen.pop(message.id, None)
