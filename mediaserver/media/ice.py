"""ICE agent on aioice: tells when the peer stirs and which pair is selected."""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from aioice import Candidate, Connection
from aioice.ice import CandidatePair
from aioice.stun import TransactionError

INBOX = 2_000
"""Datagrams that may wait for the reader; the network may lose them anyway."""

REMOTE_CANDIDATES = 128

CONSENT_INTERVAL = 5.0
CONSENT_SECONDS = 30.0
"""How often consent is asked for, and how long it lasts (RFC 7675, 5.1)."""

CONSENT_REPEATS = 2
"""Each question is repeated after 0.5 s and 1 s, and given up 2 s later."""


class IceAgent(Connection):
    """aioice's connection for one component (RTP and RTCP muxed)."""

    def __init__(self, addresses: tuple[str, ...], selected: Callable[[CandidatePair], None]) -> None:
        super().__init__(ice_controlling=False)
        self.stirred = asyncio.Event()
        self._addresses = addresses
        self._selected = selected
        self._pair: CandidatePair | None = None

    @property
    def pair(self) -> CandidatePair | None:
        """The selected pair."""
        return self._pair

    @property
    def closed(self) -> bool:
        """Whether it ended, by us or because the peer's consent ran out (RFC 7675)."""
        return bool(self._closed)

    async def gather(self) -> list[Candidate]:
        """Open a socket on each local address and return the candidates."""
        if not self._addresses:
            await self.gather_candidates()
        elif not self._local_candidates_start:
            self._local_candidates_start = True
            self._local_candidates += await self.get_component_candidates(1, list(self._addresses))
            self._local_candidates_end = True
        return self.local_candidates

    async def add(self, text: str) -> None:
        """Take a remote candidate; what is no use to us is passed over silently (protocol 10.2)."""
        bits = text.strip().removeprefix("a=").removeprefix("candidate:")
        try:
            candidate = Candidate.from_sdp(bits)
        except ValueError:
            return
        # mDNS names cannot be resolved here, TCP is not spoken, and RTCP is always muxed
        usable = candidate.component == 1 and candidate.transport.lower() == "udp"
        if not usable or candidate.host.endswith(".local") or len(self.remote_candidates) >= REMOTE_CANDIDATES:
            return
        await self.add_remote_candidate(candidate)
        self.stirred.set()

    def data_received(self, data: bytes, component: int) -> None:
        """Queue a datagram, unless the reader is far behind."""
        # anybody may send an empty one, and aiortc's reader would end over it
        if data and self._queue.qsize() < INBOX:
            super().data_received(data, component)

    def request_received(self, message: Any, addr: tuple[str, int], protocol: Any) -> None:
        """Answer a connectivity check: the peer is there."""
        super().request_received(message, addr, protocol)
        self.stirred.set()

    def check_complete(self, pair: CandidatePair) -> None:
        """Note when another pair becomes the selected one."""
        super().check_complete(pair)
        now = self._nominated.get(1)
        if now is not None and now is not self._pair:
            self._pair = now
            self._selected(now)

    async def query_consent(self) -> None:
        """Ask for the peer's consent again and again; without an answer for too long the agent ends.

        aioice itself waits for 0.5 s and takes no later answer, so that a call over a slower path, or with a peer that
        is busy, ends after half a minute while its media flows.
        """
        assert self.remote_password is not None
        key, loop = self.remote_password.encode(), asyncio.get_running_loop()
        answered = loop.time()
        while loop.time() - answered < CONSENT_SECONDS:
            await asyncio.sleep(CONSENT_INTERVAL * random.uniform(0.8, 1.2))
            for pair in list(self._nominated.values()):
                request = self.build_request(pair, nominate=False)
                with suppress(TransactionError):
                    await pair.protocol.request(
                        request, pair.remote_addr, integrity_key=key, retransmissions=CONSENT_REPEATS
                    )
                    answered = loop.time()
        # ``close`` would cancel this task, and wait for it.
        self._query_consent_task = None
        await self.close()

    def send_now(self, data: bytes) -> bool:
        """Send a datagram at once; false while there is no selected pair."""
        pair = self._nominated.get(1)
        if pair is None or pair.protocol.transport.is_closing():
            return False
        pair.protocol.transport.sendto(data, pair.remote_addr)
        return True


class IceLink:
    """What aiortc's DTLS transport asks of an ICE transport."""

    def __init__(self, agent: IceAgent) -> None:
        self._recv = agent.recv
        self._send = agent.send
        self._agent = agent

    @property
    def role(self) -> str:
        """Which side nominates."""
        return "controlling" if self._agent.ice_controlling else "controlled"
