"""Hints reach the links that are bound to their session, in order, and nobody waits for one that nobody wants."""

import asyncio
from functools import partial

import pytest

from callplane.bus.mailbox_ports import LinkLost
from callplane.contracts.ids import SessionId, new_id
from testkit.inprocess.bus import Corner
from testkit.servers.until import until


def _session() -> SessionId:
    return SessionId(new_id())


async def _has(got: list[bytes], *wanted: bytes) -> bool:
    return got[-len(wanted) :] == list(wanted)


async def test_what_is_sent_comes_to_who_is_bound_in_order(corner: Corner) -> None:
    one, other = _session(), _session()
    ann: list[bytes] = []
    bob: list[bytes] = []
    async with (
        corner.hints.sender() as sender,
        corner.hints.connect(ann.append) as of_ann,
        corner.hints.connect(bob.append) as of_bob,
    ):
        await of_ann.bind(one)
        await of_bob.bind(one)
        await of_bob.bind(other)
        await _first(partial(sender.send, one, b"0"), ann)
        many = [str(number).encode() for number in range(1, 300)]
        for hint in many:
            sender.send(one, hint)
        sender.send(other, b"last")
        await until(partial(_has, ann, *many))
        await until(partial(_has, bob, *many, b"last"))
        assert b"last" not in ann


async def test_nothing_comes_after_it_is_unbound_and_everything_after_it_is_bound_again(corner: Corner) -> None:
    where, always = _session(), _session()
    got: list[bytes] = []
    async with corner.hints.sender() as sender, corner.hints.connect(got.append) as link:
        await link.bind(always)
        await link.bind(where)
        await _first(partial(sender.send, where, b"0"), got)
        await link.unbind(where)
        sender.send(where, b"lost")
        sender.send(always, b"1")
        await until(partial(_has, got, b"1"))
        async with asyncio.TaskGroup() as group:  # in the order of the calls, whoever makes them
            for change in (link.bind, link.unbind, link.bind):
                group.create_task(change(where))
        sender.send(where, b"2")
        await until(partial(_has, got, b"1", b"2"))


async def test_a_link_that_has_ended_takes_nothing_more(corner: Corner) -> None:
    where, always = _session(), _session()
    got: list[bytes] = []
    async with corner.hints.sender() as sender:
        async with corner.hints.connect(got.append) as link:
            await link.bind(where)
            await _first(partial(sender.send, where, b"0"), got)
        assert link.ended.is_set()
        with pytest.raises(LinkLost):
            await link.bind(where)
        with pytest.raises(LinkLost):
            await link.unbind(where)
        async with corner.hints.connect(got.append) as again:
            await again.bind(always)
            sender.send(where, b"of nobody: a link begins without bindings")
            sender.send(always, b"1")
            await until(partial(_has, got, b"0", b"1"))


async def _first(send: "partial[None]", got: list[bytes]) -> None:
    """Send until one has come: a sender drops what it is given before it is connected; then what comes is new."""
    before = len(got)

    async def come() -> bool:
        send()
        await asyncio.sleep(0.02)
        return len(got) > before

    await until(come)
    async with asyncio.timeout(5):
        while True:
            seen = len(got)
            await asyncio.sleep(0.2)
            if len(got) == seen:
                return
