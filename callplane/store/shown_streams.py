"""Shown streams: what a session says of how a participant's viewers are fed, and whether it still does."""

from dataclasses import dataclass

from callplane.contracts.ids import ConnectionId, ParticipantId
from callplane.store.documents import SessionDocument
from callplane.store.mongo.database import Document
from callplane.store.projections import listed


@dataclass(frozen=True, slots=True)
class ShownStreams:
    """Everything of a session by which it is decided what the viewers of one participant get."""

    publisher: ParticipantId
    epoch: int
    streams: tuple[ConnectionId, ...]
    """Its connections that publish, in the order of the session."""
    audio_muted: bool
    video_muted: bool

    @classmethod
    def of(cls, session: SessionDocument, publisher: ParticipantId) -> "ShownStreams":
        """As this document has it; nothing of somebody who does not sit there is shown."""
        streams = tuple(stream.connection_id for stream in session.streams_of(publisher))
        seat = session.seat(publisher)
        audio, video = (True, True) if seat is None else (seat.muted.audio, seat.muted.video)
        return cls(publisher, session.epoch, streams, audio, video)

    def still(self) -> Document:
        """A filter: the session shows the same, and the participant sits there."""
        muted = {"audio": self.audio_muted, "video": self.video_muted}
        seat = {"id": self.publisher} | {f"muted.{name}": True if on else {"$ne": True} for name, on in muted.items()}
        own = {"$eq": ["$$one.participant_id", {"$literal": self.publisher}]}
        published = {"$filter": {"input": listed("streams"), "as": "one", "cond": own}}
        ids = {"$map": {"input": published, "as": "one", "in": "$$one.connection_id"}}
        return {
            "epoch": self.epoch,
            "participants": {"$elemMatch": seat},
            "$expr": {"$eq": [ids, {"$literal": list(self.streams)}]},
        }
