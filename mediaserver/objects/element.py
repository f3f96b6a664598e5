"""Media elements: what feeds what, and whether media flows (protocol 9.3, 9.4)."""

from typing import Any, ClassVar

from kurento_client.jsonrpc import Code
from mediaserver.errors import refusal
from mediaserver.media.engine import Engine
from mediaserver.media.flow import Flow, Inlet, Outlet
from mediaserver.media.lines import Ports
from mediaserver.model import catalogue
from mediaserver.model.spec import ClassSpec
from mediaserver.model.types import record
from mediaserver.objects.media_object import Listener, MediaObject

KINDS = ("AUDIO", "VIDEO", "DATA")
FLOWING = ("AUDIO", "VIDEO")
_DESCRIPTION = "default"


class MediaElement(MediaObject):
    """An element of a pipeline; per kind it has one source at most and any number of sinks."""

    spec: ClassVar[ClassSpec] = catalogue.MEDIA_ELEMENT

    def __init__(self, parent: MediaObject, raise_event: Listener, engine: Engine) -> None:
        super().__init__(parent, raise_event)
        self.engine = engine
        self.sources: dict[str, MediaElement] = {}
        self.sinks: dict[str, dict[str, MediaElement]] = {kind: {} for kind in KINDS}
        self.ports = {kind.lower(): self._ports(kind) for kind in FLOWING}
        self._number = engine.number()
        self._reported_bins: set[str] = set()
        engine.ticking.add(self)

    def connect(self, sink: "MediaElement", kind: str | None, source_text: str, sink_text: str) -> None:
        """Feed a sink with one kind of media or with all three; its former source lets go, also where it is this one.

        So the same again interrupts the media, and costs the publisher a key frame (protocol 9.4).
        """
        if sink.pipeline is not self.pipeline:
            raise refusal(Code.CONNECT_ERROR, "Media elements do not share pipeline")
        for each in [kind] if kind else KINDS:
            former = sink.sources.get(each)
            if former is not None:
                former._disconnect(sink, each)
            self.sinks[each][sink.id] = sink
            sink.sources[each] = self
            if each in FLOWING:
                self.ports[each.lower()].outlet.attach(sink.ports[each.lower()].inlet)
            self._say("ElementConnected", sink, each)
            self._transcoding(each)

    def disconnect(self, sink: "MediaElement", kind: str | None, source_text: str, sink_text: str) -> None:
        """Stop feeding a sink; said even where nothing was connected, as the real one does."""
        for each in [kind] if kind else KINDS:
            self._disconnect(sink, each)

    def get_source_connections(self, kind: str | None, description: str) -> list[dict[str, Any]]:
        """List what feeds this element."""
        return [_link(s, self, k) for k, s in self.sources.items() if kind in (None, k)]

    def get_sink_connections(self, kind: str | None, description: str) -> list[dict[str, Any]]:
        """List what this element feeds."""
        return [_link(self, s, k) for k in KINDS if kind in (None, k) for s in self.sinks[k].values()]

    def is_media_flowing_in(self, kind: str, description: str) -> bool:
        """Whether media comes in from the pipeline."""
        return self._port(kind).inlet.flow.flowing

    def is_media_flowing_out(self, kind: str, description: str) -> bool:
        """Whether media goes out into the pipeline."""
        return self._port(kind).outlet.flow.flowing

    def is_media_transcoding(self, kind: str, bin_name: str) -> bool:
        """Never: encoded packets are only forwarded."""
        self._port(kind)
        return False

    def set_audio_format(self, caps: dict[str, Any]) -> None:
        """Accept the format without effect, as there is no encoder."""

    def set_video_format(self, caps: dict[str, Any]) -> None:
        """Accept the format without effect, as there is no encoder."""

    def tick(self, now: float) -> None:
        """Notice flows that have stopped."""
        for ports in self.ports.values():
            ports.inlet.flow.look(now, self.engine.settings.flow_timeout)
            ports.outlet.flow.look(now, self.engine.settings.flow_timeout)

    def dispose(self) -> None:
        """Disconnect from everything."""
        self.engine.ticking.discard(self)
        for kind, source in list(self.sources.items()):
            source._disconnect(self, kind)
        for kind, sinks in self.sinks.items():
            for sink in list(sinks.values()):
                self._disconnect(sink, kind)

    def _disconnect(self, sink: "MediaElement", kind: str) -> None:
        if self.sinks[kind].pop(sink.id, None) is not None:
            sink.sources.pop(kind, None)
            if kind in FLOWING:
                self.ports[kind.lower()].outlet.detach(sink.ports[kind.lower()].inlet)
        self._say("ElementDisconnected", sink, kind)

    def _say(self, event: str, sink: "MediaElement", kind: str) -> None:
        words = {"sourceMediaDescription": _DESCRIPTION, "sinkMediaDescription": _DESCRIPTION}
        self.raise_event(event, sink=sink.id, mediaType=kind, **words)

    def _port(self, kind: str) -> Ports:
        if kind not in FLOWING:
            raise refusal(Code.MEDIA_OBJECT_ILLEGAL_PARAM_ERROR, f"Media type {kind} is not supported")
        return self.ports[kind.lower()]

    def _ports(self, kind: str) -> Ports:
        def into(flowing: bool) -> None:
            self._flow("MediaFlowInStateChanged", kind, flowing)

        def out(flowing: bool) -> None:
            self._flow("MediaFlowOutStateChanged", kind, flowing)
            self._transcoding(kind)

        return Ports(Inlet(Flow(into)), Outlet(Flow(out)))

    def _flow(self, event: str, kind: str, flowing: bool) -> None:
        state = "FLOWING" if flowing else "NOT_FLOWING"
        self.raise_event(event, state=state, padName=_DESCRIPTION, mediaType=kind)

    def _transcoding(self, kind: str) -> None:
        """Report once per kind, when media first reaches a sink, that nothing is transcoded."""
        if kind in self._reported_bins or kind not in FLOWING:
            return
        outlet = self.ports[kind.lower()].outlet
        if outlet.flow.flowing and outlet.sinks:
            self._reported_bins.add(kind)
            name = f"kms{self.spec.name.lower()}{self._number}_kmsagnosticbin2-{FLOWING.index(kind)}"
            self.raise_event("MediaTranscodingStateChanged", state="NOT_TRANSCODING", binName=name, mediaType=kind)


def _link(source: MediaElement, sink: MediaElement, kind: str) -> dict[str, Any]:
    return record(
        "ElementConnectionData",
        source=source.id,
        sink=sink.id,
        type=kind,
        sourceDescription=_DESCRIPTION,
        sinkDescription=_DESCRIPTION,
    )
