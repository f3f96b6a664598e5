"""The law of a log's readers (L6): positions ascend without a gap, or ``resync-required`` comes first."""

import asyncio
import json
import random
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from api.readers.log_readers import LogReaders
from callplane.contracts.ids import ParticipantId
from callplane.store.incarnations import Incarnations
from testkit.fakes.feeds import entry
from testkit.inprocess.log_readers import LogScene, Sink, log_scene, question
from testkit.inprocess.mailboxes import S, texts_of
from testkit.servers.servers import Database


class Client:
    """Reads by any door of any pod, acknowledges now and then, and drops what it has seen."""

    def __init__(self, participant_id: ParticipantId, dice: random.Random) -> None:
        self.participant_id = participant_id
        self.dice = dice
        self.ack = "0.0"
        self.read: list[str] = []
        self.resyncs = 0

    async def ask(self, pod: LogReaders) -> None:
        """Once."""
        if self.dice.random() < 0.5:
            batch = await pod.poll(question(self.participant_id, self.ack, most=self.dice.choice([1, 2, 7, 500])))
        else:
            with closing(await pod.subscribe((S, self.participant_id), self.ack)) as subscription:
                batch = await subscription.next(0)
        for one in batch.received:
            message = json.loads(one.body)
            if message["type"] == "resync-required":
                self.resyncs += 1
                self.read.append("resync")
            elif message["id"] not in self.read:
                self.read.append(message["id"])
            if self.dice.random() < 0.8:
                self.ack = one.token


@pytest.mark.parametrize("seed", range(12))
async def test_nothing_is_missing_that_a_resync_does_not_tell_of(database: Database, seed: int) -> None:
    """Polls and streams alternate over pods, rings are dropped, logs are cut, and others are written to as well."""
    dice = random.Random(seed)
    async with log_scene(database) as scene, scene.pod() as one, scene.pod() as two:
        ann = await scene.seat("ann")
        client, expected, own = Client(ann, dice), list[str](), list[str]()
        log = scene.log()
        for n in range(60):
            step = dice.random()
            if step < 0.45:
                to = dice.choice([None, None, ann, "bob"])
                log.put(entry(f"s{n}", to=to))
                expected += [f"s{n}"] if to in (None, ann) else [f"hidden {n}"]
            elif step < 0.55:
                scene.log(ann).put(entry(f"o{n}"))
                own.append(f"o{n}")
            elif step < 0.65:
                log.oldest = log.head + 1
            elif step < 0.70:
                log.first = dice.randint(log.first, log.head + 1) if log.first <= log.head else log.first
                log.oldest = max(log.oldest, log.first)
            else:
                await client.ask(dice.choice([one, two]))
        client.dice = random.Random(1)
        for _ in range(40):
            await client.ask(one)
        assert [text for text in client.read if text.startswith("o")] == own
        given = [text for text in client.read if not text.startswith("o")]
        _assert_follows(given, expected)
        kept = [text for text in expected[log.first - 1 :] if text.startswith("s")]
        assert set(kept) <= set(given)


def _assert_follows(given: list[str], expected: list[str]) -> None:
    at, may_skip = 0, False
    for text in given:
        if text == "resync":
            may_skip = True
            continue
        skipped = expected[at : expected.index(text, at)]
        assert may_skip or all(one.startswith("hidden") for one in skipped), (skipped, given)
        at, may_skip = expected.index(text, at) + 1, False


async def test_clients_of_a_killed_pod_go_on_elsewhere_without_a_gap(database: Database) -> None:
    """And stay attached: what the dead one left is taken out by its name, behind what they have now (L8)."""
    async with log_scene(database) as scene, scene.pod() as living:
        seats = [await scene.seat(f"p{n}") for n in range(30)]
        scene.log().put(*[entry(str(n)) for n in range(10)])
        places = await _read_on_a_pod_that_dies(scene, seats)
        dead = await scene.attachments.incarnations()
        scene.log().put(*[entry(str(n)) for n in range(10, 20)])
        for seat, place in zip(seats, places, strict=True):
            with closing(await living.subscribe((S, seat), place)) as subscription:
                assert texts_of(await subscription.next(0)) == [str(n) for n in range(int(place.split(".")[0]), 20)]
        await Incarnations(scene.database).release(next(iter(dead)))  # as if its lease were over
        standing = await scene.attachments.incarnations()
        gone = standing - await Incarnations(scene.database).living(standing)
        assert gone == dead
        assert await scene.attachments.remove_dead(gone) == len(seats)
        with closing(await living.subscribe((S, seats[0]), None)):
            assert (await scene.attachment(seats[0])).pods == (living.seats[seats[0]].tag,)
            assert (await scene.attachment(seats[0])).state == "attached"


async def _read_on_a_pod_that_dies(scene: LogScene, seats: list[ParticipantId]) -> list[str]:
    """The places to which each client has come there; nothing is written at its end."""
    places: list[str] = []
    async with scene.pod() as dying:
        for n, seat in enumerate(seats):
            subscription = await dying.subscribe((S, seat), None)
            batch = await subscription.next(0)
            places.append(batch.received[n % 10].token)
        dying.stopping.set()
    return places


async def test_what_is_never_kept_goes_to_those_who_are_there_now(database: Database) -> None:
    """Pushed, or as the answer to a parked poll; to whom it is for, and not when its time is over."""
    async with log_scene(database) as scene, scene.pod() as pod:
        ann, bob = await scene.seat("ann"), await scene.seat("bob")
        now = datetime.now(UTC)
        async with asyncio.TaskGroup() as tasks:
            sink = Sink()
            with closing(await pod.subscribe((S, ann), None)) as subscription:
                pushing = tasks.create_task(subscription.push(sink, 60))
                parked = tasks.create_task(pod.poll(question(bob, wait=60)))
                async with asyncio.timeout(10):
                    while bob not in pod.seats or not pod.seats[bob].readers:  # noqa: ASYNC110
                        await asyncio.sleep(0.01)
                await asyncio.sleep(0.05)
                passing = scene.log().on_volatile
                passing(entry("late"), now - timedelta(seconds=1))
                passing(entry("for ann", to=ann), now + timedelta(seconds=60))
                passing(entry("for all"), now + timedelta(seconds=60))
                answer = await parked
                assert (texts_of(answer), answer.ack) == (["for all"], "0.0")
                assert (sink.texts, sink.tokens) == (["for ann", "for all"], ["0.0", "0.0"])
                pushing.cancel()
        assert texts_of(await pod.poll(question(ann))) == []
