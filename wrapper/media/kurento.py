"""Media port on Kurento: takes MediaRefs, and calls objects of ``kurento_client``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from callplane.contracts.commands import Candidate
from callplane.contracts.errors import Trouble
from callplane.contracts.ids import ConnectionId, SessionId
from callplane.contracts.media import MediaRef
from kurento_client import (
    ConnectionState,
    ElementConnectionData,
    IceCandidate,
    IceComponentState,
    IceConnection,
    KurentoError,
    MediaPipeline,
    MediaType,
    NewRef,
    Results,
    Transaction,
    TransactionFailed,
    WebRtcEndpoint,
    decoding,
)
from wrapper.media.endpoint_events import EndpointEvents
from wrapper.media.port import MEDIA, EndpointOwner, Gone, Medium, ReceiverReport, State, Unreached
from wrapper.media.port_errors import refused, translated
from wrapper.media.receiver_reports import receiver_report
from wrapper.media.sdp import Described, UsefulCandidates
from wrapper.media.server import MediaServer

EVENTS = (
    "IceCandidateFound",
    "IceComponentStateChanged",
    "ConnectionStateChanged",
    "MediaStateChanged",
    "MediaFlowOutStateChanged",
    "Error",
)

QUESTIONS = ("getMediaState", "getConnectionState", "getIceConnectionState")


@dataclass(frozen=True, slots=True)
class MediaOptions:
    """``deployment`` marks what is ours on a shared media server; ``max_send_kbps`` lifts Kurento's 500 kbit/s cap."""

    deployment: str = "callplane"
    max_send_kbps: int = 2000


