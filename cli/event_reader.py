"""Event reader: the API's stream of events, through every cut, each time behind the last event that was taken."""

import asyncio
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

from callplane.network import is_loopback
from cli.verbs.server import UNAVAILABLE, VERSION, Failed, Server, refusal

SILENT_SECONDS = 30.0
"""A stream says something each ten seconds."""
PATIENCE = 60.0
"""Seconds without an answer until it is given up."""
PAUSE = 1.0


@dataclass(frozen=True, slots=True)
class ReadEvent:
    """One event as it came, and the cursor behind it; the last that a cursor says may be an event that is not shown."""

    cursor: str
    body: str


@dataclass
class EventReader:
    """One reading; ``cursor`` moves with what was taken, and past what is not shown."""

    server: Server
    query: Mapping[str, Any]
    cursor: str | None = None
    _unseen: str | None = field(default=None, init=False)
    """The cursor behind what was read for it and is not shown, said by a beat that came last."""
    _complete: bool = field(default=False, init=False)
    """Whether a reading that was not to follow has come to its end."""

    async def batches(self) -> AsyncGenerator[list[ReadEvent], None]:
        """What came together; asking for the next means that those before were taken. Raises Failed."""
        trust = not is_loopback(urlsplit(self.server.place).hostname or "")
        time = asyncio.get_running_loop().time
        async with httpx.AsyncClient(timeout=httpx.Timeout(10.0, read=SILENT_SECONDS), trust_env=trust) as http:
            since = time()
            while not self._complete:
                try:
                    async with aclosing(self._once(http)) as reading:
                        async for batch in reading:
                            since = time()
                            if batch:
                                yield batch
                                self.cursor = batch[-1].cursor
                            # After those in front of it, and never in place of one that came with it.
                            self.cursor, self._unseen = self._unseen or self.cursor, None
                except (httpx.TransportError, Failed) as trouble:
                    refused = isinstance(trouble, Failed) and trouble.status != UNAVAILABLE
                    if refused or time() - since > PATIENCE:
                        raise self._gave_up(trouble) from None
                if not self._complete:
                    await asyncio.sleep(PAUSE)

    def _gave_up(self, trouble: Exception) -> Failed:
        if isinstance(trouble, Failed):
            return trouble
        return Failed(f"no answer from {self.server.place}: {str(trouble) or type(trouble).__name__}", UNAVAILABLE)

    async def _once(self, http: httpx.AsyncClient) -> AsyncGenerator[list[ReadEvent], None]:
        headers = {"Accept": "text/event-stream", **self.server.credential()}
        if self.cursor:
            headers["Last-Event-ID"] = self.cursor
        url = f"{self.server.place}{VERSION}/events"
        async with http.stream("GET", url, params=dict(self.query), headers=headers) as answer:
            if answer.status_code != 200:
                raise refusal(answer.status_code, await answer.aread())
            rest = b""
            async for chunk in answer.aiter_bytes():
                *whole, rest = (rest + chunk).split(b"\n\n")
                shown = [one for event in whole if (one := self._read(event)) is not None]
                yield shown

    def _read(self, event: bytes) -> ReadEvent | None:
        """One event that is shown; of any other that what it says is known."""
        fields = _fields(event)
        match fields.get("event", "message"):
            case "message" if "id" in fields and "data" in fields:
                return ReadEvent(fields["id"], fields["data"])
            case "beat" if "id" in fields:
                self._unseen = fields["id"]
            case "resync-required":
                print("The place in the stream is not kept any more: events may be missing.", file=sys.stderr)
            case "complete":
                self._complete = True
        return None


def _fields(event: bytes) -> dict[str, str]:
    """Of one event (HTML standard, 9.2.6), whose lines end with LF alone, as the API writes them."""
    fields: dict[str, str] = {}
    for line in event.decode().split("\n"):
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        fields[name] = f"{fields[name]}\n{value}" if name == "data" and name in fields else value
    return fields
