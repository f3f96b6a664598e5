"""A broker that nobody reaches."""

import asyncio
import gc

import aio_pika

from callplane.bus.rabbitmq.connection import Timings, open_connection
from cli.machine.ports import free_port


async def test_attempts_that_failed_leave_nothing_to_be_closed_later() -> None:
    timings = Timings(first_pause=0.01, longest_pause=0.01)
    before = {id(one) for one in _connections()}
    async with open_connection(f"amqp://guest:guest@127.0.0.1:{free_port()}/", "tests", timings):
        await asyncio.sleep(0.2)
    # aio-pika's destructor closes what is open, in whatever thread collects it: there no loop may run.
    assert [one for one in _connections() if id(one) not in before and not one.is_closed] == []


def _connections() -> list[aio_pika.Connection]:
    # By type, for isinstance asks the object, and what a weak proxy stood for may be gone.
    return [one for one in gc.get_objects() if issubclass(type(one), aio_pika.Connection)]
