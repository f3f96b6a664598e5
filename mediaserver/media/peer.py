"""WebRTC peer: gathers, connects, shakes hands, and opens the way for media (protocol 10.2)."""

import asyncio
import random
import uuid
from dataclasses import dataclass, field
from typing import Protocol

import structlog
from aioice.ice import CandidatePair

from mediaserver.media.dtls import DtlsLink
from mediaserver.media.engine import Engine
from mediaserver.media.ice import IceAgent
from mediaserver.media.inbound import SourceClock
from mediaserver.media.lines import Ports, Terms, carry
from mediaserver.media.rtp_session import RtpSession
from mediaserver.media.sdp.local import Identity, Place
from mediaserver.media.sdp.negotiation import CLOCKS, Bundle

log = structlog.get_logger(__name__)

ICE_PATIENCE = 30.0
DTLS_PATIENCE = 30.0


class PeerEvents(Protocol):
    """Who is told what happens to the connection, and to which."""

    def candidates_gathered(self, peer: "Peer") -> None: ...
    def ice_changed(self, peer: "Peer", component: int, state: str) -> None: ...
    def pair_selected(self, peer: "Peer") -> None: ...
    def dtls_changed(self, peer: "Peer", state: str) -> None: ...
    def connected(self, peer: "Peer") -> None: ...
    def media_changed(self) -> None: ...
    def failed(self, reason: str) -> None: ...


@dataclass(eq=False)
class Peer:
    """One transport of an endpoint and the media on it, from the first candidate to the end."""

    engine: Engine
    events: PeerEvents
    ports: dict[str, Ports]
    number: int = 0
    clock: SourceClock = field(default_factory=SourceClock)
    ice_states: dict[int, str] = field(default_factory=dict)
    dtls_state: str = "NEW"

    def __post_init__(self) -> None:
        settings = self.engine.settings
        self.agent = IceAgent(settings.addresses, self._pair_selected)
        self.connection_id = str(uuid.uuid4())
        self.identity = Identity(
            ufrag=self.agent.local_username,
            password=self.agent.local_password,
            fingerprint=next(f.value for f in self.engine.certificate.getFingerprints() if f.algorithm == "sha-256"),
            cname=f"callplane-{self.connection_id[:8]}",
            stream=str(uuid.uuid4()),
            ssrcs={kind: random.randrange(1, 2**32) for kind in CLOCKS},
        )
        own = self.identity.ssrcs["video"]
        self.session = RtpSession(self.identity.cname, own, self._send_rtcp, settings.media_timeout)
        self.session.on_media_state = lambda before, state: self.events.media_changed()
        self.gathered: list[str] | None = None
        self._link = DtlsLink(self.agent, self.engine.certificate, self.session.on_rtp, self.session.on_rtcp)
        self._link.changed = self._dtls_changed
        self._agreed: Bundle | None = None
        self._task: asyncio.Task[None] | None = None
        self._gathering = False
        self._begun = asyncio.Event()

    @property
    def place(self) -> Place:
        """What has been gathered; the address for the c= line is the best IPv4 candidate, else any."""
        own = sorted(self.agent.local_candidates, key=lambda c: (":" in c.host, -c.priority))
        return Place(self.gathered or (), (own[0].host, own[0].port) if own else None)

    @property
    def up(self) -> bool:
        """Whether keys are set and nothing has ended it."""
        return self._link.up

    def agree(self, agreed: Bundle, *, controlling: bool, max_bitrate: int) -> None:
        """Set up what both sides agreed on; connecting begins when candidates have been gathered."""
        self._agreed = agreed
        # a lite agent answers checks and never makes any: whoever meets one takes control (RFC 8445, 6.1.1)
        self.agent.ice_controlling = controlling or agreed.transport.lite
        self.agent.remote_is_lite = agreed.transport.lite
        self.agent.remote_username = agreed.transport.ufrag
        self.agent.remote_password = agreed.transport.password
        for chosen in agreed.chosen:
            terms = Terms(self.identity.ssrcs[chosen.kind], self.clock, max_bitrate)
            carry(self.session, chosen, self.ports[chosen.kind], terms)
        self._begun.set()

    def gather(self) -> None:
        """Begin to gather; again is harmless."""
        if not self._gathering:
            self._gathering = True
            for component in (2, 1):
                self._ice(component, "GATHERING")
            self._task = self.engine.start(self._run())

    async def add_candidate(self, text: str) -> None:
        """Take a candidate of the peer."""
        await self.agent.add(text)

    def tick(self, now: float) -> None:
        """Do what is due, while media may flow."""
        self.session.tick(now)

    def close(self) -> None:
        """End the connection; the sockets close in the background."""
        self.engine.ticking.discard(self)
        self.session.leave()
        if self._task is not None:
            self._task.cancel()
        self.engine.start(self._close())

    async def _run(self) -> None:
        try:
            await self._live()
        except Exception as bug:
            log.exception("peer failed", error=repr(bug))
            self.events.failed(repr(bug))

    async def _live(self) -> None:
        self.gathered = [f"candidate:{c.to_sdp()}" for c in await self.agent.gather()]
        self.events.candidates_gathered(self)
        await self._begun.wait()
        await self.agent.stirred.wait()
        self._ice(1, "CONNECTING")
        if not await self._connect():
            return
        self._ice(1, "CONNECTED")
        self._ice(1, "READY")
        assert self._agreed is not None
        try:
            async with asyncio.timeout(DTLS_PATIENCE):
                up = await self._link.handshake(self._agreed.transport)
        except TimeoutError:
            self._dtls_changed("FAILED")
            return
        if up:
            self._open()

    async def _connect(self) -> bool:
        """Check pairs until one works; FAILED is said after a while, but is not final (protocol 10.2)."""
        patience = asyncio.get_running_loop().call_later(ICE_PATIENCE, self._ice, 1, "FAILED")
        try:
            await self.agent.connect()
        except ConnectionError:
            return False
        finally:
            patience.cancel()
        return True

    def _open(self) -> None:
        for sender, inlet in self.session.senders.values():
            sender.open(self._link.send_rtp, self._link.send_again)
            inlet.request_key_frame(self.engine.now())
        self.engine.ticking.add(self)
        self.events.connected(self)

    async def _close(self) -> None:
        await self._link.stop()
        await self.agent.close()

    def _send_rtcp(self, data: bytes) -> None:
        self._link.send_rtcp(data)

    def _ice(self, component: int, state: str) -> None:
        self.ice_states[component] = state
        self.events.ice_changed(self, component, state)

    def _pair_selected(self, pair: CandidatePair) -> None:
        self.events.pair_selected(self)

    def _dtls_changed(self, state: str) -> None:
        if state == "CLOSED" and self.agent.closed:
            # consent ran out: libnice would say so on the ICE component, and DTLS would stay silent
            self._ice(1, "FAILED")
            return
        self.dtls_state = state
        self.events.dtls_changed(self, state)
