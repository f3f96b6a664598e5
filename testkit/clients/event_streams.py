"""For tests of the stream over HTTP: what an answer of server-sent events has said."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Read:
    """The events that were shown with the cursors behind them, and the names of all that was said."""

    bodies: list[dict[str, Any]] = field(default_factory=list)
    cursors: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    ends: list[dict[str, Any]] = field(default_factory=list)
    """Problems that ended it."""

    @property
    def ids(self) -> list[str]:
        """Of the events."""
        return [body["id"] for body in self.bodies]


def parsed(content: bytes) -> Read:
    """What these bytes say, as far as they are whole events."""
    found = Read()
    for text in content.decode().split("\n\n")[:-1]:
        fields = dict(line.split(": ", 1) for line in text.split("\n") if not line.startswith(":"))
        name = fields.get("event", "message")
        if "data" in fields:
            found.names.append(name)
        if name == "message" and "data" in fields:
            found.bodies.append(json.loads(fields["data"]))
            found.cursors.append(fields["id"])
        if name == "end":
            found.ends.append(json.loads(fields["data"]))
    return found


SCOPE = {"type": "http", "path": "/events", "callplane.request_id": "r-1"}


@dataclass
class AsgiClient:
    """Reads an answer until it leaves; one that does not read takes nothing but the first piece."""

    reads: bool = True
    sent: list[dict[str, Any]] = field(default_factory=list)
    left: asyncio.Event = field(default_factory=asyncio.Event)

    async def receive(self) -> dict[str, Any]:
        """Back when it leaves."""
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        """Take a piece."""
        if not self.reads and len(self.sent) > 1:
            await asyncio.Event().wait()
        self.sent.append(message)

    @property
    def read(self) -> Read:
        """What it was told."""
        return parsed(b"".join(one.get("body", b"") for one in self.sent))

    @property
    def is_over(self) -> bool:
        """Whether the answer has come to its end."""
        return bool(self.sent) and self.sent[-1].get("more_body") is False
