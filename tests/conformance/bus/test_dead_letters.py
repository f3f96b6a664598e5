"""What was given up can be listed, sent again and removed, by several at once, and in order (design 3.4, 8)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from callplane.bus.consuming.delivery import ATTEMPTS
from callplane.bus.dead_letters import LISTED, NoSuchLetter, Unreadable
from callplane.bus.names import session_of
from callplane.bus.ports import Bus, Sender
from callplane.contracts.commands import Envelope, Publish
from callplane.contracts.errors import Trouble, Unavailable
from callplane.contracts.ids import SessionId
from testkit.inprocess.bus import (
    TRACE,
    Corner,
    RabbitCorner,
    ScriptedHandler,
    command,
    queue_of_commands,
    session,
    until,
)

SECRET = "v=0 secret sdp"
SHARDED = [pytest.param(f"{bus}-sharded", marks=pytest.mark.long) for bus in ("memory", "rabbitmq")]
EITHER_WAY = pytest.mark.parametrize("corner", ["memory", "rabbitmq", *SHARDED], indirect=True)


@asynccontextmanager
async def grave(corner: Corner, told: ScriptedHandler, where: SessionId) -> AsyncIterator[tuple[Bus, Sender]]:
    """A wrapper that does as it is told, and whoever sends to it."""
    async with corner.bus() as bus, bus.listener(told.work()) as listener, bus.sender() as sender:
        await listener.listen(where)
        yield bus, sender


async def buried(corner: Corner, count: int) -> tuple[SessionId, list[str]]:
    """So many commands that met a bug, in this order."""
    told, where = ScriptedHandler(outcomes=[KeyError() for _ in range(count)]), session()
    commands = [command(where, Publish(participant_id="p", sdp_offer=SECRET)) for _ in range(count)]
    async with grave(corner, told, where) as (_, sender):
        for each in commands:
            await sender.post(each)
        await told.until(count)

        async def all_there() -> bool:
            return len(told.abandoned) == count and len(await ids(corner)) == min(count, LISTED)

        await until(all_there)
    return where, [each.id for each in commands]


async def ids(corner: Corner) -> list[str]:
    """The ids in the list, oldest first."""
    async with corner.bus() as bus:
        return [letter.id for letter in await bus.dead_letters.oldest()]


@EITHER_WAY
async def test_a_letter_tells_what_an_operator_needs_and_not_what_was_in_it(corner: Corner) -> None:
    where, [id_] = await buried(corner, 1)
    async with corner.bus() as bus:
        [letter] = await bus.dead_letters.oldest()
    assert (letter.id, letter.name, letter.session_id, letter.queue) == (
        id_,
        "publish",
        where,
        queue_of_commands(where),
    )
    assert (letter.attempt, letter.reason) == (1, "bug: KeyError")
    assert letter.failed_at is not None
    assert abs(datetime.now(UTC) - letter.failed_at) < timedelta(seconds=10)
    assert "secret" not in letter.model_dump_json()


@EITHER_WAY
async def test_one_that_cannot_be_read_is_listed_and_not_replayed(corner: Corner) -> None:
    where = session()

    async def send(_: Envelope) -> None:
        raise AssertionError

    async with grave(corner, ScriptedHandler(), where) as (bus, _):
        id_ = await corner.put(queue_of_commands(where), b'{"id": "secret"}')

        async def there() -> bool:
            return bool(await bus.dead_letters.oldest())

        await until(there)
        with pytest.raises(Unreadable):
            await bus.dead_letters.replay(id_, send)
        [letter] = await bus.dead_letters.oldest()
    # Of a queue that sessions share nobody can say whose it was.
    whose = session_of(queue_of_commands(where))
    assert (letter.id, letter.name, letter.session_id, letter.reason) == (id_, None, whose, "unreadable")


@EITHER_WAY
async def test_looking_changes_nothing_however_many_look_at_once(corner: Corner) -> None:
    _, sent = await buried(corner, 12)
    async with corner.bus() as one, corner.bus() as two:
        looks = await asyncio.gather(*(bus.dead_letters.oldest() for bus in (one, two) * 4))
        assert all([letter.id for letter in look] == sent for look in looks)
        assert len({letter.model_dump_json() for look in looks for letter in look}) == len(sent)


@EITHER_WAY
async def test_the_oldest_hundred_are_shown(corner: Corner) -> None:
    _, sent = await buried(corner, LISTED + 3)
    assert await ids(corner) == sent[:LISTED]
    async with corner.bus() as bus:
        await bus.dead_letters.delete(sent[1])
        await bus.dead_letters.delete(sent[LISTED + 2])
    assert await ids(corner) == [sent[0], *sent[2 : LISTED + 1]]


@EITHER_WAY
async def test_a_replay_is_a_first_attempt_of_exactly_one(corner: Corner) -> None:
    told, where = ScriptedHandler(outcomes=[KeyError() for _ in range(3)]), session()
    commands = [command(where) for _ in range(3)]
    later = datetime.now(UTC) + timedelta(hours=1)
    async with grave(corner, told, where) as (bus, sender):
        for each in commands:
            await sender.send(each, wait=10)

        async def send(envelope: Envelope) -> None:
            await sender.post(envelope.model_copy(update={"deadline": later}))

        shown = await bus.dead_letters.replay(commands[1].id, send)
        await told.until(4)
    assert shown.id == commands[1].id
    again = told.deliveries[3]
    assert again.attempt == 1
    assert again.envelope == commands[1].model_copy(update={"deadline": later})
    assert again.envelope.traceparent == TRACE
    assert await ids(corner) == [commands[0].id, commands[2].id]


@EITHER_WAY
async def test_what_failed_five_times_has_five_more(corner: Corner) -> None:
    """Four times it has failed before."""
    told, where = ScriptedHandler(outcomes=[Trouble("no server")]), session()
    async with grave(corner, told, where) as (bus, sender):
        sent = command(where).model_dump_json().encode()
        id_ = await corner.put(queue_of_commands(where), sent, attempt=ATTEMPTS)

        async def there() -> bool:
            return bool(await bus.dead_letters.oldest())

        await until(there)
        [letter] = await bus.dead_letters.oldest()
        assert (letter.attempt, letter.reason) == (ATTEMPTS, "attempts: no server")
        await bus.dead_letters.replay(id_, sender.post)
        await told.until(2)
    assert told.attempts == [ATTEMPTS, 1]
    assert await ids(corner) == []


@EITHER_WAY
async def test_what_cannot_be_sent_stays(corner: Corner) -> None:
    _, sent = await buried(corner, 3)

    async def fail(_: Envelope) -> None:
        raise Unavailable("no broker")

    async with corner.bus() as bus:
        with pytest.raises(Unavailable):
            await bus.dead_letters.replay(sent[1], fail)
        with pytest.raises(NoSuchLetter):
            await bus.dead_letters.replay("unknown", fail)
    assert await ids(corner) == sent


@EITHER_WAY
async def test_who_is_cancelled_gives_everything_back(corner: Corner) -> None:
    _, sent = await buried(corner, 4)
    sending = asyncio.Event()

    async def hang(_: Envelope) -> None:
        sending.set()
        await asyncio.Event().wait()

    async with corner.bus() as bus, asyncio.TaskGroup() as tasks:
        task = tasks.create_task(bus.dead_letters.replay(sent[2], hang))
        await sending.wait()
        task.cancel()
    assert await ids(corner) == sent


@EITHER_WAY
async def test_many_at_once_remove_each_letter_once(corner: Corner) -> None:
    _, sent = await buried(corner, 8)
    handed: list[str] = []

    async def send(envelope: Envelope) -> None:
        handed.append(envelope.id)

    async def replayed(bus: Bus, id_: str) -> bool:
        try:
            await bus.dead_letters.replay(id_, send)
        except NoSuchLetter:
            return False
        return True

    async with corner.bus() as one, corner.bus() as two:
        wanted = [sent[n] for n in (5, 1, 6)]
        won = await asyncio.gather(*(replayed(bus, id_) for id_ in wanted for bus in (one, two)))
        assert sum(won) == len(wanted)
        assert sorted(handed) == sorted(wanted)
        assert await ids(corner) == [id_ for id_ in sent if id_ not in wanted]
        await two.dead_letters.delete(sent[0])
        with pytest.raises(NoSuchLetter):
            await one.dead_letters.delete(sent[0])
        await one.dead_letters.purge()
        await two.dead_letters.purge()
    assert await ids(corner) == []


async def test_a_reader_whose_connection_ends_gives_letters_and_turn_back(broker_url: str) -> None:
    """On RabbitMQ alone: the other bus has no connection."""
    corner = RabbitCorner(broker_url)
    _, sent = await buried(corner, 4)
    sending = asyncio.Event()

    async def hang(_: Envelope) -> None:
        sending.set()
        await asyncio.Event().wait()

    async with corner.bus() as one, corner.bus() as two, asyncio.TaskGroup() as tasks:
        task = tasks.create_task(one.dead_letters.replay(sent[2], hang))
        await sending.wait()
        reading = tasks.create_task(two.dead_letters.oldest())
        await asyncio.sleep(0.2)
        assert not reading.done()
        one.consuming.drop()
        assert [letter.id for letter in await reading] == sent
        task.cancel()
