"""Attachments of log seats: attached while a tag is there, and no late write of an earlier attaching changes that."""

import asyncio
import random

from callplane.contracts.ids import ParticipantId, SessionId
from callplane.store.attachments import Attachments, Tag
from callplane.store.incarnations import Incarnations
from callplane.store.log.place import Place
from callplane.store.log_attachments import LogAttachments
from callplane.store.mongo.database import Database as Opened
from callplane.store.mongo.database import open_database
from testkit.servers.servers import Database

S, ANN, BOB = SessionId("s"), ParticipantId("ann"), ParticipantId("bob")
FIRST, SECOND, OTHER = Tag(p="one", n=1), Tag(p="one", n=2), Tag(p="two", n=1)


async def _seats(opened: Opened) -> tuple[Attachments, LogAttachments]:
    both = Attachments(opened), LogAttachments(opened)
    for seat in (ANN, BOB):
        await both[0].open(S, seat, Place(7, 0))
    return both


async def test_it_is_attached_while_a_tag_is_there_and_since_its_first(database: Database) -> None:
    async with open_database(database.url, database.name) as opened:
        _plain, attachments = await _seats(opened)
        born = (await attachments.read([ANN, BOB]))[ANN]
        assert (born.state, born.pods, born.place, born.engine) == ("detached", (), "7.0", "log")
        assert await attachments.add({ANN: FIRST, BOB: FIRST})
        one = (await attachments.read([ANN]))[ANN]
        assert (one.state, one.pods) == ("attached", (FIRST,))
        assert one.since > born.since
        assert await attachments.add({ANN: OTHER})
        two = (await attachments.read([ANN]))[ANN]
        assert (set(two.pods), two.since) == ({FIRST, OTHER}, one.since)
        await attachments.remove({ANN: (FIRST, Place(9, 1))})
        left = (await attachments.read([ANN]))[ANN]
        assert (left.state, left.pods, left.since, left.place) == ("attached", (OTHER,), one.since, "9.1")
        await attachments.remove({ANN: (OTHER, None)})
        gone = (await attachments.read([ANN, BOB]))[ANN]
        assert (gone.state, gone.pods, gone.place) == ("detached", (), "9.1")
        assert gone.since > one.since
        assert (await attachments.read([BOB]))[BOB].state == "attached"


async def test_a_late_write_of_an_earlier_attaching_changes_nothing(database: Database) -> None:
    async with open_database(database.url, database.name) as opened:
        _plain, attachments = await _seats(opened)
        await attachments.add({ANN: FIRST})
        await attachments.remove({ANN: (FIRST, None)})
        await attachments.add({ANN: SECOND})
        before = (await attachments.read([ANN]))[ANN]
        await attachments.remove({ANN: (FIRST, Place(99, 99))})
        assert (await attachments.read([ANN]))[ANN] == before


async def test_one_that_has_ended_takes_no_tag_and_loses_none_of_its_reason(database: Database) -> None:
    async with open_database(database.url, database.name) as opened:
        plain, attachments = await _seats(opened)
        await attachments.add({ANN: FIRST})
        assert await plain.end(ANN, "kicked")
        assert not await attachments.add({ANN: SECOND, BOB: FIRST})
        found = await attachments.read([ANN, BOB])
        assert (found[ANN].state, found[BOB].pods) == ("ended", (FIRST,))
        await attachments.remove({ANN: (FIRST, None)})
        found = (await attachments.read([ANN]))[ANN]
        assert (found.state, found.reason, found.pods) == ("ended", "kicked", ())
        assert not await attachments.add({ParticipantId("nobody"): FIRST})


async def test_a_grace_that_runs_is_over_when_somebody_attaches(database: Database) -> None:
    """``end_if_away`` is guarded by what the sweep has seen."""
    async with open_database(database.url, database.name) as opened:
        plain, attachments = await _seats(opened)
        seen = await plain.read(ANN)
        assert seen is not None
        await asyncio.sleep(0.01)
        await attachments.add({ANN: FIRST})
        assert not await plain.end_if_away(seen, 0, "connection-lost")
        await attachments.remove({ANN: (FIRST, None)})
        assert not await plain.end_if_away(seen, 0, "connection-lost"), "its grace began anew"
        seen = await plain.read(ANN)
        assert seen is not None
        await asyncio.sleep(0.01)
        assert await plain.end_if_away(seen, 0, "connection-lost")


async def test_a_dead_incarnation_holds_nobody_and_a_living_one_keeps_all(database: Database) -> None:
    async with open_database(database.url, database.name) as opened:
        plain, attachments = await _seats(opened)
        await attachments.add({ANN: FIRST, BOB: FIRST})
        await attachments.add({BOB: OTHER})
        assert await attachments.incarnations() == {"one", "two"}
        assert await attachments.remove_dead(["one"]) == 2
        found = await attachments.read([ANN, BOB])
        assert (found[ANN].state, found[ANN].pods) == ("detached", ())
        assert (found[BOB].state, found[BOB].pods) == ("attached", (OTHER,))
        assert await attachments.of_incarnation("two") == [(BOB, OTHER)]
        lost = await attachments.lost({ANN: FIRST, BOB: OTHER, ParticipantId("nobody"): FIRST})
        assert {one: found and found.state for one, found in lost.items()} == {ANN: "detached", "nobody": None}
        assert await plain.detach_orphans([]) == 0, "the other engine's sweep leaves it alone"
        assert (await attachments.read([BOB]))[BOB].state == "attached"


async def test_an_incarnation_that_has_lapsed_never_comes_back(database: Database) -> None:
    async with open_database(database.url, database.name) as opened:
        incarnations = Incarnations(opened, lease_seconds=60)
        await incarnations.register("one")
        assert await incarnations.renew("one")
        assert await incarnations.living(["one", "two"]) == {"one"}
        await opened["incarnations"].update_many({}, [{"$set": {"since": {"$subtract": ["$since", 61_000]}}}])
        assert await incarnations.living(["one", "two"]) == frozenset()
        assert not await incarnations.renew("one")
        assert not await incarnations.renew("two"), "one that was never registered"
        await incarnations.register("three")
        await incarnations.release("three")
        assert not await incarnations.renew("three")


async def test_the_state_is_that_of_the_tags_whatever_comes_in_whatever_order(database: Database) -> None:
    """Random histories of two pods and a sweep, some writes repeated: attached is who has a tag."""
    async with open_database(database.url, database.name) as opened:
        _plain, attachments = await _seats(opened)
        tags = [FIRST, SECOND, OTHER]
        there: set[Tag] = set()
        for _ in range(60):
            tag = random.choice(tags)
            match random.choice(["add", "remove", "sweep"]):
                case "add":
                    there.add(tag)
                    await attachments.add({ANN: tag})
                case "remove":
                    there.discard(tag)
                    await attachments.remove({ANN: (tag, None)})
                case _:
                    there = {one for one in there if one.p != tag.p}
                    await attachments.remove_dead([tag.p])
            found = (await attachments.read([ANN]))[ANN]
            assert set(found.pods) == there
            assert found.state == ("attached" if there else "detached")
