"""Polls of a seat whose messages are in logs: what they are given, in which order, and with which tokens."""

import asyncio

from callplane.contracts.ids import ParticipantId
from callplane.store.log.place import Place
from testkit.fakes.feeds import entry
from testkit.inprocess.log_readers import log_scene, question, tokens_of
from testkit.inprocess.mailboxes import S, outcome, texts_of, types_of
from testkit.servers.servers import Database
from testkit.servers.until import until


async def test_what_is_not_acknowledged_is_given_again_on_any_pod(database: Database) -> None:
    """The acknowledgement is the place: nothing else tells a pod where a reader is."""
    async with log_scene(database) as scene, scene.pod() as one, scene.pod() as two:
        ann = await scene.seat("ann")
        scene.log().put(entry("1"), entry("2"), entry("3"))
        first = await one.poll(question(ann, most=2))
        assert (texts_of(first), first.ack) == (["1", "2"], "2.0")
        assert texts_of(await two.poll(question(ann, most=2))) == ["1", "2"]
        assert texts_of(await two.poll(question(ann, "2.0"))) == ["3"]
        assert texts_of(await one.poll(question(ann, "3.0"))) == []
        assert texts_of(await one.poll(question(ann, "no place"))) == ["1", "2", "3"][3:]


async def test_each_log_has_its_part_of_the_token(database: Database) -> None:
    """The seat's own entries come at once with the session's, and the token of each says how far both are."""
    async with log_scene(database) as scene, scene.pod() as pod:
        ann = await scene.seat("ann")
        scene.log().put(entry("1"), entry("2"))
        scene.log(ann).put(entry("own 1"), entry("own 2"))
        both = await pod.poll(question(ann))
        assert list(zip(texts_of(both), tokens_of(both), strict=True)) == [
            ("own 1", "0.1"), ("own 2", "0.2"), ("1", "1.2"), ("2", "2.2"),
        ]  # fmt: skip
        assert texts_of(await pod.poll(question(ann, "1.1"))) == ["own 2", "2"]


async def test_what_is_for_others_is_left_out_and_not_walked_over_twice(database: Database) -> None:
    """The token of the last that is given goes behind what is not."""
    async with log_scene(database) as scene, scene.pod() as pod:
        ann, bob = await scene.seat("ann"), await scene.seat("bob")
        scene.log().put(entry("1"), entry("to bob", to=bob), entry("2"), entry("also", to=bob))
        for_ann = await pod.poll(question(ann))
        assert (texts_of(for_ann), tokens_of(for_ann)) == (["1", "2"], ["1.0", "4.0"])
        assert texts_of(await pod.poll(question(bob))) == ["1", "to bob", "2", "also"]


async def test_what_is_for_others_is_walked_over_once_though_no_token_says_so(database: Database) -> None:
    """A poll that is answered with nothing gives no token: the pod remembers where the next one is to begin."""
    async with log_scene(database) as scene, scene.pod() as pod:
        ann = await scene.seat("ann")
        log = scene.log()
        log.put(entry("1"), *[entry(f"to bob {n}", to="bob") for n in range(500)])
        log.oldest = log.head + 1
        assert texts_of(await pod.poll(question(ann, "0.0", most=1))) == ["1"]
        assert texts_of(await pod.poll(question(ann, "1.0"))) == []
        walked = log.pages
        assert walked >= 6
        assert texts_of(await pod.poll(question(ann, "1.0"))) == []
        assert log.pages == walked
        log.put(entry("2"))
        assert texts_of(await pod.poll(question(ann, "1.0"))) == ["2"]
        assert texts_of(await pod.poll(question(ann, "0.0", most=1))) == ["1"]


async def test_a_parked_poll_hears_what_comes_and_not_what_is_for_others(database: Database) -> None:
    """Of either log; and when nothing comes it is answered with nothing."""
    async with log_scene(database) as scene, scene.pod() as pod, asyncio.TaskGroup() as tasks:
        ann = await scene.seat("ann")
        for log, text in ((scene.log(), "1"), (scene.log(ann), "own")):
            place = Place(scene.log().head, scene.log(ann).head).token()
            parked = tasks.create_task(pod.poll(question(ann, place, wait=5)))
            await asyncio.sleep(0.05)
            scene.log().put(entry("to bob", to="bob"))
            await asyncio.sleep(0.05)
            assert not parked.done()
            log.put(entry(text))
            assert texts_of(await parked) == [text]
        assert texts_of(await pod.poll(question(ann, Place(99, 99).token(), wait=0.05))) == []


async def test_a_place_that_is_not_there_yet_waits(database: Database) -> None:
    """Another pod may have given it; and whatever it says, no more is taken for acknowledged than there is."""
    async with log_scene(database) as scene, scene.pod() as pod, asyncio.TaskGroup() as tasks:
        ann = await scene.seat("ann")
        parked = tasks.create_task(pod.poll(question(ann, "2.0", wait=5)))
        await asyncio.sleep(0.05)
        scene.log().put(entry("1"), entry("2"))
        await asyncio.sleep(0.05)
        assert not parked.done()
        scene.log().put(entry("3"))
        assert texts_of(await parked) == ["3"]
        await pod.poll(question(ann, "999999999999.7"))
        assert pod.seats[ann].place == Place(3, 0)


