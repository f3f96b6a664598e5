"""Seats that are read on a pod: attached in bulk and once, detached when nobody reads, found to have ended (log 6)."""

import asyncio
from collections.abc import Collection, Mapping
from contextlib import closing
from dataclasses import replace

from callplane.contracts.errors import Unavailable
from callplane.contracts.ids import ParticipantId
from callplane.store.attachments import Attachment, Tag
from callplane.store.log.place import Place
from callplane.store.log_attachments import LogAttachments
from testkit.fakes.feeds import entry
from testkit.inprocess.log_readers import LogScene, Sink, log_scene, question
from testkit.inprocess.mailboxes import FAST, S, outcome, texts_of
from testkit.servers.servers import Database

STAYS = replace(FAST, away=60.0)


class Watched(LogAttachments):
    """Counts what is written, and holds up or loses the answers to it."""

    def __init__(self, scene: LogScene) -> None:
        super().__init__(scene.database)
        self.added: list[dict[ParticipantId, Tag]] = []
        self.removed: list[dict[ParticipantId, tuple[Tag, Place | None]]] = []
        self.held = asyncio.Event()
        self.held.set()
        self.asked: list[set[ParticipantId]] = []
        self.silent = False
        self.away = False

    async def add(self, tags: Mapping[ParticipantId, Tag]) -> bool:
        self.added.append(dict(tags))
        if self.away:
            raise Unavailable("not sent")
        found = await super().add(tags)
        await self.held.wait()
        if self.silent:
            raise Unavailable("no answer")
        return found

    async def read(self, participants: Collection[ParticipantId]) -> dict[ParticipantId, Attachment]:
        self.asked.append(set(participants))
        return await super().read(participants)

    async def remove(self, left: Mapping[ParticipantId, tuple[Tag, Place | None]]) -> None:
        self.removed.append(dict(left))
        await self.held.wait()
        await super().remove(left)


def watched(scene: LogScene) -> Watched:
    """From now on the scene's pods write by this."""
    scene.attachments = Watched(scene)
    return scene.attachments


async def test_many_seats_are_attached_by_one_write_and_a_seat_that_is_costs_none(database: Database) -> None:
    async with log_scene(database) as scene:
        writes = watched(scene)
        seats = [await scene.seat(f"p{n}") for n in range(40)]
        async with scene.pod(STAYS) as pod:
            for _ in range(3):
                await asyncio.gather(*[pod.poll(question(seat)) for seat in seats])
            assert sum(len(one) for one in writes.added) == 40
            assert len(writes.added) <= 3
            assert {(await scene.attachment(seat)).state for seat in seats} == {"attached"}
        assert (await scene.attachment(seats[0])).pods == ()


async def test_who_says_its_place_is_attached_without_being_read_back(database: Database) -> None:
    """Unless one of those that are written together may have ended: that one hears it, and the others go on."""
    async with log_scene(database) as scene:
        writes = watched(scene)
        ann, bob, col = [await scene.seat(name) for name in ("ann", "bob", "col")]
        scene.log().put(entry("1"), entry("2"))
        async with scene.pod(STAYS) as pod:
            assert texts_of(await pod.poll(question(ann, "1.0"))) == ["2"]
            assert writes.asked == []
            await scene.seats.end(bob, "kicked")
            ended, other = pod.poll(question(bob, "1.0")), pod.poll(question(col, "1.0"))
            told, given = await asyncio.gather(outcome(ended), other)
            assert (told, texts_of(given)) == ("join-again kicked", ["2"])
            assert writes.asked == [{bob, col}]
            assert (await scene.attachment(ann)).state == "attached"


async def test_a_closed_door_lets_the_seat_go_and_an_answered_poll_does_not_yet(database: Database) -> None:
    """With the place that its client has acknowledged."""
    async with log_scene(database) as scene, scene.pod(STAYS) as pod:
        ann, bob = await scene.seat("ann"), await scene.seat("bob")
        scene.log().put(entry("1"), entry("2"))
        await pod.poll(question(bob))
        with closing(await pod.subscribe((S, ann), None)) as subscription:
            batch = await subscription.next(0)
            subscription.acknowledge(batch.received[0].token)
            subscription.acknowledge("9.9")  # it was not given that much
            await asyncio.sleep(0.3)
            assert (await scene.attachment(ann)).state == "attached"
        assert (await scene.until_state(ann, "detached")).place == "2.0"
        assert (await scene.attachment(bob)).state == "attached"


async def test_nobody_for_a_while_lets_the_seat_go(database: Database) -> None:
    async with log_scene(database) as scene, scene.pod() as pod:
        ann = await scene.seat("ann")
        before = await pod.poll(question(ann))
        assert before.received == ()
        await scene.until_state(ann, "detached")
        async with asyncio.timeout(5):
            while pod.seats:  # noqa: ASYNC110
                await asyncio.sleep(0.02)


