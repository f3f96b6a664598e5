"""Many synthetic documents in every state that waits for something, as they lie in the database of a busy day."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from bson.binary import Binary

from callplane.contracts.ids import new_id

Document = dict[str, Any]
SERVERS, WRAPPERS, PODS = 20, 5, 5
_SETTINGS = {"max_participants": 9, "empty_timeout": 86_400, "departure_timeout": 3_600, "grace": 900}


def crowd(n: int) -> dict[str, list[Document]]:
    """By collection: ``n`` documents in each state, and nothing of it due."""
    return {
        "sessions": list(_sessions(n)),
        "connections": list(_connections(n)),
        "attachments": list(_attachments(n)),
        "incarnations": [{"_id": f"i{i}", "since": _ago(-60 if i < PODS else 999)} for i in range(n)],
        "wrappers": [{"_id": f"w{i}", "since": _ago(-60)} for i in range(WRAPPERS)],
        "pods": [{"_id": f"p{i}", "holder": f"h{i}", "since": _ago(-60 if i < PODS else 999)} for i in range(n)],
        "media_servers": [
            {"_id": f"s{i}", "url": "ws://nowhere", "state": "up", "server_id": f"process-{i}", "contacts": ["w0"]}
            for i in range(SERVERS)
        ],
    }


def _ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


def _media(i: int) -> Document:
    server = f"s{i % SERVERS}"
    ref = Binary(f"{server}\0{new_id()}_kurento.MediaPipeline".encode(), 0x80)
    return {"media": ref, "server": server, "server_id": f"process-{i % SERVERS}"}


def session(**fields: Any) -> Document:
    """One that nothing is the matter with."""
    lists: Document = {name: [] for name in ("participants", "streams", "outbox", "chores", "applied", "kicked")}
    made = {"status": "open", "epoch": 1, "version": 1, "settings": _SETTINGS, "created_at": _ago(9999), "left": False}
    return {"_id": new_id(), **lists, **made, "media": None, "server": None, "metadata": {}, **fields}


def _sessions(n: int) -> Iterator[Document]:
    seats = [{"id": "a"}, {"id": "b"}]
    later = [{"id": new_id(), "do": "place", "at": _ago(-20), "first": _ago(40), "with": {}}]
    for i in range(n):
        yield session(participants=seats, commands="sharded", **_media(i))
        yield session(participants=seats, commands="sharded", since=_ago(9999), left=True, **_media(i))
        yield session(commands="sharded", since=_ago(100), due=_ago(-9999))
        yield session(participants=seats, chores=later, server=f"s{i % SERVERS}", server_id="process-of-old")
        yield session(status="closed", since=_ago(100), reason="over")


def connection(state: str, **fields: Any) -> Document:
    """One of some seat."""
    lists: Document = {name: [] for name in ("outbox", "chores", "applied", "candidates")}
    seat = {"session_id": new_id(), "participant_id": new_id(), "kind": "publish", "epoch": 1, "claims": 1}
    return {"_id": new_id(), "state": state, "offered": True, **seat, **lists, "version": 1, **fields}


def _connections(n: int) -> Iterator[Document]:
    for i in range(n):
        here = {"owner": f"w{i % WRAPPERS}", "endpoint": Binary(f"s0\0{new_id()}".encode(), 0x80), "since": _ago(9999)}
        yield connection("ready", media_state="connected", **here)
        yield connection("ready", media_state="failed", told=True, due=_ago(-500), **here)
        yield connection("ready", media_state="failed", **{**here, "since": _ago(-60)})
        yield connection("released", **{**here, "owner": f"dead-{i % 50}", "since": _ago(100)})
        yield connection("negotiating", offered=False, since=_ago(500))
        yield connection("negotiating", since=_ago(-60))


def _attachments(n: int) -> Iterator[Document]:
    for i in range(n):
        seat = {"session_id": new_id(), "n": 1, "holder": None, "since": _ago(500)}
        yield {"_id": new_id(), **seat, "state": "attached", "holder": f"h{i % PODS}"}
        yield {"_id": new_id(), **seat, "state": "detached", "due": _ago(-300), "look": _ago(-20)}
        yield {"_id": new_id(), **seat, "state": "ended", "reason": "left", "expires_at": _ago(-999)}
        yield {"_id": new_id(), **seat, "state": "ended", "reason": "left", "due": _ago(-20)}
        seat = {"session_id": new_id(), "engine": "log", "holder": "log", "n": 0, "place": "1.0", "since": _ago(500)}
        yield {"_id": f"seat {i}", **seat, "state": "attached", "pods": [{"p": f"i{i % PODS}", "n": i}]}
        yield {"_id": new_id(), **seat, "state": "detached", "pods": [], "due": _ago(-300), "look": _ago(-20)}
