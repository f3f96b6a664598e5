"""Server-sent events: reads them out of lines (HTML standard, 9.2.6)."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event: its name (``message`` where it says none), its data, and the id that acknowledges it."""

    name: str
    data: str
    event_id: str | None


@dataclass(frozen=True, slots=True)
class StreamedEvent:
    """One event of the stream as it came: JSON of CloudEvents, and the cursor behind it."""

    cursor: str
    body: str


@dataclass
class EventLines:
    """What the lines so far are."""

    _name: str = ""
    _id: str | None = None
    _data: list[str] = field(default_factory=list)

    def feed(self, line: str) -> ServerEvent | None:
        """One more line; the event that an empty one ends."""
        if not line:
            event = ServerEvent(self._name or "message", "\n".join(self._data), self._id) if self._data else None
            self._name, self._id, self._data = "", None, []
            return event
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            self._name = value
        elif name == "id":
            self._id = value
        elif name == "data":
            self._data.append(value)
        return None


def event_of(text: str) -> ServerEvent | None:
    """What the lines of one event say, without the empty one that ends it."""
    lines = EventLines()
    for line in text.split("\n"):
        lines.feed(line)
    return lines.feed("")
