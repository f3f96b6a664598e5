"""Timeline's writer: what cannot be kept is told and counted, and what came with it is kept."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import bson
import pytest

from callplane.bus.event_ports import PREFETCH, ReceivedEvent
from callplane.bus.memory.events import MemoryEvents
from callplane.contracts.events import EVENT_BYTES
from callplane.store.mongo.database import Database
from callplane.store.timeline import Timeline
from wrapper.effects import timeline as module
from wrapper.effects.timeline import TimelineWriter

RUBBISH: dict[str, dict[str, Any]] = {
    "a version that no integer of BSON holds": {"sessionversion": 2**63},
    "a time that has no day after it": {"time": "9999-12-31T00:00:00Z"},
    "a time before all others": {"time": "0001-01-01T00:00:00+14:00"},
    "a time of no zone": {"time": "2026-01-05T12:00:00"},
    "an endless id": {"id": "i" * 1000},
    "an id with a line's end": {"id": "a\r\nb"},
    "an endless type": {"type": "t" * 1000},
    "an endless actor": {"actor": "a" * 10_000},
    "endless data": {"data": {"text": "x" * EVENT_BYTES}},
    "no data": {"data": None},
}


class Collection:
    """Takes what BSON can say; the driver raises for the whole batch where it cannot."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    async def insert_each(self, documents: Sequence[dict[str, Any]]) -> list[str]:
        """Encode each."""
        for one in documents:
            bson.encode(one)
        self.kept.update({one["_id"]: one for one in documents})
        return ["inserted"] * len(documents)


def received(version: int, **fields: Any) -> ReceivedEvent:
    """An event as it comes."""
    event = {
        "specversion": "1.0",
        "id": f"s:{version}",
        "source": "/v1/sessions/s",
        "type": "media-ready",
        "time": datetime(2026, 1, 5, 12, tzinfo=UTC).isoformat(),
        "sessionid": "s",
        "sessionversion": version,
        "data": {},
        **fields,
    }
    return ReceivedEvent(f"s:{version}", "-.media-ready", json.dumps(event).encode())


def writer(passed_over: list[None]) -> tuple[TimelineWriter, dict[str, Any]]:
    """One, and what it has kept."""
    collection = Collection()
    database = cast(Database, {"events": collection, "sessions": None})
    told = lambda: passed_over.append(None)  # noqa: E731
    return TimelineWriter(Timeline(database, 3650), MemoryEvents(), told), collection.kept


@pytest.mark.parametrize("fields", RUBBISH.values(), ids=RUBBISH)
async def test_what_cannot_be_kept_is_passed_over_and_holds_nothing_up(fields: dict[str, Any]) -> None:
    passed_over: list[None] = []
    timeline, kept = writer(passed_over)
    await timeline.take([received(1), received(2, **fields), ReceivedEvent("", "", b"\xff"), received(3)])
    assert list(kept) == ["s:1", "s:3"]
    assert len(passed_over) == 2


async def test_a_type_of_the_next_version_is_kept() -> None:
    passed_over: list[None] = []
    timeline, kept = writer(passed_over)
    await timeline.take([received(2, type="stage-opened")])
    assert kept["s:2"]["type"] == json.loads(kept["s:2"]["event"])["type"] == "stage-opened"
    assert not passed_over


@pytest.mark.parametrize(("count", "waits"), [(1, 1), (PREFETCH // 2, 0)], ids=["few", "many"])
async def test_few_are_kept_at_once_and_the_next_gather(
    monkeypatch: pytest.MonkeyPatch, count: int, waits: int
) -> None:
    waited: list[float] = []

    async def wait(seconds: float) -> None:
        assert len(kept) == count, "what came is kept before anything is waited for"
        waited.append(seconds)

    timeline, kept = writer([])
    monkeypatch.setattr(module, "asyncio", SimpleNamespace(sleep=wait))
    await timeline._take_calmly([received(version) for version in range(1, count + 1)])
    assert waited == [module.GATHERING_SECONDS] * waits
