"""Pods as processes of their own, and clients that go from pod to pod as browsers do."""

import asyncio
import itertools
import json
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from api.mailboxes.unacked import Batch
from callplane.bus.mailbox_ports import Publication
from callplane.contracts.errors import Problem, Refusal
from callplane.contracts.ids import ParticipantId
from cli.machine.process import Command, Process, python
from cli.machine.rundir import run_directory
from testkit.inprocess.mailboxes import texts_of
from testkit.servers.servers import Servers

READ_WITHIN = 60.0
ROOT = Path(__file__).parents[2]


class Pollable(Protocol):
    """A pod, wherever it runs."""

    async def poll(
        self, participant: ParticipantId, ack: str | None = None, wait: float = 5.0, most: int = 100
    ) -> Batch: ...


class ChildPod:
    """Polls sent to a pod in another process."""

    def __init__(self, process: Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.process = process
        self._reader, self._writer = reader, writer
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.over = False

    async def poll(
        self, participant: ParticipantId, ack: str | None = None, wait: float = 5.0, most: int = 100
    ) -> Batch:
        """One poll; ConnectionError when the process is gone."""
        if self.over:
            raise ConnectionError
        number = next(self._numbers)
        self._waiting[number] = asyncio.get_running_loop().create_future()
        asked = {"n": number, "participant": participant, "ack": ack, "wait": wait, "most": most}
        try:
            self._writer.write(json.dumps(asked).encode() + b"\n")
            said = await self._waiting[number]
        finally:
            del self._waiting[number]
        if "problem" in said:
            raise Refusal.of(Problem.model_validate(said["problem"]))
        return Batch(tuple(Publication(token, body.encode()) for token, body in said["received"]))

    async def read_answers(self) -> None:
        """Hand answers to those who wait, until the process is gone."""
        with suppress(ConnectionError):
            async for line in self._reader:
                said = json.loads(line)
                if said["n"] in self._waiting:
                    self._waiting[said["n"]].set_result(said)
        self.over = True
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(ConnectionError())


@asynccontextmanager
async def child_pod(servers: Servers) -> AsyncIterator[ChildPod]:
    """A pod in a process of its own, for the block."""
    with run_directory() as directory:
        door = str(directory / "door")
        arguments = (door, servers.vhost.url, servers.database.url, servers.database.name)
        process = Process(
            Command("pod", python("testkit.servers.pod_process", *arguments), directory / "pod.log", cwd=ROOT)
        )
        try:
            await process.ready_line()
            reader, writer = await asyncio.open_unix_connection(door, limit=2**24)
            async with asyncio.TaskGroup() as tasks:
                child = ChildPod(process, reader, writer)
                reading = tasks.create_task(child.read_answers())
                try:
                    yield child
                finally:
                    await process.kill()
                    reading.cancel()
                    writer.close()
        finally:
            await process.kill()


class Client:
    """Reads one mailbox as a browser does: acknowledges by asking again, goes elsewhere when a pod fails it."""

    def __init__(self, participant: ParticipantId, pods: Sequence[Pollable], seed: int = 1) -> None:
        self.participant = participant
        self.pods = list(pods)
        self.read: list[str] = []
        self.repeats = 0
        self.gaps: list[float] = []
        self.trouble: list[str] = []
        self._random = random.Random(seed)
        self._ack: str | None = None

    async def read_until(self, count: int) -> list[str]:
        """Ask until so many different messages have come and are acknowledged."""
        async with asyncio.timeout(READ_WITHIN):
            return await self._read_until(count)

    async def _read_until(self, count: int) -> list[str]:
        loop = asyncio.get_running_loop()
        last = loop.time()
        while len(self.read) < count:
            batch = await self._ask(wait=2.0)
            if batch is None:
                continue
            if batch.received:
                self.gaps.append(loop.time() - last)
                last = loop.time()
            self._take(batch)
        while (batch := await self._ask(wait=0.0)) is None or batch.received:
            if batch:
                self._take(batch)
        return self.read

    def _take(self, batch: Batch) -> None:
        for text in texts_of(batch):
            if text in self.read:
                self.repeats += 1
            else:
                self.read.append(text)
        self._ack = batch.ack or self._ack

    async def _ask(self, wait: float) -> Batch | None:
        pod = self._random.choice(self.pods)
        try:
            async with asyncio.timeout(wait + 4):
                return await pod.poll(self.participant, self._ack, wait, most=self._random.choice((1, 5, 100)))
        except (Refusal, ConnectionError, TimeoutError) as failure:
            if isinstance(failure, Refusal) and failure.problem.code != "unavailable":
                raise
            self.trouble.append(repr(failure))
            await asyncio.sleep(0.05)
            return None
