"""Interrupted mailboxes that nobody asks for: each is detached, whatever becomes of the others."""

from collections.abc import Iterable

import pytest

from api.mailboxes.interrupted import InterruptedMailboxes
from api.mailboxes.unread_seats import detach_unasked
from callplane.contracts.errors import Trouble, Unavailable
from callplane.contracts.ids import ParticipantId
from callplane.store.attachments import Attachment, Attachments
from testkit.inprocess.mailboxes import Scene, memory_scene
from testkit.servers.servers import Database


class Troubled:
    """Attachments of which some cannot be changed, for now."""

    def __init__(self, attachments: Attachments) -> None:
        self._attachments = attachments
        self.trouble: dict[str, Exception] = {}
        self.detached: list[str] = []
        self.read = attachments.read
        self.attached_among = attachments.attached_among

    async def detach(self, seat: Attachment) -> Attachment | None:
        """As the real one does, or not."""
        self.detached.append(seat.participant_id)
        if seat.participant_id in self.trouble:
            raise self.trouble[seat.participant_id]
        return await self._attachments.detach(seat)


async def seats(scene: Scene, names: Iterable[str]) -> list[Attachment]:
    """Seats that this pod holds."""
    taken = [await scene.attachments.take(await scene.attachment(await scene.seat(name)), "pod") for name in names]
    return [one for one in taken if one is not None]


async def states(scene: Scene, *names: str) -> list[str]:
    """What their attachments say."""
    return [(await scene.attachment(ParticipantId(name))).state for name in names]


@pytest.mark.parametrize("trouble", [Unavailable("away"), Trouble("unreadable")])
async def test_one_that_cannot_be_detached_keeps_no_other_attached(database: Database, trouble: Exception) -> None:
    """The others are detached in the same look, and it in a later one."""
    async with memory_scene(database) as scene:
        interrupted, attachments = InterruptedMailboxes(), Troubled(scene.attachments)
        for seat in await seats(scene, ("ann", "bob", "eve")):
            interrupted.client_asked(seat, 1.0)
        attachments.trouble["ann"] = trouble
        await detach_unasked(interrupted, attachments, 0.5)  # type: ignore[arg-type]
        assert attachments.detached == []
        with pytest.raises(type(trouble)):
            await detach_unasked(interrupted, attachments, 1.0)  # type: ignore[arg-type]
        assert await states(scene, "ann", "bob", "eve") == ["attached", "detached", "detached"]
        attachments.trouble.clear()
        await detach_unasked(interrupted, attachments, 1.0)  # type: ignore[arg-type]
        assert await states(scene, "ann") == ["detached"]
        assert interrupted.unasked(1.0) == []


async def test_only_who_is_attached_costs_a_write(database: Database) -> None:
    """Not one that was deleted; one whose stamp has changed is found again, unless another holds it by now."""
    async with memory_scene(database) as scene:
        interrupted, attachments = InterruptedMailboxes(), Troubled(scene.attachments)
        ann, bob, eve = await seats(scene, ("ann", "bob", "eve"))
        for seat in (ann, bob, eve):
            interrupted.client_asked(seat, 1.0)
        await scene.attachments.end(ann.participant_id, "left")
        await scene.attachments.reattach(bob)
        await scene.attachments.take(eve, "another")
        for _ in range(3):
            await detach_unasked(interrupted, attachments, 1.0)  # type: ignore[arg-type]
        assert attachments.detached == ["bob", "eve", "bob"]
        assert await states(scene, "ann", "bob", "eve") == ["ended", "detached", "attached"]
        assert interrupted.unasked(1.0) == []


async def test_who_asks_meanwhile_is_not_forgotten() -> None:
    """It is resolved only as what it was when it was listed."""
    interrupted = InterruptedMailboxes()
    before = Attachment.model_validate({"_id": "ann", "session_id": "s", "since": "2026-01-01T00:00:00Z"})
    after = before.model_copy(update={"n": 1})
    interrupted.client_asked(before, 1.0)
    [listed] = interrupted.unasked(1.0)
    interrupted.client_asked(after, 2.0)
    interrupted.resolved(listed)
    assert interrupted.unasked(2.0) == [after]
