"""The servers go away and come back: 503 meanwhile, and nothing that was confirmed is lost (design 10)."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from callplane.bus.rabbitmq.mailboxes import RabbitMailboxes
from callplane.contracts.errors import Refusal
from callplane.contracts.ids import ParticipantId
from callplane.store.attachments import Attachments
from callplane.store.leases import PodLeases
from callplane.store.mongo.database import open_database
from cli.machine.mongod import Mongod
from cli.machine.rabbitmq import rabbitmq
from testkit.inprocess.mailboxes import FAST, Scene, TestPod, memory_scene, outcome, pod_on, rabbit_publisher, texts_of
from testkit.servers.machine_time import within
from testkit.servers.servers import Database
from testkit.servers.until import until


async def test_without_a_broker_a_poll_is_told_to_come_again(database: Database) -> None:
    """After two seconds of looking for one."""
    async with open_database(database.url, database.name) as opened:
        nowhere = RabbitMailboxes("amqp://guest:guest@127.0.0.1:9/")
        async with pod_on(nowhere, opened) as pod, within(3):
            assert await outcome(pod.poll(ParticipantId("ann"))) == "unavailable"


async def test_a_pod_that_cannot_renew_its_lease_ends_its_polls(mongod_server: Mongod, database: Database) -> None:
    """Sweeps may call its seats detached; when the database is back they are attached again by the next poll."""
    brief = replace(FAST, lease=3.0)
    async with memory_scene(database) as scene, scene.pod(brief) as pod, asyncio.TaskGroup() as tasks:
        ann = await scene.seat("ann")
        await pod.poll(ann, wait=0)
        holder = (await scene.attachment(ann)).holder
        pods = PodLeases(scene.database)

        async def living() -> bool:
            return await pods.holders() == {holder}

        await until(living)
        parked = tasks.create_task(outcome(pod.poll(ann, wait=30)))
        await pod.until_parked(ann)
        mongod_server.pause()
        try:
            async with within(9):
                assert await parked == "unavailable"
                assert await outcome(pod.poll(ann)) == "unavailable"
        finally:
            mongod_server.resume()
        assert await scene.attachments.detach(await scene.attachment(ann)) is not None
        await scene.publisher.to(ann, "1")
        assert await read_when_back(pod, ann) == ["1"]
        again = await scene.attachment(ann)
        assert (again.state, again.n, again.holder) == ("attached", 1, holder)


@pytest.mark.long
async def test_a_broker_that_is_killed_and_comes_back(database: Database, tmp_path: Path) -> None:
    """Pods start again by themselves; what was published before is read after, in order, once acknowledged."""
    async with rabbitmq(tmp_path) as node, open_database(database.url, database.name) as opened:
        bus, attachments = RabbitMailboxes(node.url()), Attachments(opened)
        async with pod_on(bus, opened) as a, pod_on(bus, opened) as b:
            async with rabbit_publisher(node.url()) as publisher:
                scene = Scene(opened, bus, publisher, attachments)
                ann = await scene.seat("ann")
                await publisher.to(ann, "1", "2", "3")
                first = await a.poll(ann, most=1)
                second = await b.poll(ann, first.ack, most=1)
                assert texts_of(first) + texts_of(second) == ["1", "2"]
            await node.kill()
            assert await outcome(b.poll(ann)) == "unavailable"
            await node.start()
            # RabbitMQ writes an acknowledgement down within 200 ms: killed before, it gives the message again.
            assert (await read_when_back(b, ann))[-2:] == ["2", "3"]


async def read_when_back(pod: TestPod, participant: ParticipantId) -> list[str]:
    """What the first poll brings that brings anything; refusals before it say that it may be asked again."""
    async with asyncio.timeout(10):
        while True:
            try:
                batch = await pod.poll(participant, wait=1)
            except Refusal as refusal:
                assert refusal.problem.code == "unavailable"
                await asyncio.sleep(0.1)
                continue
            if batch.received:
                return texts_of(batch)
