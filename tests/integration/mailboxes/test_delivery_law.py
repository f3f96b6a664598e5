"""The law of delivery (design 8.6): two messages each, exactly once acknowledged, whichever pods are asked."""

from callplane.contracts.ids import ParticipantId
from callplane.store.attachments import Attachments
from callplane.store.mongo.database import open_database
from testkit.inprocess.mailboxes import S, rabbit_pod, rabbit_publisher
from testkit.servers.servers import Servers

ONE, TWO = ParticipantId("one"), ParticipantId("two")


async def test_each_reads_what_is_for_it_on_different_pods(servers: Servers) -> None:
    """Message 1 to the session, 2 to user 1, 3 to user 2."""
    url = servers.vhost.url
    async with (
        rabbit_publisher(url) as publisher,
        open_database(servers.database.url, servers.database.name) as database,
        rabbit_pod(url, database) as a,
        rabbit_pod(url, database) as b,
    ):
        for participant in (ONE, TWO):
            await publisher.open(participant)
            await Attachments(database).open(S, participant)
        await publisher.to_all("1")
        await publisher.to(ONE, "2")
        await publisher.to(TWO, "3")
        assert await a.read(ONE, 2) == ["1", "2"]
        assert await b.read(TWO, 2) == ["1", "3"]
        assert (await b.poll(ONE, wait=0)).received == ()
        assert (await a.poll(TWO, wait=0)).received == ()
        assert await publisher.waiting(ONE) == 0
