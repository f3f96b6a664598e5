"""The number of an event follows from its place in the outbox, and views show nothing that callers may not see."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callplane.contracts.media import MediaRef
from callplane.contracts.shapes import Muted
from callplane.store.documents import ConnectionDocument, Outboxed, SessionDocument
from callplane.store.versioned_updates import Change
from callplane.store.views import connection_view, participant_view, session_summary, session_view

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SETTINGS = {"max_participants": 7, "empty_timeout": 6, "departure_timeout": 5, "grace": 4}


def entry(id_: str) -> dict[str, Any]:
    """One event of an outbox."""
    return {"id": id_, "type": "participant-left", "at": NOW, "data": {}}


def session(**more: Any) -> SessionDocument:
    """A session with Ann and Bo in it, Ann publishing twice."""
    return SessionDocument.model_validate(
        {
            "_id": "s",
            "status": "open",
            "epoch": 3,
            "version": 9,
            "settings": SETTINGS,
            "created_at": NOW,
            "participants": [{"id": "ann", "role": "moderator", "muted": {"video": True}}, {"id": "bo"}],
            "streams": [
                {"participant_id": "ann", "connection_id": "k1"},
                {"participant_id": "bo", "connection_id": "k2"},
                {"participant_id": "ann", "connection_id": "k3"},
            ],
            "applied": ["secret"],
            "kicked": ["secret"],
            "media": MediaRef("secret", "secret"),
            **more,
        }
    )


@given(st.integers(0, 50), st.integers(0, 50))
def test_the_last_entry_has_the_version_and_the_others_follow_from_it(published: int, waiting: int) -> None:
    outbox = [entry(str(n)) for n in range(waiting)]
    document = Outboxed.model_validate({"_id": "s", "version": published + waiting, "outbox": outbox})
    numbered = document.numbered()
    assert [number for number, _ in numbered] == list(range(published + 1, published + waiting + 1))
    assert [kept.id for _, kept in numbered] == [str(n) for n in range(waiting)]


def test_only_who_finds_the_outbox_empty_but_for_its_own_event_carries() -> None:
    assert not Change(session(outbox=[])).publishes
    assert Change(session(outbox=[entry("a")])).publishes
    assert not Change(session(outbox=[entry("a"), entry("b")])).publishes


def test_a_field_of_a_later_version_is_ignored() -> None:
    assert session(invented_later=1).id == "s"


def test_a_snapshot_shows_each_seat_with_its_own_streams_and_nothing_inside() -> None:
    view = session_view(session())
    ann, bo = view.participants
    assert [stream.connection_id for stream in ann.streams] == ["k1", "k3"]
    assert [stream.connection_id for stream in bo.streams] == ["k2"]
    assert ann.muted == Muted(video=True)
    assert (view.version, view.epoch, view.max_participants, view.grace) == (9, 3, 7, 4)
    assert "secret" not in view.model_dump_json()


def test_a_snapshot_looks_at_each_stream_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not once for each seat: a hundred seats with a hundred streams would be ten thousand looks."""
    monkeypatch.setattr(SessionDocument, "streams_of", None)
    seats = [{"id": f"p{n}"} for n in range(100)]
    streams = [{"participant_id": f"p{n}", "connection_id": f"k{n}"} for n in range(100)]
    shown = session_view(session(participants=seats, streams=streams))
    assert [[one.connection_id for one in seat.streams] for seat in shown.participants] == [
        [f"k{n}"] for n in range(100)
    ]


def test_a_summary_leaves_the_participants_out() -> None:
    summary = session_summary(session()).model_dump()
    assert "participants" not in summary
    assert summary["created_at"] == NOW


def test_a_participants_view_is_the_one_of_the_snapshot() -> None:
    found = session()
    assert participant_view(found, found.participants[0]) == session_view(found).participants[0]
    assert found.seat("nobody") is None


def test_a_connection_shows_its_answer_and_not_its_endpoint() -> None:
    connection = ConnectionDocument.model_validate(
        {
            "_id": "k",
            "session_id": "s",
            "participant_id": "ann",
            "state": "ready",
            "epoch": 3,
            "endpoint": MediaRef("secret", "secret"),
            "answer": "v=0",
        }
    )
    view = connection_view(connection)
    assert (view.id, view.kind, view.epoch, view.state, view.sdp_answer) == ("k", "publish", 3, "ready", "v=0")
    assert "secret" not in view.model_dump_json()
