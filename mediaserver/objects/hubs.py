"""Hubs, their ports, and the junction: they hand encoded media on, and mix nothing (protocol 9.12)."""

from typing import ClassVar

from kurento_client.jsonrpc import Code
from mediaserver.errors import refusal
from mediaserver.media.engine import Engine
from mediaserver.media.relay import Relay
from mediaserver.model import elements
from mediaserver.model.spec import ClassSpec
from mediaserver.objects.element import MediaElement
from mediaserver.objects.media_object import Listener, MediaObject


class PassThrough(MediaElement):
    """A junction: what enters leaves, so that sources can be swapped without touching the sinks."""

    spec: ClassVar[ClassSpec] = elements.PASS_THROUGH

    def __init__(self, parent: MediaObject, raise_event: Listener, engine: Engine) -> None:
        super().__init__(parent, raise_event, engine)
        for ports in self.ports.values():
            Relay(ports.inlet).feed(ports.outlet)


class HubPort(MediaElement):
    """Where media enters a hub and leaves it; which port feeds which is the hub's affair."""

    spec: ClassVar[ClassSpec] = elements.HUB_PORT

    def __init__(self, parent: MediaObject, raise_event: Listener, engine: Engine) -> None:
        super().__init__(parent, raise_event, engine)
        self.source: HubPort | None = None
        self._relays = {kind: Relay(ports.inlet) for kind, ports in self.ports.items()}
        assert isinstance(parent, Hub)
        parent.joined(self)

    def fed_by(self, source: "HubPort | None") -> None:
        """Let out what enters another port, or nothing; a port has one source."""
        if source is self.source:
            return
        for kind, ports in self.ports.items():
            if self.source is not None:
                self.source._relays[kind].leave(ports.outlet)
            if source is not None:
                source._relays[kind].feed(ports.outlet)
                source._relays[kind].request_key_frame(self.engine.now())
        self.source = source

    def dispose(self) -> None:
        """Disconnect from everything, inside the hub as well."""
        super().dispose()
        assert isinstance(self.parent, Hub)
        self.fed_by(None)
        for other in self.parent.hub_ports():
            if other.source is self:
                other.fed_by(None)
        self.parent.left(self)


class Hub(MediaObject):
    """Several ports, between which media passes as the kind of hub says."""

    spec: ClassVar[ClassSpec] = elements.HUB

    def hub_ports(self) -> list[HubPort]:
        """Return its living ports."""
        return [each for each in self.children.values() if isinstance(each, HubPort)]

    def joined(self, port: HubPort) -> None:
        """Take a new port in."""

    def left(self, port: HubPort) -> None:
        """Let a port go."""

    def own(self, *ports: HubPort) -> None:
        """Refuse ports of another hub."""
        if any(port.parent is not self for port in ports):
            raise refusal(Code.CONNECT_ERROR, "Can not connect ports")


class Composite(Hub):
    """Would mix all ports into one picture and sound; nothing is decoded here, so nothing leaves it."""

    spec: ClassVar[ClassSpec] = elements.COMPOSITE


class Dispatcher(Hub):
    """Feeds ports by name."""

    spec: ClassVar[ClassSpec] = elements.DISPATCHER

    def connect(self, source: HubPort, sink: HubPort) -> None:
        """Feed one port with what enters another."""
        self.own(source, sink)
        sink.fed_by(source)


class DispatcherOneToMany(Hub):
    """Feeds all ports with what enters one of them."""

    spec: ClassVar[ClassSpec] = elements.DISPATCHER_ONE_TO_MANY
    _source: HubPort | None = None

    def set_source(self, source: HubPort) -> None:
        """Choose the port that all others are fed with."""
        self.own(source)
        self._source = source
        for port in self.hub_ports():
            self.joined(port)

    def remove_source(self) -> None:
        """Feed nobody."""
        self._source = None
        for port in self.hub_ports():
            port.fed_by(None)

    def joined(self, port: HubPort) -> None:
        """Feed a new port too."""
        port.fed_by(None if port is self._source else self._source)

    def left(self, port: HubPort) -> None:
        """Feed nobody when the source has gone."""
        if port is self._source:
            self.remove_source()
