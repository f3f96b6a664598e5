"""Media flow: carries one kind of media out of an element and into others, and says whether it flows."""

from collections.abc import Callable
from typing import Protocol

from mediaserver.media.packet import Packet


class Flow:
    """Says when media starts to flow and when it has stopped for a while (protocol 10.3)."""

    __slots__ = ("_changed", "flowing", "last")

    def __init__(self, changed: Callable[[bool], None]) -> None:
        self._changed = changed
        self.flowing = False
        self.last = 0.0

    def seen(self, now: float) -> None:
        """Note a packet."""
        self.last = now
        if not self.flowing:
            self.flowing = True
            self._changed(True)

    def look(self, now: float, timeout: float) -> None:
        """Note silence."""
        if self.flowing and now - self.last > timeout:
            self.flowing = False
            self._changed(False)


class Consumer(Protocol):
    """Whoever sends packets on to a peer."""

    def push(self, packet: Packet, now: float) -> bool:
        """Send it; false asks the source for a key frame."""

    def interrupted(self) -> None:
        """What comes next does not follow on what has been: it begins with a key frame."""


class Inlet:
    """Media of one kind on its way into an element, from at most one source (protocol 9.4)."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.source: Outlet | None = None
        self.consumer: Consumer | None = None

    def push(self, packet: Packet, now: float) -> bool:
        """Take one packet; false asks for a key frame."""
        self.flow.seen(now)
        return self.consumer is None or self.consumer.push(packet, now)

    def interrupted(self) -> None:
        """Its source was taken away."""
        if self.consumer is not None:
            self.consumer.interrupted()

    def request_key_frame(self, now: float) -> None:
        """Pass a peer's request upstream."""
        if self.source is not None:
            self.source.request_key_frame(now)


class Outlet:
    """Media of one kind on its way out of an element, to any number of sinks."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.sinks: list[Inlet] = []
        self.ask: Callable[[float], None] | None = None

    def forward(self, packet: Packet, now: float) -> None:
        """Give one packet to every sink."""
        self.flow.seen(now)
        satisfied = True
        for sink in self.sinks:
            satisfied &= sink.push(packet, now)
        if not satisfied:
            self.request_key_frame(now)

    def request_key_frame(self, now: float) -> None:
        """Ask the publisher, if there is one yet."""
        if self.ask is not None:
            self.ask(now)

    def interrupted(self) -> None:
        """What leaves next does not follow on what has left."""
        for sink in self.sinks:
            sink.interrupted()

    def attach(self, sink: Inlet) -> None:
        """Feed a sink, which forgets its former source."""
        if sink.source is not None:
            sink.source.detach(sink)
        sink.source = self
        self.sinks.append(sink)

    def detach(self, sink: Inlet) -> None:
        """Feed a sink no more."""
        if sink in self.sinks:
            self.sinks.remove(sink)
            sink.source = None
            sink.interrupted()
