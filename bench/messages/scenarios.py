"""Scenarios by name: what each of them runs, the options it has of its own, and its row of the goals."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from bench.messages import disturbances, load
from bench.messages.run import Run


@dataclass(frozen=True)
class Scenario:
    """One row of the goals, or two that one run shows."""

    play: Callable[[Run], Awaitable[None]]
    goal: str
    own: dict[str, Any]


SCENARIOS = {
    "room": Scenario(
        load.room,
        "pods' CPU a delivery <= 25 / 25 / 150 µs; last member's p99 <= 10 / 10 / 15 ms (WebSocket, SSE, poll)",
        {},
    ),
    "flood": Scenario(load.flood, "deliveries/s without loss > 40,000 / 40,000 / 15,000", {"seconds": 5.0}),
    "everybody": Scenario(
        load.everybody,
        "2,000 people: 4,000,000 deliveries within 60 s, 14 aimed at, none lost",
        {"people": (200,)},
    ),
    "pods": Scenario(load.pods, "CPU a delivery with 1, 2 and 4 pods within 25 %", {"pods": (1, 2, 4)}),
    "pairs": Scenario(load.pairs, "median <= 1.5 x the bare round trip with a majority write", {"pods": (2,)}),
    "poll-cost": Scenario(
        load.room, "by long poll <= 3 x the CPU by WebSocket", {"rate": 120.0, "doors": ("websocket", "poll")}
    ),
    "idle": Scenario(disturbances.idle, "<= 24 KiB an idle client, all-in; broker 0", {"rooms": 10, "seconds": 5.0}),
    "dropped": Scenario(
        disturbances.dropped, "5,000 clients back within 10 s, nothing lost", {"rooms": 100, "rate": 1.0}
    ),
    "killed": Scenario(
        disturbances.killed,
        "1,000 readers of a killed pod go on within 3 s, nothing lost",
        {"rooms": 40, "rate": 1.0, "pods": (2,)},
    ),
    "presence": Scenario(
        disturbances.presence,
        "5,000 people, >= 5,200 events/s, <= 84 KiB a person, all-in",
        {"rooms": 100, "rate": 104.0, "doors": ("websocket",)},
    ),
    "slow": Scenario(
        disturbances.slow,
        "p99 of those who read <= 1.2 x that without the others",
        {"people": (500,), "rate": 5.0, "bytes": 8000, "seconds": 20.0, "doors": ("websocket",)},
    ),
}
