"""What waits on a link hears of its end as an end, whatever the AMQP library makes of it."""

import asyncio

import pytest

from api.mailboxes.link_tasks import link_tasks
from callplane.bus.mailbox_ports import LinkLost
from callplane.bus.rabbitmq.mailboxes import RabbitMailboxes
from callplane.contracts.errors import Unavailable
from callplane.contracts.ids import ParticipantId
from testkit.servers.proxy import proxies
from testkit.servers.servers import Vhost

ANN = ParticipantId("ann")


async def test_a_letter_on_a_silent_link_ends_with_it(vhost: Vhost) -> None:
    """aiormq rejects what is pending with CancelledError when its connection is closed: nobody was cancelled."""
    async with proxies() as open_proxy, asyncio.TaskGroup() as group:
        link = await open_proxy(vhost.node.port)
        url = vhost.url.replace(str(vhost.node.port), str(link.port))
        async with RabbitMailboxes(url).connect(lambda _: None) as mailboxes:
            link.silence()
            waiting = [
                group.create_task(_outcome(mailboxes.post(mailboxes.queue, b"letter"))),
                group.create_task(_outcome(mailboxes.depth(ANN))),
            ]
            await asyncio.sleep(0.1)
            mailboxes.end("the test says so")
        link.heal()
    assert [type(task.result()) for task in waiting] == [LinkLost, LinkLost]


async def test_no_link_is_made_over_a_silent_connection(vhost: Vhost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callplane.bus.rabbitmq.mailboxes.CONNECT_WITHIN", 0.5)
    async with proxies() as open_proxy:
        link = await open_proxy(vhost.node.port)
        link.silence()
        with pytest.raises(Unavailable):
            async with RabbitMailboxes(vhost.url.replace(str(vhost.node.port), str(link.port))).connect(lambda _: None):
                raise AssertionError


async def test_work_that_never_began_ends_with_its_link() -> None:
    """A task that is cancelled before its first step raises nothing into what waits for its result."""

    async def never() -> None:
        raise AssertionError

    async with asyncio.timeout(2), link_tasks(lambda _: None) as tasks:
        waiting = asyncio.ensure_future(_outcome(tasks.shielded(never)))
        await asyncio.sleep(0)  # It has started the work, which has not had its turn yet.
        tasks.cancel()
        assert type(await waiting) is LinkLost


async def _outcome(work: object) -> BaseException | None:
    try:
        await work  # type: ignore[misc]
    except (Exception, asyncio.CancelledError) as failure:
        return failure
    return None
