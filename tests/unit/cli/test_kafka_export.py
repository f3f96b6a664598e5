"""Kafka export, against the mock brokers inside librdkafka: they speak Kafka's protocol, and are no Kafka."""

import argparse
import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import confluent_kafka
import pytest

from callplane_client import AsyncCallplane
from cli import kafka_export
from cli.kafka_export import Position
from cli.verbs.server import Failed

SESSIONS = ("ann", "bob", "cem")


def line(n: int) -> bytes:
    """The event at an offset; versions of each session follow each other, and one is of no session."""
    event = {"specversion": "1.0", "id": f"none:{n}", "type": "request-refused", "data": {}}
    if n % 4 < 3:
        event |= {"id": f"{SESSIONS[n % 4]}:{n}", "type": "media-ready", "sessionid": SESSIONS[n % 4]}
    return f"id: {n}-00000000\ndata: {json.dumps(event)}\n\n".encode()


@asynccontextmanager
async def streaming(count: int) -> AsyncIterator[AsyncCallplane]:
    """An API that has so many events, and begins behind the cursor that it is given."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = (await reader.readuntil(b"\r\n\r\n")).lower()
        cursor = next((one for one in asked.split(b"\r\n") if one.startswith(b"last-event-id")), b": -1")
        begin = int(cursor.split(b": ")[1].split(b"-0000")[0]) + 1
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        for n in range(begin, count):
            writer.write(line(n))
            if n % 25 == 0:
                await writer.drain()
                await asyncio.sleep(0)
        writer.write(b"event: complete\ndata: {}\n\n")
        writer.close()

    async with (
        await asyncio.start_server(answer, "127.0.0.1", 0) as server,
        AsyncCallplane(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", api_key="k") as callplane,
    ):
        yield callplane


@pytest.fixture(scope="module")
def brokers() -> Iterator[str]:
    """Three of them, as long as their client lives."""
    mock = confluent_kafka.Producer({"test.mock.num.brokers": 3})
    found = mock.list_topics(timeout=10).brokers.values()
    yield ",".join(f"{one.host}:{one.port}" for one in found)
    mock.flush(1)


def consumed(brokers: str, topic: str, count: int) -> list[confluent_kafka.Message]:
    """The records of so many events and what came twice of them, partition by partition in their order."""
    consumer = confluent_kafka.Consumer(
        {"bootstrap.servers": brokers, "group.id": f"g-{topic}", "auto.offset.reset": "earliest"}
    )
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    consumer.assign([confluent_kafka.TopicPartition(topic, one, 0) for one in partitions])
    found: list[confluent_kafka.Message] = []
    while (missing := count - len({one.value() for one in found})) > 0:
        batch = consumer.consume(missing, timeout=5)
        assert batch, f"{missing} of {count} are not there"
        found += [one for one in batch if one.error() is None]
    consumer.close()
    return found


def given(brokers: str, topic: str, position: Path) -> argparse.Namespace:
    """What the command line has said."""
    return argparse.Namespace(
        kafka=brokers, topic=topic, position=str(position), start="first", type=[], session=None, once=True
    )


async def exported(brokers: str, topic: str, server: AsyncCallplane, position: Path) -> int:
    """Copy what there is."""
    return await kafka_export.export(given(brokers, topic, position), server)


async def test_what_is_in_the_stream_is_in_kafka_by_session_and_in_order(brokers: str, tmp_path: Path) -> None:
    position = tmp_path / "position"
    async with streaming(100) as server:
        assert await exported(brokers, "whole", server, position) == 0
    assert Position(position).read() == "99-00000000"
    async with streaming(120) as server:
        assert await exported(brokers, "whole", server, position) == 0
    found = await asyncio.to_thread(consumed, brokers, "whole", 120)
    assert len(found) == 120
    for key in SESSIONS:
        theirs = [one for one in found if one.key() == key.encode()]
        assert len({one.partition() for one in theirs}) == 1
        versions = [int(json.loads(one.value() or b"")["id"].split(":")[1]) for one in theirs]
        assert versions == sorted(versions)
        assert len(versions) == 30
    assert {one.key() for one in found if b"request-refused" in (one.value() or b"")} == {
        f"none:{n}".encode() for n in range(3, 120, 4)
    }
    assert dict(found[0].headers() or ())["content-type"] == b"application/cloudevents+json"


async def test_who_is_cut_off_before_the_place_is_kept_sends_again_and_loses_nothing(
    brokers: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    position, written = tmp_path / "position", Position.write
    writes = 0

    def ends(self: Position, cursor: str) -> None:
        nonlocal writes
        writes += 1
        if writes % 2 == 0:
            raise Failed("for the test")
        written(self, cursor)

    monkeypatch.setattr(Position, "write", ends)
    runs = 0
    async with streaming(200) as server:
        while Position(position).read() != "199-00000000":
            runs += 1
            assert runs < 50
            try:
                await exported(brokers, "cut", server, position)
            except Failed as failed:
                assert str(failed) == "for the test"
    found = await asyncio.to_thread(consumed, brokers, "cut", 200)
    ids = dict.fromkeys(json.loads(one.value() or b"")["id"] for one in found)
    assert len(ids) == 200
    for key in SESSIONS:
        versions = [int(one.split(":")[1]) for one in ids if one.startswith(f"{key}:")]
        assert versions == sorted(versions)


async def test_no_kafka_is_one_sentence(tmp_path: Path) -> None:
    async with streaming(1) as server:
        with pytest.raises(Failed, match="Kafka at 127"):
            await exported("127.0.0.1:9", "none", server, tmp_path / "position")
    assert not (tmp_path / "position").exists()


def test_a_place_is_the_old_or_the_new_one(tmp_path: Path) -> None:
    position = Position(tmp_path / "position")
    assert position.read() is None
    position.write("1-00000000")
    position.write("2-00000000")
    assert (position.read(), [one.name for one in tmp_path.iterdir()]) == ("2-00000000", ["position"])
    with pytest.raises(Failed, match="nowhere"):
        Position(tmp_path / "nowhere" / "position").write("1-00000000")