async def test_who_comes_while_its_tag_is_taken_out_is_attached_again(database: Database) -> None:
    """By another tag, behind the write that is under way: the late one names what is used no more (L8)."""
    async with log_scene(database) as scene:
        writes = watched(scene)
        async with scene.pod() as pod, asyncio.TaskGroup() as tasks:
            ann = await scene.seat("ann")
            (await pod.subscribe((S, ann), None)).close()
            writes.held.clear()
            async with asyncio.timeout(5):
                while not writes.removed:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            coming = tasks.create_task(pod.subscribe((S, ann), None))
            await asyncio.sleep(0.1)
            assert (len(writes.added), coming.done()) == (1, False)
            writes.held.set()
            with closing(await coming):
                tags = [tag for one in writes.added for tag in one.values()]
                assert [tag.n for tag in tags] == [1, 2]
                found = await scene.attachment(ann)
                assert (found.state, found.pods) == ("attached", (tags[1],))
                await scene.attachments.remove({ann: (tags[0], None)})
                assert await scene.attachment(ann) == found


async def test_an_add_without_an_answer_counts_as_none_and_leaves_no_tag(database: Database) -> None:
    """Its client hears 503; what it left is found once a minute, and a reader's own tag is not touched by that."""
    async with log_scene(database) as scene:
        writes = watched(scene)
        async with scene.pod(STAYS) as pod:
            ann, bob = await scene.seat("ann"), await scene.seat("bob")
            writes.silent = True
            assert await outcome(pod.poll(question(ann))) == "unavailable"
            writes.silent = False
            with closing(await pod.subscribe((S, bob), None)):
                assert len((await scene.attachment(ann)).pods) == 1
                await pod.attaching.look_around()
                assert ((await scene.attachment(ann)).state, (await scene.attachment(bob)).state) == (
                    "detached",
                    "attached",
                )
                assert texts_of(await pod.poll(question(ann))) == []


async def test_what_was_changed_behind_our_back_is_found(database: Database) -> None:
    """Within ten looks: an ended seat ends its readers, as one that is deleted; without our tag it is attached (L7)."""
    async with log_scene(database) as scene, scene.pod() as pod, asyncio.TaskGroup() as tasks:
        ann, bob, col = [await scene.seat(name) for name in ("ann", "bob", "col")]
        waiting = tasks.create_task(outcome(pod.poll(question(ann, wait=20))))
        deleted = tasks.create_task(outcome(pod.poll(question(col, wait=20))))
        with closing(await pod.subscribe((S, bob), None)) as other:
            pushing = tasks.create_task(other.push(Sink(), 20))
            await scene.until_state(ann, "attached")
            tag = (await scene.attachment(bob)).pods[0]
            await scene.attachments.remove({bob: (tag, None)})
            await scene.seats.end(ann, "kicked")
            await scene.until_state(col, "attached")
            await scene.database["attachments"].delete_one({"_id": col})
            assert (await waiting, await deleted) == ("join-again kicked", "join-again connection-lost")
            assert (await scene.until_state(bob, "attached")).pods[0].n > tag.n
            assert not pushing.done()
            pushing.cancel()


async def test_a_lost_tag_is_written_again_until_it_is_there(database: Database) -> None:
    """The database was away when it was found lost: whoever reads on without a word must not lose the seat (L7, L8)."""
    async with log_scene(database) as scene:
        writes = watched(scene)
        async with scene.pod(replace(FAST, beat=0.02)) as pod:
            ann = await scene.seat("ann")
            with closing(await pod.subscribe((S, ann), None)):
                (lost,) = (await scene.attachment(ann)).pods
                writes.away = True
                await LogAttachments(scene.database).remove({ann: (lost, None)})
                async with asyncio.timeout(10):
                    while len(writes.added) < 3:  # noqa: ASYNC110
                        await asyncio.sleep(0.02)
                assert (await scene.attachment(ann)).state == "detached"
                writes.away = False
                assert (await scene.until_state(ann, "attached")).pods == tuple(writes.added[-1].values())


async def test_places_that_moved_are_written_down_once(database: Database) -> None:
    async with log_scene(database) as scene, scene.pod(STAYS) as pod:
        ann = await scene.seat("ann")
        scene.log().put(entry("1"), entry("2"))
        with closing(await pod.subscribe((S, ann), "1.0")):
            await pod.attaching.look_around()
            assert (await scene.attachment(ann)).place == "1.0"
            assert pod.seats[ann].unsaved() is None
            assert (await scene.attachment(ann)).state == "attached"
