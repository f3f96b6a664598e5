"""Buses: what takes commands and messages, RabbitMQ for programs that scale or an in-process pair for one process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from callplane.bus.mailbox_ports import MailboxBus
from callplane.bus.ports import Bus
from callplane.bus.stream_ports import StreamBounds
from callplane.contracts.errors import Unavailable
from callplane.telemetry.logs import logger

BROKER_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Buses:
    """Commands and messages go by ``bus``, mailboxes are read from ``mailboxes``."""

    bus: Bus
    mailboxes: MailboxBus


@asynccontextmanager
async def rabbitmq(url: str, *, quorum: bool = False, stream: StreamBounds | None = None) -> AsyncIterator[Buses]:
    """Both on one RabbitMQ; one that is away makes writes 503 until it is there, and stops nothing else."""
    # Imported here: a process on the in-process bus does without the AMQP library.
    from callplane.bus.rabbitmq import RabbitSettings, open_bus
    from callplane.bus.rabbitmq.mailboxes import RabbitMailboxes

    async with open_bus(RabbitSettings(url, "api", quorum=quorum, stream=stream)) as bus:
        try:
            await bus.wait_up(BROKER_SECONDS)
        except Unavailable as away:
            logger("api").warning("starting without a broker", trouble=str(away))
        yield Buses(bus, RabbitMailboxes(url, "api"))
