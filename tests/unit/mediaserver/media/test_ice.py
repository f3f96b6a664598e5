"""Which candidates of a peer are taken, and how the agent gathers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from mediaserver.media import ice as module
from mediaserver.media.ice import INBOX, REMOTE_CANDIDATES, IceAgent
from testkit.servers.until import until

HOST = "candidate:1 1 udp 2122252543 192.0.2.2 {} typ host"


def agent(*addresses: str) -> IceAgent:
    """Make an agent that tells nobody."""
    return IceAgent(addresses, lambda pair: None)


@pytest.mark.parametrize(
    "useless",
    [
        "",
        "nonsense",
        "candidate:1 x udp 1 192.0.2.2 5 typ host",
        "candidate:1 1 udp 1 0123.local 5 typ host",
        "candidate:1 1 tcp 1 192.0.2.2 9 typ host tcptype active",
        "candidate:1 2 udp 1 192.0.2.2 5 typ host",
    ],
)
async def test_useless_candidates_are_passed_over(useless: str) -> None:
    ice = agent()
    await ice.add(useless)
    assert ice.remote_candidates == []
    assert not ice.stirred.is_set()


@pytest.mark.parametrize("prefix", ["", "a=", "  "])
async def test_a_candidate_in_any_dress(prefix: str) -> None:
    ice = agent()
    await ice.add(prefix + HOST.format(5000) + " generation 0 ufrag abcd network-cost 999")
    assert [(c.host, c.port) for c in ice.remote_candidates] == [("192.0.2.2", 5000)]
    assert ice.stirred.is_set()


async def test_candidates_are_bounded() -> None:
    ice = agent()
    for port in range(1, REMOTE_CANDIDATES + 50):
        await ice.add(HOST.format(port))
    assert len(ice.remote_candidates) == REMOTE_CANDIDATES


async def test_it_gathers_on_the_given_address() -> None:
    ice = agent("127.0.0.1")
    found = await ice.gather()
    assert [c.host for c in found] == ["127.0.0.1"]
    assert await ice.gather() == found
    assert not ice.send_now(b"nobody to send to")
    await ice.close()
    assert ice.closed


async def test_a_reader_that_sleeps_costs_no_memory() -> None:
    ice = agent()
    for _ in range(INBOX + 10):
        ice.data_received(b"x", 1)
    ice.data_received(b"", 1)
    assert ice._queue.qsize() == INBOX


class Peer(IceAgent):
    """The other side of a path, which may be slow or silent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1",), lambda pair: None)
        self.ice_controlling = True
        self.delay = 0.0
        self.silent = False
        self.asked = asyncio.Semaphore(0)

    def request_received(self, message: Any, addr: tuple[str, int], protocol: Any) -> None:
        """Answer late, or not."""
        self.asked.release()
        if not self.silent:
            asyncio.get_running_loop().call_later(self.delay, super().request_received, message, addr, protocol)


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[IceAgent, Peer]]:
    """An agent and its peer, which may then become slow."""
    one, other = agent("127.0.0.1"), Peer()
    for here, there in ((one, other), (other, one)):
        for candidate in await there.gather():
            await here.add_remote_candidate(candidate)
        await here.add_remote_candidate(None)
        here.remote_username, here.remote_password = there.local_username, there.local_password
    async with asyncio.timeout(20):
        await asyncio.gather(one.connect(), other.connect())
    try:
        yield one, other
    finally:
        await one.close()
        await other.close()


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Consent is asked for all the time, and ends after two seconds."""
    monkeypatch.setattr(module, "CONSENT_INTERVAL", 0.05)
    monkeypatch.setattr(module, "CONSENT_SECONDS", 2.0)


@pytest.mark.usefixtures("soon")
async def test_a_peer_whose_answers_take_long_keeps_its_consent() -> None:
    async with connected() as (one, other):
        other.delay = 0.8
        # Long enough for six questions that are given up after half a second each.
        async with asyncio.timeout(30):
            for _ in range(9):
                await other.asked.acquire()
        assert not one.closed


@pytest.mark.usefixtures("soon")
async def test_a_peer_that_does_not_answer_loses_it() -> None:
    async with connected() as (one, other):
        other.silent = True

        async def over() -> bool:
            return one.closed

        await until(over, 30)
