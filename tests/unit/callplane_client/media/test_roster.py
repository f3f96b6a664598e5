"""Roster: a snapshot that is moved on by messages; what is missing is read again."""

from typing import Any

from callplane_client.media import roster
from callplane_client.media.roster import Roster
from callplane_client.shapes import Message, Session

AT = "2026-01-05T09:00:00Z"


def session(version: int, *people: dict[str, Any]) -> Session:
    fields = {"max_participants": 9, "empty_timeout": 1, "departure_timeout": 1, "grace": 1, "created_at": AT}
    return Session.model_validate({"id": "s", "version": version, "epoch": 1, **fields, "participants": people})


def message(version: int | None, type_: str, **data: Any) -> Message:
    return Message.model_validate(
        {"id": f"m{version}", "type": type_, "session_id": "s", "version": version, "at": AT, "data": data}
    )


async def unread() -> Session:
    raise AssertionError("there was no gap")


async def test_messages_move_it_on() -> None:
    made = Roster(session(1, {"id": "ada"}))
    told: list[tuple[str, dict[str, Any]]] = [
        ("participant-joined", {"participant": {"id": "bo", "name": "Bo"}}),
        ("participant-updated", {"participant": {"id": "bo", "role": "moderator"}}),
        (
            "stream-published",
            {"participant_id": "bo", "connection_id": "b1", "media": ["audio"], "source": "microphone"},
        ),
        ("participants-muted", {"media": ["audio"], "but": ["ada"]}),
        ("participant-reconnecting", {"participant_id": "ada"}),
        ("session-updated", {"session": {"metadata": {"topic": "x"}, "version": 3}}),
    ]
    for version, (type_, data) in enumerate(told, 2):
        assert await made.follow(message(version, type_, **data), unread)
        assert made.session.version == version
    bo, ada = made.participants["bo"], made.participants["ada"]
    assert (bo.name, bo.role, bo.muted.audio, [one.source for one in bo.streams]) == (
        "Bo",
        "moderator",
        True,
        ["microphone"],
    )
    assert (ada.muted.audio, ada.state, made.session.metadata) == (False, "reconnecting", {"topic": "x"})
    assert await made.follow(message(8, "media-lost", epoch=2), unread)
    assert (made.streams("bo"), made.session.epoch) == ([], 2)
    assert await made.follow(message(9, "participant-left", participant_id="bo"), unread)
    assert await made.follow(message(10, "session-closed", reason="over"), unread)
    assert (list(made.participants), made.session.status) == (["ada"], "closed")


async def test_what_is_known_is_no_news_and_a_gap_is_read_again(monkeypatch: Any) -> None:
    monkeypatch.setattr(roster, "LAG_SECONDS", 0)
    made, snapshots = Roster(session(5, {"id": "ada"})), [session(4), session(8, {"id": "bo"})]

    async def read() -> Session:
        return snapshots.pop(0)

    assert not await made.follow(message(5, "participant-left", participant_id="ada"), read)
    assert await made.follow(message(8, "participant-left", participant_id="ada"), read)
    assert (list(made.participants), snapshots) == (["bo"], [])


async def test_versions_that_no_snapshot_brings_are_given_up(monkeypatch: Any) -> None:
    monkeypatch.setattr(roster, "LAG_SECONDS", 0)
    made = Roster(session(1, {"id": "ada"}))

    async def read() -> Session:
        return session(1)

    assert await made.follow(message(9, "participant-left", participant_id="ada"), read)
    assert (made.session.version, list(made.participants)) == (9, [])


def test_only_what_has_a_version_of_the_session_counts() -> None:
    counted = [message(None, "media-lost", epoch=2), message(3, "connection-state"), message(3, "media-lost", epoch=2)]
    assert [Roster.counts(one) for one in counted] == [False, False, True]
