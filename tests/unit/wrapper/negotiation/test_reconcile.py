"""What is begun by what was read before: the look afterwards finds what has changed in between."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from callplane.contracts.ids import ConnectionId, ParticipantId, SessionId
from callplane.contracts.media import MediaRef
from callplane.contracts.shapes import Muted
from callplane.store.documents import ConnectionDocument, Seat, SessionDocument, SessionLimits, Stream
from callplane.store.shown_streams import ShownStreams
from testkit.crashes.call_scheduler import MemoryMedia
from testkit.fakes.sdp import OFFER
from wrapper.context import Context
from wrapper.negotiation.reconcile import owner_of, reconcile_new
from wrapper.negotiation.viewers import Viewers

S, ANN, BO = SessionId("s"), ParticipantId("ann"), ParticipantId("bo")
PIPELINE = MediaRef("media", "p")


def session(streams: list[str], *, muted: bool = False, epoch: int = 1) -> SessionDocument:
    return SessionDocument(
        _id=S,
        status="open",
        epoch=epoch,
        settings=SessionLimits(max_participants=9, empty_timeout=9, departure_timeout=9, grace=9),
        media=PIPELINE,
        created_at=datetime.now(UTC),
        participants=[Seat(id=ANN, muted=Muted(audio=muted)), Seat(id=BO)],
        streams=[Stream(participant_id=ANN, connection_id=ConnectionId(stream)) for stream in streams],
    )


@dataclass
class World:
    """A store that has these connections, and says of the session one after the other; a media server beside it."""

    sessions_read: list[SessionDocument]
    media: MemoryMedia = field(default_factory=MemoryMedia)
    known: dict[str, ConnectionDocument] = field(default_factory=dict)
    looks: int = 0

    async def ready(self, id_: str, participant: ParticipantId, publisher: ParticipantId | None = None) -> None:
        """One more ready connection."""
        self.media.pipelines.add(PIPELINE.id)
        kind: Any = "publish" if publisher is None else "subscribe"
        made = ConnectionDocument(
            _id=ConnectionId(id_),
            session_id=S,
            participant_id=participant,
            state="ready",
            kind=kind,
            publisher=publisher,
            epoch=1,
        )
        endpoint, _answer = await self.media.create_endpoint(PIPELINE, owner_of(made), OFFER)
        self.known[id_] = made.model_copy(update={"endpoint": endpoint})

    def context(self) -> Context:
        """As handlers are given it."""

        class Sessions:
            async def with_seats(_, _id: str, *_seats: str) -> SessionDocument:
                self.looks += 1
                return self.sessions_read.pop(0) if len(self.sessions_read) > 1 else self.sessions_read[0]

        class Connections:
            async def find(_, id_: str) -> ConnectionDocument | None:
                return self.known.get(id_)

            async def published_and_subscribed(_, _session: str, _publisher: str) -> list[ConnectionDocument]:
                return list(self.known.values())

        @dataclass
        class Store:
            sessions: Any = field(default_factory=Sessions)
            connections: Any = field(default_factory=Connections)

        @dataclass
        class Parts:
            store: Store
            media: MemoryMedia

        return cast(Context, Parts(Store(), self.media))

    def fed(self) -> set[tuple[str, str]]:
        """Which connection feeds the viewer with what."""
        sink = self.known["viewer"].endpoint
        assert sink is not None
        by_endpoint = {c.endpoint.id: id_ for id_, c in self.known.items() if c.endpoint is not None}
        return {(by_endpoint[source], medium) for (id_, medium), source in self.media.links.items() if id_ == sink.id}


async def world(*looks: SessionDocument) -> World:
    made = World(list(looks))
    await made.ready("one", ANN)
    await made.ready("two", ANN)
    await made.ready("viewer", BO, ANN)
    return made


async def test_what_has_not_changed_is_looked_at_once() -> None:
    before = session(["one"])
    w = await world(before)
    await reconcile_new(w.known["viewer"], before, w.known["one"], w.context())
    assert (w.fed(), w.looks) == ({("one", "AUDIO"), ("one", "VIDEO")}, 1)


async def test_a_stream_that_was_replaced_meanwhile_is_found() -> None:
    w = await world(session(["two"]))
    await reconcile_new(w.known["viewer"], session(["one"]), w.known["one"], w.context())
    assert w.fed() == {("two", "AUDIO"), ("two", "VIDEO")}


async def test_a_stream_that_came_meanwhile_is_found() -> None:
    w = await world(session(["one"]))
    await reconcile_new(w.known["viewer"], session([]), None, w.context())
    assert w.fed() == {("one", "AUDIO"), ("one", "VIDEO")}


async def test_what_was_muted_meanwhile_is_found() -> None:
    w = await world(session(["one"], muted=True))
    await reconcile_new(w.known["viewer"], session(["one"]), w.known["one"], w.context())
    assert w.fed() == {("one", "VIDEO")}


async def test_of_an_epoch_that_is_over_nothing_is_read_further() -> None:
    w = await world(session([], epoch=2))
    await reconcile_new(w.known["viewer"], session(["one"]), w.known["one"], w.context())
    assert w.looks == 1


async def test_an_endpoint_that_is_gone_is_left_to_the_full_pass() -> None:
    w = await world(session(["two"]))
    gone = w.known["one"].endpoint
    assert gone is not None
    await w.media.release(gone)
    await reconcile_new(w.known["viewer"], session(["one"]), w.known["one"], w.context())
    assert w.fed() == {("two", "AUDIO"), ("two", "VIDEO")}


async def test_viewers_are_fed_as_the_last_look_says() -> None:
    w = await world(session(["one"], muted=True), session(["two"]), session(["two"]))
    await Viewers(ANN, w.context()).reconcile(session(["one"]))
    assert (w.fed(), w.looks) == ({("two", "AUDIO"), ("two", "VIDEO")}, 3)


async def test_viewers_of_nothing_are_not_read() -> None:
    w = await world(session(["one"]))
    await Viewers(ANN, w.context()).reconcile(session([]))
    assert (w.fed(), w.looks) == (set(), 0)


async def test_viewers_are_fed_without_a_look_where_whoever_asked_looks() -> None:
    w = await world(session(["two"]))
    before = session(["one"], muted=True)
    assert await Viewers(ANN, w.context()).feed(before) == ShownStreams.of(before, ANN)
    assert (w.fed(), w.looks) == ({("one", "VIDEO")}, 0)


async def test_where_nobody_watches_nothing_has_to_stay_as_it_is() -> None:
    w = World([session(["one"])])
    await w.ready("one", ANN)
    assert await Viewers(ANN, w.context()).feed(session(["one"])) is None
    assert await Viewers(ANN, w.context()).feed(session([])) is None
    assert w.looks == 0


async def test_what_is_muted_is_stopped_whatever_feeds_it() -> None:
    w = await world(session(["two"]))
    viewer, one = w.known["viewer"].endpoint, w.known["one"].endpoint
    assert viewer is not None
    assert one is not None
    await w.media.connect(one, viewer, ["AUDIO", "VIDEO"], on=True)
    await Viewers(ANN, w.context()).feed(session(["two"], muted=True))
    assert w.fed() == {("two", "VIDEO")}
