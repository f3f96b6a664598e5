"""Kafka export: copies the stream of events to a topic, at least once, each session's in order.

How far Kafka has it is kept in a file: it is written when every broker that has to (``acks=all``) has acknowledged, so
whoever is cut off sends what came behind it once more, under the ids that the events have.
"""

import argparse
import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from callplane_client import AsyncCallplane
from callplane_client.events import StreamedEvent
from cli.verbs.events import only, tell_of_gaps
from cli.verbs.server import REFUSED, UNAVAILABLE, Failed
from cli.waiting import waiting

STOP_SECONDS = 5.0


def key_of(event: Mapping[str, Any]) -> bytes:
    """The session, so that its events are in one partition and keep their order; else the event's own id."""
    return str(event.get("sessionid") or event["id"]).encode()


@dataclass
class Position:
    """The cursor behind the last event that Kafka has, in a file."""

    file: Path

    def read(self) -> str | None:
        """None: there is none yet. Raises Failed."""
        try:
            return self.file.read_text().strip() or None
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as trouble:
            raise Failed(f"{self.file}: {trouble}") from None

    def write(self, cursor: str) -> None:
        """Have the new or the old one there, whenever the machine ends. Raises Failed."""
        fresh = self.file.with_name(f"{self.file.name}.new")
        try:
            with fresh.open("w") as writing:
                writing.write(f"{cursor}\n")
                writing.flush()
                os.fsync(writing.fileno())
            fresh.replace(self.file)
        except OSError as trouble:
            raise Failed(f"{self.file}: {trouble}") from None


async def export(given: argparse.Namespace, callplane: AsyncCallplane) -> int:
    """Copy until Ctrl-C, or with ``--once`` what there was at the start; the exit status. Raises Failed."""
    position = Position(Path(given.position))
    cursor = position.read()
    stream = callplane.events.stream(given.start, after=cursor, **only(given, follow=not given.once))
    exporting = Exporting(position, given.topic)
    async with _producer(given.kafka) as producer:
        begun = cursor or f"--from {given.start}"
        print(f"Copying to {given.topic} at {given.kafka}, from {begun}; Ctrl-C ends it.", file=sys.stderr)
        try:
            with waiting("copying") as progress:
                while batch := await stream.batch():
                    tell_of_gaps(stream)
                    await exporting.copy(producer, batch)
                    progress.say(f"copying: {exporting.copied} events are in Kafka")
        finally:
            await stream.aclose()
    print(f"{exporting.copied} events are in Kafka.", file=sys.stderr)
    return 0


@dataclass
class Exporting:
    """What was copied."""

    position: Position
    topic: str
    copied: int = field(default=0, init=False)
    """Events, those that were sent again among them."""

    async def copy(self, producer: Any, batch: Sequence[StreamedEvent]) -> None:
        """Have Kafka acknowledge all of these, then keep the place. Raises Failed: nothing of this is noted."""
        from aiokafka.errors import KafkaError

        try:
            sent = []
            for one in batch:
                event = json.loads(one.body)
                # CloudEvents' structured mode (Kafka protocol binding 1.0.2, 3.3): the event as it is, and its type.
                headers = [("content-type", b"application/cloudevents+json")]
                sent.append(await producer.send(self.topic, one.body.encode(), key=key_of(event), headers=headers))
            for acknowledged in sent:
                await acknowledged
        except KafkaError as trouble:
            raise Failed(f"Kafka: {trouble}", UNAVAILABLE if trouble.retriable else REFUSED) from None
        self.position.write(batch[-1].cursor)
        self.copied += len(batch)


@contextlib.asynccontextmanager
async def _producer(bootstrap: str) -> AsyncIterator[Any]:
    """One that keeps the order of each key, also over what it sends again."""
    try:
        from aiokafka import AIOKafkaProducer
        from aiokafka.errors import KafkaError
    except ImportError:
        raise Failed("this needs aiokafka: pip install 'callplane[kafka]'") from None
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, linger_ms=5)
    try:
        await producer.start()
    except KafkaError as trouble:
        await producer.stop()
        raise Failed(f"Kafka at {bootstrap}: {trouble}", UNAVAILABLE) from None
    try:
        yield producer
    finally:
        with contextlib.suppress(TimeoutError, KafkaError):
            async with asyncio.timeout(STOP_SECONDS):
                await producer.stop()