async def test_what_is_not_kept_any_more_is_told_first(database: Database) -> None:
    """Then the oldest that is kept; who says that it was told is not told again (log 9)."""
    async with log_scene(database) as scene, scene.pod() as pod:
        ann = await scene.seat("ann")
        log = scene.log()
        log.put(*[entry(str(n)) for n in range(1, 9)])
        log.first = log.oldest = 6
        batch = await pod.poll(question(ann, "2.0"))
        assert types_of(batch) == ["resync-required", "signal", "signal", "signal"]
        assert tokens_of(batch) == ["5.0", "6.0", "7.0", "8.0"]
        assert types_of(await pod.poll(question(ann, "5.0"))) == ["signal"] * 3
        assert log.pages == 1


async def test_what_tells_of_a_gap_counts_as_one_of_what_was_asked_for(database: Database) -> None:
    async with log_scene(database) as scene, scene.pod() as pod:
        ann = await scene.seat("ann")
        for log in (scene.log(), scene.log(ann)):
            log.put(*[entry(str(n)) for n in range(1, 9)])
            log.first = log.oldest = 6
        given: list[str] = []
        ack: str | None = "0.0"
        for most in (1, 2, 3, 1, 1):
            batch = await pod.poll(question(ann, ack, most=most))
            assert 0 < len(batch.received) <= most
            given += types_of(batch)
            ack = batch.ack
        assert sorted(given) == ["resync-required"] * 2 + ["signal"] * 6


async def test_a_gap_is_told_again_to_whom_the_answer_did_not_reach(database: Database) -> None:
    """Also where nothing of what is left is for that seat: what is gone may have been (L6)."""
    async with log_scene(database) as scene, scene.pod() as pod:
        ann = await scene.seat("ann")
        log = scene.log()
        log.put(*[entry(str(n)) for n in range(1, 5)], entry("for bob", to="bob"))
        log.first = log.oldest = 5
        for _ in range(2):
            batch = await pod.poll(question(ann, "1.0"))
            assert (types_of(batch), batch.ack) == (["resync-required"], "4.0")
        assert types_of(await pod.poll(question(ann, "4.0"))) == []


async def test_who_lags_behind_what_is_in_memory_reads_pages(database: Database) -> None:
    async with log_scene(database) as scene, scene.pod() as pod:
        ann = await scene.seat("ann")
        log = scene.log()
        log.put(*[entry(str(n)) for n in range(1, 301)])
        log.oldest = 250
        texts: list[str] = []
        ack = None
        while len(texts) < 300:
            batch = await pod.poll(question(ann, ack, most=100))
            texts, ack = texts + texts_of(batch), batch.ack
        assert texts == [str(n) for n in range(1, 301)]
        assert log.pages == 3


async def test_ones_own_leaving_is_the_last_and_then_it_is_over(database: Database) -> None:
    """Others go on; what asks from there on hears why (log 7)."""
    async with log_scene(database) as scene, scene.pod() as pod:
        ann, bob = await scene.seat("ann"), await scene.seat("bob")
        scene.log().put(
            entry("1"), entry("gone", type_="participant-left", participant_id=ann, reason="kicked"), entry("2")
        )
        last = await pod.poll(question(ann))
        assert texts_of(last) == ["1", "gone"]
        assert await outcome(pod.poll(question(ann, last.ack))) == "join-again kicked"
        assert texts_of(await pod.poll(question(bob))) == ["1", "gone", "2"]


async def test_the_end_of_the_session_is_everybodys(database: Database) -> None:
    async with log_scene(database) as scene, scene.pod() as pod, asyncio.TaskGroup() as tasks:
        ann = await scene.seat("ann")
        parked = tasks.create_task(pod.poll(question(ann, wait=5)))
        await asyncio.sleep(0.05)
        scene.log().put(entry("over", type_="session-closed", reason="empty"), entry("late"))
        last = await parked
        assert texts_of(last) == ["over"]
        assert await outcome(pod.poll(question(ann, last.ack))) == "join-again session-closed"


async def test_without_a_token_it_goes_on_where_the_client_was_last(database: Database) -> None:
    """The place in the attachment: written at the join, when the seat is detached, and known here meanwhile."""
    async with log_scene(database) as scene:
        ann = await scene.seat("ann", Place(1, 0))
        scene.log().put(*[entry(str(n)) for n in range(1, 5)])
        async with scene.pod() as pod:
            assert texts_of(await pod.poll(question(ann))) == ["2", "3", "4"]
            assert texts_of(await pod.poll(question(ann, "2.0"))) == ["3", "4"]
            assert texts_of(await pod.poll(question(ann))) == ["3", "4"]
        assert (await scene.attachment(ann)).place == "2.0"
        async with scene.pod() as pod:
            assert texts_of(await pod.poll(question(ann))) == ["3", "4"]


async def test_feeds_are_closed_as_often_as_they_are_opened(database: Database) -> None:
    """Whatever becomes of the reader: answered, refused, or gone."""
    async with log_scene(database) as scene, scene.pod() as pod:
        ann = await scene.seat("ann")
        await pod.poll(question(ann))
        assert await outcome(pod.poll(question(ParticipantId("nobody")))) == "join-again connection-lost"
        left = asyncio.ensure_future(pod.poll(question(ann, wait=5)))

        async def is_there() -> bool:
            return scene.feeds.of(S).users == 1

        await until(is_there)
        left.cancel()
        await asyncio.wait([left])
        assert scene.feeds.of(S).users == 0
        assert not scene.log().watchers
        assert not scene.log(ann).watchers
