"""The bench of messages on real programs: every door of every engine, and the broker's own fan-out, lose nothing."""

import pytest

from bench.messages.doors import DOORS
from bench.messages.stage import Cast, fanout, programs
from testkit.servers.servers import Servers

PEOPLE = 3


@pytest.mark.long
@pytest.mark.parametrize("engine", ["queues", "log"])
async def test_every_door_of_the_programs(servers: Servers, engine: str) -> None:
    async with programs(servers, engine, Cast(frames=True)) as stage:
        for door in DOORS:
            await stage.ask("rooms", count=1, people=PEOPLE)
            await stage.ask("open", name=door)
        measured = await stage.measure("paced", rate=5, seconds=1)
        figures = measured.figures
        assert (figures["accepted"], figures["delivered"], figures["lost"]) == (20, 20 * PEOPLE, 0)
        assert (figures["doubled"], figures["disordered"], figures["strays"], figures["codes"]) == (0, 0, 0, {})
        assert set(measured.costs) == {"api", "wrapper", "rabbitmq", "mongod", "crowd"}
        assert measured.micros("api", 1) > 0
        seen = await stage.ask("changes", rate=10, seconds=1)
        assert (seen["accepted"], seen["delivered"], seen["lost"]) == (10, 10 * PEOPLE, 0)
        assert seen["version_gaps"] == 0


@pytest.mark.long
@pytest.mark.parametrize("raw", [False, True], ids=["aio-pika", "frames"])
async def test_the_fan_out_of_the_broker(servers: Servers, raw: bool) -> None:
    async with fanout(servers, raw, Cast()) as stage:
        await stage.ask("rooms", count=1, people=PEOPLE)
        await stage.ask("open", name="AMQP")
        figures = await stage.ask("flood", in_flight=4, seconds=0.2)
        assert figures["accepted"] > 4
        assert (figures["delivered"], figures["lost"]) == (PEOPLE * figures["accepted"], 0)
        assert figures["disordered"] == 0
