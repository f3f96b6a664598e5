"""Version mixing: tells whether N and N+1 met, by pods' logs, database and what people say of the added field."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from bench.rolling.deployment import NEXT, Deployment, N, Pod
from bench.rolling.next import ADDED, SENT, TAKEN
from bench.rolling.verdict import Records, Verdict
from testkit.servers.servers import Database

COMMAND = "command"
"""The line that every wrapper logs of each attempt at a command (callplane/telemetry/commands.py)."""


@dataclass
class Mixing:
    """Counts what crossed from one version to the other."""

    database: Database
    marked: dict[str, set[str]] = field(default_factory=dict)
    """Pod of N → the sessions that carried the field before the pod was started."""

    async def before(self, deployments: Iterable[Deployment]) -> "Sample":
        """Look at the documents before a roll; ``Sample.after`` says which pods it started."""
        return Sample(await self._carrying("sessions"), {pod.name for one in deployments for pod in one.all})

    def after(self, sample: "Sample", deployments: Iterable[Deployment]) -> None:
        """Note the pods of N that began with documents of N+1 already there."""
        for one in deployments:
            for pod in one.all:
                if pod.version == N and pod.name not in sample.pods:
                    self.marked[pod.name] = sample.sessions

    async def judge(self, verdict: Verdict, deployments: list[Deployment], records: Records) -> None:
        """Add what was counted to the table; a zero is a run that proved nothing."""
        pods = [pod for one in deployments for pod in one.all]
        old, new = ([pod for pod in pods if pod.version == version] for version in (N, NEXT))
        sent = {line["command_id"] for line in lines(new, SENT) if line["added"]}
        known = sum(line["command_id"] in sent for line in lines(old, COMMAND) if line.get("outcome") == "done")
        without = sum(not line["added"] for line in lines(new, TAKEN))
        read = sum(line.get("session_id") in self.marked.get(pod.name, ()) for pod in old for line in said(pod))
        heard = sum(one["added"] for one in (*records.callers, *records.visitors))
        for name, count in {
            "commands of N+1 handled by N": known,
            "commands of N handled by N+1": without,
            "messages of N+1 heard by people": heard,
            "lines of N about sessions written by N+1": read,
            "connections written by N+1, now owned by N": await self._owned(),
        }.items():
            verdict.row(name, count, count == 0)

    async def judge_engines(self, verdict: Verdict, engines: Iterable[str]) -> None:
        """Add how many sessions were made of each engine; none of one is a run that proved nothing of it."""
        made = Counter(d.get("engine", "queues") for d in await self.database.documents("sessions"))
        for engine in sorted(engines):
            verdict.row(f"sessions of engine {engine}", made[engine], made[engine] == 0)

    async def _carrying(self, collection: str) -> set[str]:
        return {str(d["_id"]) for d in await self.database.documents(collection) if ADDED in d}

    async def _owned(self) -> int:
        """Connections that N+1 has written and a wrapper of N has adopted since; N+1 has none at the end."""
        alive = {d["_id"] for d in await self.database.documents("wrappers")}
        found = await self.database.documents("connections")
        return sum(ADDED in d and d["state"] == "ready" and d.get("owner") in alive for d in found)


@dataclass(frozen=True)
class Sample:
    """What there was before a roll."""

    sessions: set[str]
    pods: set[str]


def said(pod: Pod) -> Iterable[dict[str, Any]]:
    """The lines of a pod's log that are JSON."""
    for line in pod.lines().splitlines():
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict):
            yield found


def lines(pods: Iterable[Pod], event: str) -> Iterable[dict[str, Any]]:
    """The lines of some pods about one kind of event."""
    return (line for pod in pods for line in said(pod) if line.get("event") == event)
