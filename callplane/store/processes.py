"""Processes: which wrappers and pods live, what they say of themselves, and what waits (for operators)."""

from datetime import timedelta
from typing import Any, TypeVar

from pydantic import Field, ValidationError

from callplane.contracts.model import Wire
from callplane.contracts.operations import FailoverView, PodView, ProcessesView, QueueView, WrapperView
from callplane.store.leases import PodLeases, PodSaid, WrapperLeases
from callplane.store.mongo.database import Database
from callplane.store.mongo.errors import ServerAnswer

INDEX = {"outbox": "outbox_age", "chores": "chore_age"}
"""What sessions owe, messages to be published and clean-up, and the index of its age."""

ONE_LOSS = timedelta(minutes=1)
"""Sessions that are placed anew within this time of each other had lost the same media server, as far as we know."""

S = TypeVar("S", bound=Wire)


class Said(Wire):
    """What a wrapper says of itself; ``waiting``: for how many seconds a queue has not been empty at any look."""

    load: float | None = None
    sessions: int | None = None
    shards: int | None = None
    media_servers: list[str] = Field(default_factory=list)
    depths: dict[str, int] = Field(default_factory=dict)
    waiting: dict[str, float] = Field(default_factory=dict)
    failover: FailoverView | None = None


class Processes:
    """Reads leases and what stands beside them, with four queries, each of few documents."""

    def __init__(self, database: Database) -> None:
        self._sessions = database["sessions"]
        self._wrappers = WrapperLeases(database)
        self._pods = PodLeases(database)

    async def read(self) -> ProcessesView:
        """Those whose lease runs. Raises Unavailable."""
        wrappers = [(one, _said(Said, one.get("said"))) for one in await self._wrappers.living()]
        pods = await self._pods.living()
        owed = [await self._owed(name) for name in INDEX]
        return ProcessesView(
            wrappers=[
                WrapperView(id=one["_id"], version=_text(one.get("version")), **said.model_dump(include=_SHOWN))
                for one, said in wrappers
            ],
            pods=[
                PodView(
                    id=one["_id"],
                    version=_text(one.get("version")),
                    holds_mailboxes=bool(one.get("holder")),
                    **_said(PodSaid, one.get("said")).model_dump(),
                )
                for one in pods
            ],
            queues=[*_queues([said for _, said in wrappers]), *filter(None, owed)],
            last_failover=_last([said.failover for _, said in wrappers if said.failover is not None]),
        )

    async def _owed(self, what: str) -> QueueView | None:
        """The oldest that is owed, by an index; how much of it there is, nobody counts."""
        age = {"$dateDiff": {"startDate": {"$min": f"${what}.at"}, "endDate": "$$NOW", "unit": "second"}}
        try:
            # Without the hint, and with any filter, all that owe something would be read and sorted.
            oldest = self._sessions.find({}, {"age": age}, hint=INDEX[what]).sort(f"{what}.at", 1).limit(1)
            found = await oldest.to_list()
        except ServerAnswer:  # something there that is no time, or just now no index
            return None
        if not found or not isinstance(found[0].get("age"), int):
            return None
        return QueueView(name=f"{what} of sessions", messages=None, waiting_seconds=max(0, found[0]["age"]))


_SHOWN = {"load", "sessions", "shards", "media_servers"}


def _queues(said: list[Said]) -> list[QueueView]:
    """Every wrapper says the same of the depths, up to the time of its look, and who has run longest knows the age."""
    names = sorted({name for one in said for name in one.depths})
    return [
        QueueView(
            name=name,
            messages=max(one.depths.get(name, 0) for one in said),
            waiting_seconds=max(one.waiting.get(name, 0.0) for one in said),
        )
        for name in names
    ]


def _last(known: list[FailoverView]) -> FailoverView | None:
    """The newest; what other wrappers have placed at about that time belongs to it."""
    if not known:
        return None
    newest = max(known, key=lambda one: one.at)
    same = [one for one in known if newest.at - one.at <= ONE_LOSS]
    slowest = max(same, key=lambda one: one.seconds)
    return slowest.model_copy(update={"at": newest.at, "sessions": sum(one.sessions for one in same)})


def _said(kind: type[S], stored: Any) -> S:
    try:
        return kind.model_validate(stored if isinstance(stored, dict) else {})
    except ValidationError:  # a newer version's, in words of its own
        return kind()


def _text(stored: Any) -> str | None:
    return stored if isinstance(stored, str) else None
