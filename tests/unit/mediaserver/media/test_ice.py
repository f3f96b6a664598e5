"""Which candidates of a peer are taken, and how the agent gathers."""

import pytest

from mediaserver.media.ice import INBOX, REMOTE_CANDIDATES, IceAgent

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