class KurentoMedia:
    """Implements MediaPort on the servers that this wrapper keeps sockets to."""

    def __init__(self, servers: Mapping[str, MediaServer], events: EndpointEvents, options: MediaOptions) -> None:
        self._servers = servers
        self._events = events
        self._options = options

    async def is_up(self, server: str) -> bool:
        """Whether this wrapper reaches that media server now."""
        return server in self._servers and self._servers[server].connected

    def reached(self) -> frozenset[str]:
        """The media servers that this wrapper reaches now."""
        return frozenset(name for name, server in self._servers.items() if server.connected)

    async def exists(self, ref: MediaRef) -> bool:
        """Whether the object is still there; asking references it for our session, which keeps it."""
        try:
            with translated(ref):
                await self._server(ref.server).client.describe(ref.id)
        except Gone:
            return False
        return True

    async def create_pipeline(self, server: str, session_id: SessionId, epoch: int) -> MediaRef:
        """Make a pipeline and tag it, in one transaction."""
        transaction = self._server(server).client.transaction()
        made = transaction.create("MediaPipeline")
        self._tag(transaction, made, {"session": session_id, "epoch": str(epoch)})
        return MediaRef(server, str((await self._commit(transaction, MediaRef(server, "")))[made]))

    async def create_endpoint(self, pipeline: MediaRef, owner: EndpointOwner, sdp_offer: str) -> tuple[MediaRef, str]:
        """Make a tagged WebRtcEndpoint whose events this wrapper gets, and have it answer an offer, in one transaction.

        The offer comes last: what is refused then is it. Nothing is told of the endpoint before it gathers.
        """
        transaction = self._server(pipeline.server).client.transaction()
        made = transaction.create("WebRtcEndpoint", mediaPipeline=pipeline.id)
        tags = {"session": owner.session_id, "epoch": str(owner.epoch)}
        self._tag(transaction, made, {**tags, "connection": owner.connection_id, "claim": str(owner.claim)})
        for event in EVENTS:
            transaction.subscribe(made, event)
        limit = self._options.max_send_kbps
        transaction.invoke(made, "setMaxVideoSendBandwidth", maxVideoSendBandwidth=limit)
        answered = transaction.invoke(made, "processOffer", offer=sdp_offer)
        said = await self._commit(transaction, pipeline)
        endpoint, answer = MediaRef(pipeline.server, str(said[made])), str(said[answered])
        self._events.register(endpoint, replace(owner, useful=UsefulCandidates.to(answer)))
        return endpoint, answer

    async def gather(self, endpoint: MediaRef) -> None:
        """Start gathering candidates."""
        with refused(endpoint), translated(endpoint):
            await self._endpoint(endpoint).gather_candidates()

    async def gather_connected(self, endpoint: MediaRef, source: MediaRef, media: Sequence[Medium]) -> None:
        """Start gathering, and let these media flow into it, in one transaction."""
        transaction = self._server(endpoint.server).client.transaction()
        transaction.invoke(endpoint.id, "gatherCandidates")
        await self._connect(transaction, (source, endpoint), media, on=True)

    async def add_candidate(self, endpoint: MediaRef, candidate: Candidate) -> None:
        """Feed one candidate; one that the ICE agent rejects (40401) is the client's loss alone."""
        wire = IceCandidate(candidate.candidate, candidate.sdp_mid, candidate.sdp_m_line_index)
        try:
            with translated(endpoint):
                await self._endpoint(endpoint).add_ice_candidate(wire)
        except KurentoError:
            return

    async def sources(
        self, sink: MediaRef, source: MediaRef | None = None, without: Sequence[Medium] = ()
    ) -> dict[Medium, str]:
        """What feeds an endpoint, by medium, once these media of the source do not.

        To disconnect what is not connected is no error (protocol 9.4).
        """
        if source is None or not without:
            with translated(sink):
                links = await self._endpoint(sink).get_source_connections()
        else:
            transaction = self._server(sink.server).client.transaction()
            asked = transaction.invoke(sink.id, "getSourceConnections")
            said = await self._connect(transaction, (source, sink), without, on=False)
            links = decoding.each(ElementConnectionData.read, said[asked])
            links = tuple(link for link in links if link.source != source.id or link.type not in without)
        by_type = {str(link.type): link.source for link in links}
        return {medium: by_type[medium] for medium in MEDIA if medium in by_type}

    async def connect(self, source: MediaRef, sink: MediaRef, media: Sequence[Medium], *, on: bool) -> None:
        """Let these media flow from source to sink, or stop them."""
        await self._connect(self._server(source.server).client.transaction(), (source, sink), media, on=on)

    async def _connect(
        self, transaction: Transaction, ends: tuple[MediaRef, MediaRef], media: Sequence[Medium], *, on: bool
    ) -> Results:
        """Add these to the transaction, and send it."""
        source, sink = ends
        if source.server != sink.server:
            raise Trouble(f"{source.id} and {sink.id} are on different media servers")
        for medium in media:
            transaction.invoke(source.id, "connect" if on else "disconnect", sink=sink.id, mediaType=medium)
        with refused(source), translated(source):
            return await transaction.commit()

    async def subscribe(self, endpoint: MediaRef, owner: EndpointOwner) -> State:
        """Subscribe under our own Kurento session, which from then on keeps the endpoint alive as well.

        In one transaction with the questions, which come last: what changes after them is told.
        """
        self._events.register(endpoint, owner)
        transaction = self._server(endpoint.server).client.transaction()
        for event in EVENTS:
            transaction.subscribe(endpoint.id, event)
        described = transaction.invoke(endpoint.id, "getLocalSessionDescriptor")
        asked = [transaction.invoke(endpoint.id, question) for question in QUESTIONS]
        with refused(endpoint), translated(endpoint):
            said = await transaction.commit()
        description = str(said[described])
        owner = replace(owner, useful=UsefulCandidates.to(description))
        self._events.register(endpoint, owner)
        # What was found before we subscribed may have reached nobody; gathering again does not tell it again.
        await self._events.send_candidates(owner, candidates_in(description))
        return _state([said[answer] for answer in asked])

    async def state(self, endpoint: MediaRef) -> State:
        """What the media server says of an endpoint now."""
        transaction = self._server(endpoint.server).client.transaction()
        for question in QUESTIONS:
            transaction.invoke(endpoint.id, question)
        with refused(endpoint), translated(endpoint):
            return _state(list(await transaction.commit()))

    async def is_receiving(self, endpoint: MediaRef) -> bool:
        """Whether anything has come from its client lately, as ``mediaState`` says."""
        with translated(endpoint):
            return await self._endpoint(endpoint).get_media_state() is ConnectionState.CONNECTED

    async def receiver_report(self, endpoint: MediaRef) -> ReceiverReport | None:
        """How it reports on the video that it receives; None where none is sent, or it has told no round trip."""
        with translated(endpoint):
            stats = await self._endpoint(endpoint).get_stats(MediaType.VIDEO)
        return receiver_report(stats)

    async def release(self, *refs: MediaRef) -> None:
        """Destroy objects of one media server with all in them; several in one transaction, none of which is refused
        for one that is gone (protocol 3.7).
        """
        for ref in refs:
            self._events.forget(ref)
        if len(refs) == 1:
            with translated(refs[0]):
                await self._server(refs[0].server).client.release(refs[0].id)
        elif refs:
            transaction = self._server(refs[0].server).client.transaction()
            for ref in refs:
                transaction.release(ref.id)
            with refused(refs[0]), translated(refs[0]):
                await transaction.commit()

    async def release_tagged(
        self, pipeline: MediaRef, connection_id: ConnectionId, keep: MediaRef | None = None
    ) -> None:
        """Release every child of the pipeline that carries the connection's tag, ``keep`` apart."""
        client = self._server(pipeline.server).client
        try:
            with translated(pipeline):
                children = await MediaPipeline(client, pipeline.id).get_children()
        except Gone:
            return
        for child in children:
            ref = MediaRef(pipeline.server, child.id)
            if ref == keep:
                continue
            try:
                with translated(ref):
                    if (await child.get_tags()).get("connection") == connection_id:
                        await self.release(ref)
            except Gone:
                continue

    def _server(self, name: str) -> MediaServer:
        server = self._servers.get(name)
        if server is None:
            raise Unreached(name)
        return server

    def _endpoint(self, ref: MediaRef) -> WebRtcEndpoint:
        return WebRtcEndpoint(self._server(ref.server).client, ref.id)

    def _tag(self, transaction: Transaction, made: NewRef, tags: Mapping[str, str]) -> None:
        for key, value in {"deployment": self._options.deployment, **tags}.items():
            transaction.invoke(made, "addTag", key=key, value=value)

    async def _commit(self, transaction: Transaction, parent: MediaRef) -> Results:
        """Send it; a refused one releases what it had made, for the server undoes nothing (protocol 3.10)."""
        with refused(parent):
            try:
                with translated(parent):
                    return await transaction.commit()
            except TransactionFailed as failure:
                for id_ in failure.created:
                    await self.release(MediaRef(parent.server, id_))
                raise


def candidates_in(sdp: str) -> list[IceCandidate]:
    """Each ``a=candidate`` of each media section; ``end-of-candidates`` is none (RFC 8839, 5.1)."""
    return [
        IceCandidate(candidate, section.mid, index)
        for index, section in enumerate(Described.read(sdp).sections)
        for candidate in section.candidates
    ]


def _state(answers: Sequence[Any]) -> State:
    """What the answers to QUESTIONS say; component 1 decides (protocol 10.2)."""
    media, connection, components = answers
    ice = decoding.each(IceConnection.read, components)
    return State(
        connected=connection == ConnectionState.CONNECTED,
        receiving=media == ConnectionState.CONNECTED,
        failed=any(one.component_id == 1 and one.state is IceComponentState.FAILED for one in ice),
    )
