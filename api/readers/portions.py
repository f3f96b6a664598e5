"""Portions of a session's log as one reader sees it: without what is for others, and up to where its seat ends."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from api.readers.feed_ports import Entries
from api.readers.ports import Shared
from callplane.contracts.ids import ParticipantId
from callplane.store.log.records import Entry

LEFT, CLOSED = "participant-left", "session-closed"
ENDINGS = frozenset({LEFT, CLOSED})


@dataclass(frozen=True, slots=True)
class Ending:
    """An entry behind which nothing is given to this participant, or with None to anybody, and why."""

    position: int
    participant_id: ParticipantId | None
    reason: str | None

    def ends(self, participant_id: ParticipantId) -> bool:
        """Whether it is this one's."""
        return self.participant_id in (None, participant_id)


def ending_of(position: int, entry: Entry) -> Ending | None:
    """What it ends, if it ends anything."""
    if entry.type not in ENDINGS:
        return None
    try:
        data = json.loads(entry.body)["data"]
        reason = data.get("reason")
        return (
            Ending(position, None, "session-closed")
            if entry.type == CLOSED
            else Ending(position, ParticipantId(data["participant_id"]), reason)
        )
    except (ValueError, TypeError, KeyError):  # the check of the seats is the sure way
        return None


@dataclass(frozen=True, slots=True)
class Portion:
    """Consecutive entries of a session's log, for all readers that are at the place before them."""

    entries: Entries
    public: Shared
    """What everybody may read of them."""
    concerned: frozenset[str]
    """Participants that see more than the public ones, or less."""
    closes: bool
    """Whether the session ends in it, and everybody is concerned."""

    @property
    def last(self) -> int:
        """The position of its last entry."""
        return self.entries[-1][0]


def portion_of(entries: Entries) -> Portion:
    """What these entries, at least one, are for whoever reads them."""
    endings = [one for one in (ending_of(at, entry) for at, entry in entries) if one is not None]
    addressed = {entry.to for _, entry in entries if entry.to is not None}
    ended = {one.participant_id for one in endings if one.participant_id is not None}
    public = shared_of([(at, entry) for at, entry in entries if entry.to is None], entries[-1][0])
    return Portion(entries, public, frozenset(addressed | ended), any(one.participant_id is None for one in endings))


def own_of(portion: Portion, participant_id: ParticipantId) -> tuple[Shared, Ending | None]:
    """What one that is concerned is given, and the end where it comes to one."""
    given: list[tuple[int, Entry]] = []
    for at, entry in portion.entries:
        if entry.to in (None, participant_id):
            given.append((at, entry))
        ending = ending_of(at, entry)
        if ending is not None and ending.ends(participant_id):
            return shared_of(given, at), ending
    return shared_of(given, portion.last), None


def shared_of(entries: Sequence[tuple[int, Entry]], last: int) -> Shared:
    """With the last token behind what is not given, so that nobody walks over it again."""
    places = [at for at, _ in entries[:-1]] + [last] if entries else []
    return Shared(tuple(entry.body for _, entry in entries), tuple(str(at) for at in places))
