"""Loads of rooms: what they cost by part of the programs, and what of that was for an endpoint; as tables."""

import json
import statistics
from collections.abc import Iterable
from dataclasses import dataclass, field

from bench.messages.report import Table

PARTS = ("api", "wrapper", "rabbitmq", "mongod")
ENDPOINTS = 2
"""Of a room in which somebody publishes and another subscribes."""


@dataclass
class Load:
    """What one load came to: seconds that each room took, seconds in all, and seconds of CPU by part."""

    rooms: list[float] = field(default_factory=list)
    seconds: float = 0.0
    cpu: dict[str, float] = field(default_factory=dict)
    idle: dict[str, float] = field(default_factory=dict)
    """Of the CPU what they would have used in that time anyway."""
    requests: float = 0.0
    """To the database, without those that come while nothing is asked."""

    def milliseconds(self, *parts: str, idling: bool = True) -> float:
        """CPU of each room, of some parts; without ``idling``: beyond what they would have used anyway."""
        used = sum(self.cpu[part] - (0.0 if idling else self.idle[part]) for part in parts)
        return used / len(self.rooms) * 1000

    @classmethod
    def all_of(cls, turns: Iterable["Load"]) -> "Load":
        """All of them together."""
        some = list(turns)
        return cls(
            [room for one in some for room in one.rooms],
            sum(one.seconds for one in some),
            {part: sum(one.cpu[part] for one in some) for part in PARTS},
            {part: sum(one.idle[part] for one in some) for part in PARTS},
            sum(one.requests for one in some),
        )


@dataclass(frozen=True)
class Kind:
    """Whose programs, under how many rooms at once, and whether there are offers in them."""

    programs: str
    in_flight: int
    negotiate: bool = False


Loads = dict[Kind, list[Load]]
"""Those of each turn."""


def report(found: Loads) -> None:
    """The tables; beside the mean of all turns what each of them cost."""
    of_rooms(found)
    if any(kind.negotiate for kind in found):
        of_endpoints(found)


def of_rooms(found: Loads) -> None:
    """What a room costs."""
    columns = ["programs", "in flight", "rooms/s", "median ms", "CPU ms a room", *PARTS, "of it idling"]
    table = Table("Rooms", [*columns, "requests to mongod", "in each turn"])
    for kind, turns in sorted(found.items(), key=lambda one: (one[0].negotiate, one[0].in_flight, one[0].programs)):
        whole = Load.all_of(turns)
        table.row(
            kind.programs + (", with two offers" if kind.negotiate else ""),
            kind.in_flight,
            f"{len(whole.rooms) / whole.seconds:.1f}",
            f"{statistics.median(whole.rooms) * 1000:.0f}",
            f"{whole.milliseconds(*PARTS):.1f}",
            *(f"{whole.milliseconds(part):.1f}" for part in PARTS),
            f"{sum(whole.idle.values()) / len(whole.rooms) * 1000:.1f}",
            f"{whole.requests / len(whole.rooms):.1f}",
            json.dumps([round(one.milliseconds(*PARTS), 1) for one in turns]),
        )


def of_endpoints(found: Loads) -> None:
    """What an endpoint costs a wrapper, from its offer until it is released, and how many that is for a core of one."""
    table = Table(
        "Endpoints",
        ["programs", "in flight", "wrapper's CPU ms an endpoint", "endpoints/s a core of wrapper", "ms in each turn"],
    )
    for kind in sorted((one for one in found if one.negotiate), key=lambda one: (one.in_flight, one.programs)):
        plain = found[Kind(kind.programs, kind.in_flight)]
        each = an_endpoint(Load.all_of(found[kind]), Load.all_of(plain))
        turns = [round(an_endpoint(*both), 1) for both in zip(found[kind], plain, strict=True)]
        rate = f"{1000 / each:.0f}" if each > 0 else "-"
        table.row(kind.programs, kind.in_flight, f"{each:.1f}", rate, json.dumps(turns))


def an_endpoint(negotiated: Load, plain: Load) -> float:
    """Milliseconds of a wrapper's CPU: what a room costs more with offers, shared out among its endpoints.

    Without what it uses anyway, which is more of a room's where there are fewer of them in a second.
    """
    more = negotiated.milliseconds("wrapper", idling=False) - plain.milliseconds("wrapper", idling=False)
    return more / ENDPOINTS
