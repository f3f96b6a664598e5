"""Messages reach the mailboxes that they are for, in order; declaring and deleting may be repeated (design 4)."""

import pytest

from callplane.bus.ports import Unroutable
from callplane.contracts.errors import Trouble
from callplane.contracts.ids import ParticipantId, new_id
from testkit.inprocess.bus import Corner, ScriptedHandler, command, message, session
from testkit.inprocess.bus_reading import reading


def participant() -> ParticipantId:
    """A new participant's id."""
    return ParticipantId(new_id())


async def test_the_law_of_delivery(corner: Corner) -> None:
    """One to the session, one or some to each: everybody reads what is theirs, in order."""
    where, ann, bob = session(), participant(), participant()
    async with corner.bus() as bus:
        await bus.topology.open_session(where)
        await bus.topology.open_mailbox(where, ann)
        await bus.topology.open_mailbox(where, bob)
        await bus.messenger.to_session(where, [message("1", where)])
        assert await bus.messenger.to_participant(ann, message("2", where))
        assert await bus.messenger.to_participant(bob, *(message(text, where) for text in "3456"))
        async with reading(corner, ann, bob) as (of_ann, of_bob):
            assert await of_ann.ids(2) == ["1", "2"]
            assert await of_bob.ids(5) == ["1", "3", "4", "5", "6"]


async def test_messages_keep_their_order(corner: Corner) -> None:
    """Within a call, and from call to call."""
    where, ann = session(), participant()
    texts = [str(number) for number in range(450)]
    async with corner.bus() as bus:
        await bus.topology.open_session(where)
        await bus.topology.open_mailbox(where, ann)
        async with reading(corner, ann) as (of_ann,):
            await bus.messenger.to_session(where, [message(text, where) for text in texts[:300]])
            for text in texts[300:310]:
                await bus.messenger.to_session(where, [message(text, where)])
            await bus.messenger.to_session(where, [message(text, where) for text in texts[310:]])
            assert await of_ann.ids(300) == texts[:300]
            assert await of_ann.ids(150) == texts[300:]


async def test_a_session_without_mailboxes_is_no_error(corner: Corner) -> None:
    """Nor one that does not exist, nor an empty list."""
    where = session()
    async with corner.bus() as bus:
        await bus.messenger.to_session(where, [message("1", where)])
        await bus.topology.open_session(where)
        await bus.messenger.to_session(where, [message("1", where), message("2", where)])
        await bus.messenger.to_session(where, [])


async def test_a_mailbox_that_is_missing_is_said(corner: Corner) -> None:
    """Never declared, or deleted; the next message to another goes through."""
    where, ann, bob = session(), participant(), participant()
    async with corner.bus() as bus:
        assert not await bus.messenger.to_participant(ann, message("1", where))
        assert not await bus.messenger.to_participant(ann, message("1", where), message("2", where))
        await bus.topology.open_session(where)
        await bus.topology.open_mailbox(where, ann)
        await bus.topology.open_mailbox(where, bob)
        assert await bus.messenger.to_participant(ann, message("2", where))
        await bus.topology.delete_mailbox(ann)
        assert not await bus.messenger.to_participant(ann, message("3", where))
        assert await bus.messenger.to_participant(bob, message("4", where))


async def test_declaring_and_deleting_may_be_repeated(corner: Corner) -> None:
    """By the same process or another, in any number; what waits is kept by a repeated declaration."""
    where, ann = session(), participant()
    async with corner.bus() as bus, corner.bus() as other:
        for each in (bus, other, bus):
            await each.topology.open_session(where)
            await each.topology.open_mailbox(where, ann)
            await each.messenger.to_session(where, [message(new_id(), where)])
        async with reading(corner, ann) as (of_ann,):
            assert len(set(await of_ann.ids(3))) == 3
        for each in (bus, other, bus):
            await each.topology.delete_mailbox(ann)
            await each.topology.delete_session(where)


async def test_a_session_whose_messages_go_by_a_log_has_its_commands_all_the_same(corner: Corner) -> None:
    """Declared alone, also by who listens, in any number; deleting it is what it always is."""
    where, told = session(), ScriptedHandler()
    async with corner.bus() as bus, bus.listener(told.work()) as listener, bus.sender() as sender:
        for _ in range(2):
            await bus.topology.open_commands(where)
            await bus.topology.open_commands(where)
            await listener.listen(where, engine="log")
            assert await sender.send(command(where), wait=20) is not None
            await bus.topology.delete_session(where)
            assert await told.cancelled.get() == where


async def test_publishing_to_a_deleted_session_harms_nobody(corner: Corner) -> None:
    """Late events of a session that is gone are dropped; other sessions' publishers notice nothing."""
    gone, stays, ann = session(), session(), participant()
    async with corner.bus() as bus, bus.sender() as sender:
        for where in (gone, stays):
            await bus.topology.open_session(where)
        await bus.topology.open_mailbox(stays, ann)
        await bus.topology.delete_session(gone)
        async with reading(corner, ann) as (of_ann,):
            for number in range(20):
                await bus.messenger.to_session(gone, [message("late", gone)])
                await bus.messenger.to_session(stays, [message(str(number), stays)])
                with pytest.raises(Unroutable):
                    await sender.post(command(gone))
            assert await of_ann.ids(20) == [str(number) for number in range(20)]


async def test_a_mailbox_is_not_bound_to_a_session_that_is_gone(corner: Corner) -> None:
    """The command is tried again, and by then the state says that the session is closed; nothing is brought back."""
    where, ann = session(), participant()
    async with corner.bus() as bus:
        with pytest.raises(Trouble):
            await bus.topology.open_mailbox(where, ann)
        await bus.topology.open_session(where)
        await bus.topology.open_mailbox(where, ann)
        assert await bus.messenger.to_participant(ann, message("1", where))


async def test_a_session_opened_again_is_like_new(corner: Corner) -> None:
    """Delete and declare in turn: commands and messages go through."""
    where, ann, told = session(), participant(), ScriptedHandler()
    async with corner.bus() as bus, bus.listener(told.work()) as listener, bus.sender() as sender:
        for _ in range(3):
            await listener.listen(where)
            await bus.topology.open_mailbox(where, ann)
            await bus.messenger.to_session(where, [message("1", where)])
            assert await sender.send(command(where), wait=20) is not None
            async with reading(corner, ann) as (of_ann,):
                assert await of_ann.ids(1) == ["1"]
            await bus.topology.delete_mailbox(ann)
            await bus.topology.delete_session(where)
            assert await told.cancelled.get() == where
