"""Attaching: tags of this pod's log seats, added and taken out in bulk, one write at a time for each seat.

A seat is attached for as long as any pod's tag stands in it. An add whose outcome nobody knows counts as none, and a
tag that is left by it is found by the look of each minute; whatever comes late names a tag that is used no more.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count

from api.readers.incarnation import Incarnation
from api.readers.log_seat import LogSeat, Why
from callplane.contracts.errors import Trouble, Unavailable
from callplane.contracts.ids import ParticipantId
from callplane.contracts.refusals.mailboxes import database_silent, mailbox_gone
from callplane.store.attachments import Attachment, Tag
from callplane.store.log.place import Place
from callplane.store.log_attachments import LogAttachments

ADDED_EVERY = 0.02
AT_ONCE = 500
"""Seats in one command."""

CHECKED_IN = 10
"""Rounds, of a second each, in which every seat that is read is looked at once."""


@dataclass(frozen=True, slots=True)
class Written:
    """What is known of seats that were written: of those that were ``asked`` for what was found, of others the best."""

    asked: Collection[ParticipantId]
    found: Mapping[ParticipantId, Attachment]


class Attaching:
    """Writes of the seats that are read on this pod; ``seats`` tells which those are."""

    def __init__(
        self, attachments: LogAttachments, incarnation: Incarnation, seats: dict[ParticipantId, LogSeat]
    ) -> None:
        self._attachments = attachments
        self._incarnation = incarnation
        self._seats = seats
        self._number = count(1)
        self._wanted: dict[LogSeat, None] = {}
        """Those to be attached, in the order in which they came."""
        self._work = asyncio.Event()
        """Set while there may be some."""
        self._round = 0
        """Of the check of the seats."""

    def attach(self, seat: LogSeat) -> "asyncio.Future[Why | None] | None":
        """What tells when it is attached, or why it is not; None: it is, as far as is known, and nothing is written."""
        if _is_settled(seat):
            return None
        if seat.attached is None:
            seat.attached = asyncio.get_running_loop().create_future()
            self._wanted[seat] = None
            self._work.set()
        return seat.attached

    def forget(self) -> None:
        """The incarnation is over: nobody is attached by it any more, whatever is written yet."""
        for seat in self._seats.values():
            seat.tag = None

    async def add(self, stopping: asyncio.Event) -> None:
        """Attach those that are wanted, many at a time, until the pod stops."""
        while not stopping.is_set():
            await self._work.wait()
            await self._add_some()
            if not self._wanted:
                self._work.clear()
            await asyncio.sleep(ADDED_EVERY)

    async def _add_some(self) -> None:
        name = self._incarnation.name
        if name is None:
            self._answer(list(self._wanted), database_silent)
            return
        some = [seat for seat in self._wanted if seat.writing is None][:AT_ONCE]
        for seat in some:
            del self._wanted[seat]
            seat.writing = Tag(p=name, n=next(self._number))
        if not some:
            return
        written: Written | None = None
        try:
            written = await self._write(some)
        except (Unavailable, Trouble):
            pass
        finally:
            for seat in some:
                self._added(seat, written)

    async def _write(self, seats: Sequence[LogSeat]) -> "Written":
        """Read back where one may have ended, and who is to begin at its place: most say it, and are attached."""
        tags = {seat.participant_id: seat.writing for seat in seats if seat.writing is not None}
        all_of_them = await self._attachments.add(tags)
        asked = {seat.participant_id for seat in seats if seat.wants_place or not all_of_them}
        return Written(asked, await self._attachments.read(asked) if asked else {})

    def _added(self, seat: LogSeat, written: "Written | None") -> None:
        tag, seat.writing = seat.writing, None
        if written is None or tag is None or tag.p != self._incarnation.name:
            self._answer([seat], database_silent)  # or the incarnation ended meanwhile: its client asks again
            return
        if seat.participant_id in written.asked:
            attachment = written.found.get(seat.participant_id)
            if attachment is None or attachment.state == "ended":
                self._gone(seat, attachment)
                return
            if tag not in attachment.pods:
                self._answer([seat], database_silent)
                return
            seat.stored(attachment.place)
        seat.tag = tag
        self._answer([seat], None)

    def _answer(self, seats: Iterable[LogSeat], why: Why | None) -> None:
        for seat in seats:
            self._wanted.pop(seat, None)
            waiting, seat.attached = seat.attached, None
            if waiting is not None and not waiting.done():
                waiting.set_result(why)

    def _gone(self, seat: LogSeat, attachment: Attachment | None) -> None:
        seat.tag = None
        why = partial(mailbox_gone, attachment.reason if attachment else None)
        self._answer([seat], why)
        seat.fail(why)

    async def look_after(self, away: float) -> None:
        """Once a second: take out the tags of those who left, and look at some of those who are here.

        Raises Unavailable and Trouble.
        """
        left = [seat for seat in self._seats.values() if seat.is_away(away) and seat.writing is None]
        for start in range(0, len(left), AT_ONCE):
            await self._remove(left[start : start + AT_ONCE], away)
        self._round += 1
        some = [seat for seat in self._seats.values() if self._is_turn(seat)]
        for seat in some:
            if seat.readers and not seat.tag and not seat.writing:
                self.attach(seat)  # its tag was lost, and writing another one failed
        await self._check(some)

    def _is_turn(self, seat: LogSeat) -> bool:
        return (hash(seat.participant_id) + self._round) % CHECKED_IN == 0

    async def _remove(self, seats: Sequence[LogSeat], away: float) -> None:
        """Also of those whose tag is not known to be there, who are merely forgotten."""
        tags: dict[ParticipantId, tuple[Tag, Place | None]] = {}
        for seat in seats:
            tag = seat.tag
            if tag is not None and seat.writing is None and seat.is_away(away):  # nobody has come meanwhile
                seat.writing, seat.tag = tag, None
                tags[seat.participant_id] = tag, seat.unsaved()
        try:
            if tags:
                await self._attachments.remove(tags)
        finally:
            for seat in seats:
                if seat.participant_id in tags:
                    seat.writing = None
                if seat.is_empty and seat.tag is None and seat.writing is None and seat.attached is None:
                    self._seats.pop(seat.participant_id, None)
            self._work.set()  # who came meanwhile

    async def _check(self, seats: Sequence[LogSeat]) -> None:
        """Of these, which have ended, or lost their tag, though nobody told us."""
        for start in range(0, len(seats), AT_ONCE):
            asked = {seat.participant_id: seat.tag for seat in seats[start : start + AT_ONCE] if _is_settled(seat)}
            lost = await self._attachments.lost({one: tag for one, tag in asked.items() if tag is not None})
            for participant_id, attachment in lost.items():
                seat = self._seats.get(participant_id)
                if seat is None or not _is_settled(seat) or seat.tag != asked[participant_id]:
                    continue
                if attachment is None or attachment.state == "ended":
                    self._gone(seat, attachment)
                    continue
                seat.tag = None
                if not seat.is_empty:
                    self.attach(seat)

    async def look_around(self) -> None:
        """Once a minute: write places down, and take out tags of ours that nobody here knows. Raises Unavailable."""
        moved = {seat.participant_id: seat for seat in self._seats.values() if seat.unsaved() and not seat.is_empty}
        ids = list(moved)
        for start in range(0, len(ids), AT_ONCE):
            places = {one: moved[one].place for one in ids[start : start + AT_ONCE]}
            await self._attachments.save_places(places)
            for one, place in places.items():
                moved[one].saved = place
        name = self._incarnation.name
        if name is None:
            return
        stray = {
            one: (tag, None) for one, tag in await self._attachments.of_incarnation(name) if self._is_stray(one, tag)
        }
        if stray:
            await self._attachments.remove(stray)

    def _is_stray(self, participant_id: ParticipantId, tag: Tag) -> bool:
        seat = self._seats.get(participant_id)
        return seat is None or (seat.tag != tag and seat.writing is None)

    async def detach_all(self) -> None:
        """The pod stops: everybody goes on elsewhere. Raises Unavailable."""
        seats = [seat for seat in self._seats.values() if seat.tag is not None]
        for start in range(0, len(seats), AT_ONCE):
            left = {one.participant_id: (one.tag, one.unsaved()) for one in seats[start : start + AT_ONCE] if one.tag}
            await self._attachments.remove(left)


def _is_settled(seat: LogSeat) -> bool:
    """Whether it bears a tag, and nothing is being written of it."""
    return seat.tag is not None and seat.writing is None
