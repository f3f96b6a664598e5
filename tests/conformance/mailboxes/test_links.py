"""What every bus promises about mailboxes, one suite for all of them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from callplane.bus.mailbox_ports import LinkLost, MailboxBus, Publication
from callplane.bus.memory.mailboxes import MemoryMailboxes
from callplane.bus.ports import Unroutable
from callplane.bus.rabbitmq.mailboxes import RabbitMailboxes
from callplane.contracts.ids import ParticipantId
from testkit.inprocess.mailboxes import MemoryPublisher, Publisher, RememberingReader, rabbit_publisher

ANN, BOB = ParticipantId("ann"), ParticipantId("bob")

Corner = Callable[[], AbstractAsyncContextManager[tuple[MailboxBus, Publisher]]]


@pytest.fixture(params=["memory", "rabbitmq"])
def corner(request: pytest.FixtureRequest) -> Corner:
    """A bus and a publisher for it, opened inside the test."""
    url = request.getfixturevalue("broker_url") if request.param == "rabbitmq" else None

    @asynccontextmanager
    async def opened() -> AsyncIterator[tuple[MailboxBus, Publisher]]:
        if url is None:
            mailboxes = MemoryMailboxes()
            yield mailboxes, MemoryPublisher(mailboxes)
        else:
            async with rabbit_publisher(url) as publisher:
                yield RabbitMailboxes(url), publisher

    return opened


def nothing(_: bytes) -> None:
    """Letters that this test does not read."""


async def test_what_waits_and_what_comes_is_given_in_order(corner: Corner) -> None:
    """Before and after consuming begins, to one or to all."""
    async with corner() as (bus, publisher), bus.connect(nothing) as link:
        reader = RememberingReader()
        await publisher.open(ANN)
        await publisher.to(ANN, "1", "2")
        await link.consume(ANN, reader)
        await publisher.to_all("3")
        await publisher.to(ANN, "4")
        assert await reader.until(4) == ["1", "2", "3", "4"]


async def test_what_was_not_acknowledged_comes_again_first(corner: Corner) -> None:
    """The end of a link gives back in order what it had not acknowledged, and nothing else."""
    async with corner() as (bus, publisher):
        await publisher.open(ANN)
        await publisher.to(ANN, "1", "2", "3", "4")
        async with bus.connect(nothing) as link:
            reader = RememberingReader()
            await link.consume(ANN, reader)
            await reader.until(4)
            link.acknowledge(reader.given[:2])
        await publisher.to(ANN, "5")
        async with bus.connect(nothing) as link:
            again = RememberingReader()
            await link.consume(ANN, again)
            assert await again.until(3) == ["3", "4", "5"]
            assert [one.token for one in again.given[:2]] == [one.token for one in reader.given[2:]]


async def test_one_link_reads_and_the_next_in_line_goes_on(corner: Corner) -> None:
    """Two links consume one mailbox: only the first receives, until it ends."""
    async with corner() as (bus, publisher), bus.connect(nothing) as second:
        first_reader, second_reader = RememberingReader(), RememberingReader()
        await publisher.open(ANN)
        async with bus.connect(nothing) as first:
            await first.consume(ANN, first_reader)
            await second.consume(ANN, second_reader)
            await publisher.to(ANN, *[str(n) for n in range(20)])
            await first_reader.until(20)
            assert second_reader.given == []
            first.acknowledge(first_reader.given[:7])
        assert await second_reader.until(13) == [str(n) for n in range(7, 20)]


async def test_depth_tells_missing_from_empty(corner: Corner) -> None:
    """Asking for what does not exist harms nothing that is read on the link."""
    async with corner() as (bus, publisher), bus.connect(nothing) as link:
        reader = RememberingReader()
        await publisher.open(ANN)
        await publisher.to(ANN, "1")
        assert await link.depth(ANN) == 1
        await link.consume(ANN, reader)
        for _ in range(3):
            assert await link.depth(BOB) is None
        await publisher.to(ANN, "2")
        await reader.until(2)
        assert not link.ended.is_set()


async def test_a_deleted_mailbox_cancels_its_reader_only(corner: Corner) -> None:
    """And one that is made again under the same name can be consumed again."""
    async with corner() as (bus, publisher), bus.connect(nothing) as link:
        ann, bob = RememberingReader(), RememberingReader()
        for participant, reader in ((ANN, ann), (BOB, bob)):
            await publisher.open(participant)
            await link.consume(participant, reader)
        await publisher.delete(ANN)
        async with asyncio.timeout(5):
            await ann.over.wait()
        await publisher.open(ANN)
        anew = RememberingReader()
        await link.consume(ANN, anew)
        await publisher.to_all("1")
        assert await anew.until(1) == await bob.until(1) == ["1"]
        assert ann.given == []
        assert not bob.over.is_set()


async def test_two_publications_of_one_message_have_two_tokens(corner: Corner) -> None:
    """Acknowledging by the id of the event would lose what stands behind a repeat (design 4)."""
    async with corner() as (bus, publisher), bus.connect(nothing) as link:
        reader = RememberingReader()
        await publisher.open(ANN)
        await link.consume(ANN, reader)
        await publisher.to(ANN, "1")
        await publisher.to(ANN, "1")
        assert await reader.until(2) == ["1", "1"]
        assert reader.given[0].token != reader.given[1].token


async def test_no_more_than_500_are_given_unacknowledged(corner: Corner) -> None:
    """Each acknowledgement lets one more come."""
    async with corner() as (bus, publisher), bus.connect(nothing) as link:
        reader = RememberingReader()
        await publisher.open(ANN)
        await publisher.to(ANN, *[str(n) for n in range(510)])
        await link.consume(ANN, reader)
        await reader.until(500)
        assert await link.depth(ANN) == 10
        link.acknowledge(reader.given[:4])
        assert (await reader.until(504))[-1] == "503"


async def test_a_reader_may_acknowledge_while_it_receives(corner: Corner) -> None:
    """Each thing as it comes, more of them than Python may nest calls."""
    async with corner() as (bus, publisher), bus.connect(nothing) as link:

        class Hasty(RememberingReader):
            """Acknowledges at once."""

            def receive(self, received: Publication) -> None:
                super().receive(received)
                link.acknowledge([received])

        reader = Hasty()
        await publisher.open(ANN)
        await publisher.to(ANN, *[str(n) for n in range(1500)])
        await link.consume(ANN, reader)
        assert await reader.until(1500) == [str(n) for n in range(1500)]


async def test_letters_arrive_in_order_at_their_queue(corner: Corner) -> None:
    """Also one to oneself."""
    heard: asyncio.Queue[bytes] = asyncio.Queue(100)
    async with corner() as (bus, _), bus.connect(nothing) as ann, bus.connect(heard.put_nowait) as bob:
        assert ann.queue != bob.queue
        await asyncio.gather(*[ann.post(bob.queue, str(n).encode()) for n in range(50)])
        await bob.post(bob.queue, b"mine")
        async with asyncio.timeout(5):
            assert [await heard.get() for _ in range(51)] == [*(str(n).encode() for n in range(50)), b"mine"]


async def test_a_letter_to_a_link_that_ended_is_unroutable(corner: Corner) -> None:
    """That is how a pod learns that a mailbox can be taken."""
    async with corner() as (bus, _), bus.connect(nothing) as ann:
        async with bus.connect(nothing) as bob:
            queue = bob.queue
        with pytest.raises(Unroutable):
            await ann.post(queue, b"anybody?")
        assert not ann.ended.is_set()


async def test_nothing_can_be_asked_of_a_link_that_ended(corner: Corner) -> None:
    """It says so at once."""
    async with corner() as (bus, publisher), bus.connect(nothing) as link:
        await publisher.open(ANN)
        link.end("tested")
        assert link.ended.is_set()
        for asking in (link.depth(ANN), link.consume(ANN, RememberingReader()), link.post(link.queue, b"x")):
            with pytest.raises(LinkLost):
                await asking


async def test_consuming_what_does_not_exist_ends_the_link(corner: Corner) -> None:
    """RabbitMQ closes the channel, and with it every mailbox that is read there: all start again."""
    async with corner() as (bus, _), bus.connect(nothing) as link:
        with pytest.raises(LinkLost):
            await link.consume(ANN, RememberingReader())
        assert link.ended.is_set()
