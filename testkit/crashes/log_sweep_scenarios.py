"""Log scenarios: repairs, cuts and deletions of logs, and what they must have come to however often they were begun."""

from datetime import UTC, datetime, timedelta
from typing import Any

from callplane.contracts.commands import CloseSession, Leave
from callplane.contracts.ids import SessionId
from callplane.contracts.messages import Message
from callplane.store.attachments import Tag
from callplane.store.log.bounds import BYTES_KEPT, CUT_EVERY, KEPT_SECONDS
from callplane.store.log.reader import LogReader
from callplane.store.log.records import Entry, Kept, LogKey, Record, record_id, written
from callplane.store.log_attachments import LogAttachments
from testkit.crashes.command_scenarios import call
from testkit.crashes.crash_trial import Prepare, Scenario, TrialServers, commanded
from testkit.crashes.crashable_wrapper import CrashableWrapper
from testkit.crashes.session_invariants import consistent
from testkit.crashes.sweep_scenarios import forgotten, long_ago, swept
from testkit.servers.until import until
from wrapper.sweeps.lost_seats import LostSeats


async def dead_pod(b: TrialServers) -> Scenario:
    """A seat that a pod reads for which has died; when its name is out of it, its grace is over as well."""
    c = await call(b)
    await LogAttachments(b.outside.store.database).add({c.ann: Tag(p="of a dead pod", n=1)})

    async def sweep(wrapper: CrashableWrapper) -> None:
        await LostSeats(wrapper.context, wrapper.leases).sweep()
        await long_ago(b, "attachments", c.ann, 901)
        await b.hurry(c.session)
        await LostSeats(wrapper.context, wrapper.leases).sweep()

    async def verify(_: Any) -> None:
        found = await consistent(b, c.session)
        assert [seat.id for seat in found.participants] == [c.bo]
        ended = await b.outside.store.attachments.read(c.ann)
        assert ended is not None
        assert (ended.state, ended.reason, ended.pods) == ("ended", "connection-lost", ())

    return Scenario(c.session, swept(sweep), verify)


async def late_record(b: TrialServers) -> Scenario:
    """Logs that were deleted, and what a writer that was paused before has appended since."""
    c = await call(b)
    await b.do(CloseSession(reason="over"), c.session)
    await b.quiet(c.session)
    await consistent(b, c.session)
    await b.survivor.sweeps.tombstones.sweep()
    for key in (c.session, c.ann):
        await _put(b, LogKey(key, c.session), Record(9, (Entry("late", "signal", b"{}"),), 9, 2))

    async def forget(wrapper: CrashableWrapper) -> None:
        await wrapper.sweeps.tombstones.sweep()

    return Scenario(c.session, swept(forget), forgotten(b, c.session))


async def cut(b: TrialServers) -> Scenario:
    """A log beyond its bounds, whose front holds chat, and an append that comes past the next look at it."""
    c = await call(b, publishing=False, watching=False)
    log, reader = LogKey(c.session, c.session), LogReader(b.outside.store.database)
    head = await reader.head(log)
    chat = Entry("chat", "chat", b"{}", kept=Kept("chat", "chat"))
    await _put(b, log, Record(head.position + 1, (chat,), head.version, head.size))
    first, size = head.position + 2, head.size + BYTES_KEPT + 1  # all before is beyond what is kept
    while first < CUT_EVERY:
        count = min(60, CUT_EVERY - first)
        entries = tuple(Entry(f"old {at}", "signal", b"") for at in range(first, first + count))
        await _put(b, log, Record(first, entries, head.version, size))
        first += count
    long_past = datetime.now(UTC) - timedelta(seconds=2 * KEPT_SECONDS)
    await b.outside.store.database["log"].update_many({"s": c.session}, {"$set": {"at": long_past}})
    b.survivor.points.asleep += 2 * KEPT_SECONDS  # by its clock too: no head of before is believed in

    async def append(wrapper: CrashableWrapper) -> None:
        await wrapper.context.messenger.to_session(c.session, [_signal(c.session, "past")])

    async def verify(_: Any) -> None:
        # Who died before it cut is followed by whoever comes past the next look.
        await b.survivor.context.messenger.to_session(
            c.session, [_signal(c.session, f"more {n}") for n in range(CUT_EVERY)]
        )

        async def is_cut() -> bool:  # nobody who appends waits for that
            return (await reader.page(log, 0, 1)).entries[0][0] == head.position + 2

        await until(is_cut)
        page = await reader.page(log, 0, 10_000)
        places, ids = [at for at, _ in page.entries], [entry.id for _, entry in page.entries]
        assert places == list(range(head.position + 2, places[-1] + 1)), "from the front, and without a gap"
        assert [one for one in ids if one.startswith("more")] == [f"more {n}" for n in range(CUT_EVERY)]
        assert "past" in ids
        kept = await b.outside.store.database["history"].find({"s": c.session}).to_list()
        assert [one["m"] for one in kept] == ["chat"]

    return Scenario(c.session, swept(append), verify)


async def blocked(b: TrialServers) -> Scenario:
    """What is no record stands where the log's next one must go: it is passed over, and versions go on behind it."""
    c = await call(b, publishing=False, watching=False)
    log, reader = LogKey(c.session, c.session), LogReader(b.outside.store.database)
    head = await reader.head(log)
    await b.outside.store.database["log"].insert_one({"_id": record_id(c.session, head.position + 1)})

    async def verify(_: Any) -> None:
        page = await reader.page(log, head.position, 10)
        told = [(at, entry.type) for at, entry in page.entries]
        assert (page.gone, told) == (True, [(head.position + 2, "participant-left")])
        assert (await reader.head(log)).version == head.version + 1

    return Scenario(c.session, commanded(b.envelope(Leave(participant_id=c.ann), c.session)), verify)


async def _put(b: TrialServers, log: LogKey, record: Record) -> None:
    await b.outside.store.database["log"].insert_one(written(log, record, datetime.now(UTC)))


def _signal(session: SessionId, id_: str) -> Message:
    return Message(id=id_, type="signal", session_id=session, at=datetime.now(UTC), data={})


LOG_SWEEP_SCENARIOS: dict[str, Prepare] = {
    "dead-pod": dead_pod,
    "late-record": late_record,
    "cut": cut,
    "blocked": blocked,
}
