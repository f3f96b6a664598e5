"""Gauges that every wrapper shows alike, read from store and broker: the pool, and the queues that are always there.

Read every few seconds and shown at each scrape; while it cannot be read it is not shown, for an old value would lie.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from callplane.contracts.operations import MediaServerView
from callplane.store.processes import Said
from callplane.telemetry.failures import words
from callplane.telemetry.logs import logger
from wrapper.monitoring.statement import LastFailover, Statement

LOOK_SECONDS = 5.0
_SAME = "; every wrapper says the same"


@dataclass(frozen=True, slots=True)
class Sources:
    """Where it is read; all but the pool and the depths are of this wrapper alone."""

    pool: Callable[[], Awaitable[list[MediaServerView]]]
    untold: Callable[[], Awaitable[float]]
    """For how many seconds the oldest event has been waiting to be told."""
    depths: Callable[[], Awaitable[dict[str, int]]]
    reached: Callable[[], frozenset[str]]
    listened: Callable[[], int]
    listed: Callable[[], int]
    shards: Callable[[], int]
    say: Callable[[Mapping[str, Any]], Awaitable[None]]
    """Keeps what operators are shown of this wrapper."""
    failover: LastFailover = field(default_factory=LastFailover)


class Gauges(Collector):
    """The last reading, as metrics."""

    def __init__(self, sources: Sources, registry: CollectorRegistry, every: float = LOOK_SECONDS) -> None:
        self._sources = sources
        self._every = every
        self._pool: list[MediaServerView] = []
        """The media servers as last read; none while they cannot be read."""
        self._depths: dict[str, int] = {}
        """Messages in each queue, likewise."""
        self._untold: float | None = None
        """Seconds that the oldest event has waited in its outbox, likewise."""
        self._statement = Statement(sources.failover)
        self._log = logger("gauges")
        registry.register(self)

    async def run(self) -> None:
        """Read until cancelled."""
        while True:
            try:
                self._pool, self._depths = await self._sources.pool(), await self._sources.depths()
                self._untold = await self._sources.untold()
                await self._sources.say(self._said().model_dump())
            except Exception as failure:  # whatever it is, an old value would lie
                self._pool, self._depths, self._untold = [], {}, None
                self._log.info("not read", why=words(failure))
            await asyncio.sleep(self._every)

    def _said(self) -> Said:
        one = self._sources
        return self._statement.made(self._depths, one.reached(), one.listened(), one.shards())

    def collect(self) -> Iterable[Metric]:
        """Labels are names of media servers, of which there are as many as operators have made, and four queues."""
        pool, reached = self._pool, self._sources.reached()
        yield _by("server", "media_server_up", f"1 while somebody reaches it{_SAME}", _up(pool))
        yield _by("server", "media_server_cordoned", f"1 while nothing is placed on it{_SAME}", _cordoned(pool))
        sessions = {one.name: float(one.sessions) for one in pool}
        yield _by("server", "media_server_sessions", f"Open sessions with media on it{_SAME}", sessions)
        memory = {one.name: one.memory * 1024.0 for one in pool}
        yield _by("server", "media_server_memory_bytes", f"Memory as last read{_SAME}", memory)
        mine = {one.name: float(one.name in reached) for one in pool}
        yield _by("server", "media_server_reached", "1 while this wrapper has a socket to it", mine)
        depths = {queue: float(depth) for queue, depth in self._depths.items()}
        yield _by("queue", "queue_messages", f"What waits in it: wrapper, retry, dead-letters, timeline{_SAME}", depths)
        untold = GaugeMetricFamily(
            "callplane_outbox_oldest_seconds", f"How long the oldest event has waited in its session's outbox{_SAME}"
        )
        if self._untold is not None:
            untold.add_metric([], self._untold)
        yield untold
        listened = GaugeMetricFamily("callplane_sessions_listened", "Sessions whose own queues this wrapper consumes")
        listened.add_metric([], self._sources.listened())
        yield listened
        listed = GaugeMetricFamily("callplane_sessions_listed", "Open sessions with a queue, as last listed")
        listed.add_metric([], self._sources.listed())
        yield listed
        shards = GaugeMetricFamily("callplane_shards_consumed", "Of 64 queues that sessions share, those consumed here")
        shards.add_metric([], self._sources.shards())
        yield shards


def _by(label: str, name: str, help_: str, values: dict[str, float]) -> Metric:
    family = GaugeMetricFamily(f"callplane_{name}", help_, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def _up(pool: list[MediaServerView]) -> dict[str, float]:
    return {one.name: float(one.state != "down") for one in pool}


def _cordoned(pool: list[MediaServerView]) -> dict[str, float]:
    return {one.name: float(one.cordoned) for one in pool}
