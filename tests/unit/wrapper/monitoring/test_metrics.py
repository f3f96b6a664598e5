"""What a wrapper counts, and the gauges that it reads from elsewhere."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from callplane.contracts.errors import Unavailable
from callplane.contracts.ids import SessionId
from callplane.contracts.operations import FailoverView, MediaServerView
from callplane.store.change_stream import StreamEvent
from callplane.store.documents import SessionDocument
from callplane.telemetry.stages import stages
from wrapper.media.instrumentation import observed
from wrapper.monitoring.gauges import Gauges, Sources
from wrapper.monitoring.metrics import Metrics
from wrapper.monitoring.statement import LastFailover, Statement

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def session(epoch: int, *chores: dict[str, object]) -> SessionDocument:
    """A session that owes these."""
    return SessionDocument.model_validate(
        {
            "_id": "s",
            "version": 1,
            "status": "open",
            "epoch": epoch,
            "settings": {"max_participants": 9, "empty_timeout": 0, "departure_timeout": 0, "grace": 0},
            "created_at": NOW,
            "chores": [{"id": str(n), **chore} for n, chore in enumerate(chores)],
        }
    )


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    """One sample."""
    return metrics.registry.get_sample_value(f"callplane_{name}", labels)


def test_a_failover_lasts_from_the_loss_to_the_new_pipeline() -> None:
    metrics = Metrics(lambda: NOW)
    lost = {"do": "place", "at": NOW - timedelta(seconds=3), "with": {"epoch": 2}}
    metrics.placed(session(2, lost))
    assert (value(metrics, "failover_seconds_count"), value(metrics, "failover_seconds_sum")) == (1, 3)
    assert metrics.last_failover.known is not None
    assert metrics.last_failover.known.seconds == 3


def test_sessions_that_one_loss_has_taken_are_told_together_with_the_slowest() -> None:
    last = LastFailover()
    for after, session_id, seconds in ((0, "a", 1.0), (30, "b", 2.5), (40, "c", 2.0)):
        last.placed(SessionId(session_id), NOW + timedelta(seconds=after), seconds)
    assert last.known == FailoverView(
        at=NOW + timedelta(seconds=40), sessions=3, seconds=2.5, session_id=SessionId("b")
    )
    last.placed(SessionId("d"), NOW + timedelta(seconds=101), 0.5)
    assert last.known is not None
    assert (last.known.sessions, last.known.session_id) == (1, "d")


def test_a_first_pipeline_is_no_failover() -> None:
    metrics = Metrics(lambda: NOW)
    metrics.placed(session(1, {"do": "place", "at": NOW - timedelta(seconds=3), "with": {}}))
    metrics.placed(session(2))
    assert value(metrics, "failover_seconds_count") == 0


def test_the_change_stream_is_as_late_as_its_change_is_old() -> None:
    metrics = Metrics(lambda: NOW)
    metrics.stream_said(StreamEvent("opened", "s", NOW - timedelta(seconds=2)))
    metrics.stream_said(StreamEvent("opened", "s"))
    metrics.stream_said(None)
    assert value(metrics, "change_stream_lag_seconds_sum") == 2
    assert value(metrics, "change_stream_lag_seconds_count") == 1
    silent = value(metrics, "change_stream_silent_seconds")
    assert silent is not None
    assert silent < 1


def test_what_is_rare_is_there_before_it_happens() -> None:
    """A counter that appears with its first count has no increase that an alert could see."""
    metrics = Metrics()
    assert [value(metrics, "ghosts_total", kind=kind) for kind in ("seat", "connection", "object")] == [0, 0, 0]
    assert value(metrics, "sweeps_failed_total", how="failed") == 0
    assert value(metrics, "change_stream_reopened_total") == 0


def test_a_call_is_timed_by_its_operation_and_end() -> None:
    metrics = Metrics()
    around = observed("kms", metrics.kurento_call)
    with stages() as spent, around("invoke", {"operation": "processOffer", "object": "o"}):
        pass
    created, offered = ({"method": "create", "params": {"type": "T"}}, {"params": {"operation": "processOffer"}})
    with around("transaction", {"operations": [created, offered]}), around("transaction", {"operations": [created]}):
        pass
    with pytest.raises(KeyError), around("release", {"object": "o"}):
        raise KeyError
    assert value(metrics, "kurento_call_seconds_count", operation="processOffer", outcome="done") == 2
    assert value(metrics, "kurento_call_seconds_count", operation="transaction", outcome="done") == 1
    assert value(metrics, "kurento_call_seconds_count", operation="release", outcome="KeyError") == 1
    assert list(spent) == ["kurento"]


async def test_gauges_show_the_last_reading_and_nothing_when_there_is_none() -> None:
    read = asyncio.Event()
    away, failing = False, Unavailable("x")

    async def pool() -> list[MediaServerView]:
        if away:
            read.set()
            raise failing
        one = {"url": "ws://a", "cordoned": False, "memory": 1024, "sessions": 3}
        return [
            MediaServerView.model_validate({"name": "a", "state": "up", **one}),
            MediaServerView.model_validate({"name": "b", "state": "down", **one}),
        ]

    async def depths() -> dict[str, int]:
        read.set()
        return {"wrapper": 2, "dead-letters": 1}

    async def untold() -> float:
        return 2.5

    said: list[Mapping[str, Any]] = []

    async def say(one: Mapping[str, Any]) -> None:
        said.append(one)

    registry = CollectorRegistry()
    sample = registry.get_sample_value
    gauges = Gauges(
        Sources(pool, untold, depths, lambda: frozenset({"a"}), lambda: 7, lambda: 8, lambda: 64, say),
        registry,
        every=0.01,
    )
    running = asyncio.ensure_future(gauges.run())
    async with asyncio.timeout(5):
        await read.wait()
        await asyncio.sleep(0)
        assert [sample("callplane_media_server_up", {"server": name}) for name in "ab"] == [1, 0]
        assert [sample("callplane_media_server_reached", {"server": name}) for name in "ab"] == [1, 0]
        assert sample("callplane_media_server_memory_bytes", {"server": "a"}) == 1024 * 1024
        assert sample("callplane_media_server_sessions", {"server": "a"}) == 3
        assert sample("callplane_queue_messages", {"queue": "dead-letters"}) == 1
        assert sample("callplane_outbox_oldest_seconds") == 2.5
        assert sample("callplane_sessions_listened") == 7
        assert sample("callplane_sessions_listed") == 8
        assert sample("callplane_shards_consumed") == 64
        away = True
        read.clear()
        await read.wait()
        await asyncio.sleep(0)
    assert sample("callplane_media_server_up", {"server": "a"}) is None
    assert sample("callplane_queue_messages", {"queue": "dead-letters"}) is None
    assert sample("callplane_outbox_oldest_seconds") is None
    running.cancel()
    assert said[0] == {
        **{"sessions": 7, "shards": 64, "media_servers": ["a"], "depths": {"wrapper": 2, "dead-letters": 1}},
        "failover": None,
        **{"load": said[0]["load"], "waiting": {"wrapper": 0.0, "dead-letters": 0.0}},
    }


def test_a_queue_waits_since_it_was_first_seen_not_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("wrapper.monitoring.statement.monotonic", lambda: now)
    statement, seen = Statement(), []
    for now, depth in ((105.0, 0), (110.0, 3), (115.0, 1), (120.0, 0), (125.0, 2)):  # noqa: B007
        seen.append(statement.made({"wrapper": depth}, frozenset(), 0, 0).waiting)
    assert seen == [{}, {"wrapper": 0.0}, {"wrapper": 5.0}, {}, {"wrapper": 0.0}]
