"""Wrappers in the test's own process on real servers, asked over the real bus: commands without HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import aio_pika
from aiortc import RTCConfiguration, RTCPeerConnection

from callplane.bus.ports import Sender
from callplane.bus.rabbitmq import RabbitSettings, open_bus
from callplane.contracts.command_queues import CommandQueues
from callplane.contracts.commands import Caller, CreateSession, Envelope, Join, Publish, Subscribe
from callplane.contracts.errors import Unavailable
from callplane.contracts.ids import CommandId, ParticipantId, SessionId, new_id, session_made_by
from callplane.contracts.registry import AnyCommand
from callplane.contracts.replies import Reply
from testkit.inprocess.repositories import Repositories, repositories
from testkit.servers.programs import Cluster, Size, cluster
from testkit.servers.servers import Servers
from testkit.servers.until import until
from wrapper.__main__ import of_broker
from wrapper.app import Program, assemble
from wrapper.settings import WrapperSettings

CALLER = Caller(kind="key", name="tests")
REPLY_SECONDS = 20.0


@dataclass
class RunningWrappers:
    """Some wrappers, what they write to, and a way to ask them."""

    servers: Servers
    store: Repositories
    programs: list[Program]
    sender: Sender
    machines: Cluster
    stacks: list[AsyncExitStack] = field(default_factory=list)
    commands: CommandQueues = "per-session"
    """Where commands are published, and what wrappers are told."""

    async def ask(
        self,
        body: AnyCommand,
        session: SessionId | None = None,
        id_: CommandId | None = None,
        caller: Caller = CALLER,
    ) -> Reply:
        """Send one command, with an id of its own or a given one, and wait for its reply."""
        envelope = self._envelope(body, session, id_ or CommandId(new_id())).model_copy(update={"caller": caller})
        reply = await self._reply(envelope)
        assert reply is not None, f"{envelope.name}: nobody answered"
        return reply

    async def _reply(self, envelope: Envelope) -> Reply | None:
        """What a busy broker does not take in time is sent again under the same id, as clients do."""
        loop = asyncio.get_running_loop()
        until = loop.time() + REPLY_SECONDS
        while True:
            try:
                return await self.sender.send(envelope, wait=REPLY_SECONDS)
            except Unavailable:
                if loop.time() >= until:
                    raise
                await asyncio.sleep(0.1)

    async def post(self, body: AnyCommand, session: SessionId) -> None:
        """Send one command, and wait for nothing."""
        await self.sender.post(self._envelope(body, session, CommandId(new_id())))

    def _envelope(self, body: AnyCommand, session: SessionId | None, command: CommandId) -> Envelope:
        return Envelope(
            id=command,
            session_id=session or session_made_by(command),
            caller=CALLER,
            deadline=self.store.clock.now() + timedelta(seconds=REPLY_SECONDS),
            commands=self.commands,
            body=body,
        )

    async def done(
        self, body: AnyCommand, session: SessionId | None = None, id_: CommandId | None = None
    ) -> dict[str, Any]:
        """The result of a command that must succeed."""
        reply = await self.ask(body, session, id_)
        assert reply.problem is None, reply.problem
        return reply.result or {}

    async def session(self, **fields: Any) -> SessionId:
        """A new session's id."""
        made = await self.done(CreateSession.model_validate(fields))
        return SessionId(made["session"]["id"])

    async def seat(self, session: SessionId, **fields: Any) -> ParticipantId:
        """A new participant's id."""
        joined = await self.done(Join.model_validate(fields), session)
        return ParticipantId(joined["participant"]["id"])

    async def publish(
        self, session: SessionId, participant: ParticipantId, id_: CommandId | None = None
    ) -> dict[str, Any]:
        """Offer to send; the connection."""
        body = Publish(participant_id=participant, sdp_offer=await offer("sendonly"))
        connection: dict[str, Any] = (await self.done(body, session, id_))["connection"]
        return connection

    async def subscribe(
        self, session: SessionId, participant: ParticipantId, publisher: ParticipantId
    ) -> dict[str, Any]:
        """Offer to receive; the connection."""
        body = Subscribe(participant_id=participant, publisher=publisher, sdp_offer=await offer("recvonly"))
        connection: dict[str, Any] = (await self.done(body, session))["connection"]
        return connection

    async def settled(self, session: SessionId) -> None:
        """Wait until nothing is owed of it: what a command owes, events as well, is done after its reply."""

        async def nothing_owed() -> bool:
            for program in self.programs:
                await program.context.follow_ups.finish(10)
            found = await self.store.sessions.find(session)
            return found is not None and not found.chores and not found.outbox

        await until(nothing_owed)

    async def mailbox(self, participant: ParticipantId) -> list[dict[str, Any]]:
        """Everything in a mailbox, taken out."""
        found: list[dict[str, Any]] = []
        async with await aio_pika.connect(self.servers.vhost.url) as connection, connection.channel() as channel:
            queue = await channel.get_queue(f"user.{participant}")
            while (message := await queue.get(no_ack=True, fail=False)) is not None:
                found.append(json.loads(message.body))
        return found

    async def cordon(self, on: bool) -> None:
        """Let nothing more be placed on any media server, or let it again."""
        for server in await self.store.servers.all():
            await self.store.database["media_servers"].update_one({"_id": server.name}, {"$set": {"cordoned": on}})

    def media(self, n: int = 0) -> str:
        """The address of a media server."""
        return self.machines.media_servers[n].url

    async def start(self, **settings: Any) -> Program:
        """One more wrapper."""
        stack = AsyncExitStack()
        usual: dict[str, Any] = {
            "amqp_url": self.servers.vhost.url,
            "mongo_url": self.servers.database.url,
            "mongo_database": self.servers.database.name,
            "kms_urls": ",".join(m.url for m in self.machines.media_servers),
            "connect_seconds": 900,  # nobody connects to most of what is offered here
            "commands": self.commands,
        }
        made = WrapperSettings(**(usual | settings))
        bus = await stack.enter_async_context(open_bus(of_broker(made)))
        await bus.wait_up(10)
        program = await stack.enter_async_context(assemble(made, bus=bus))
        async with asyncio.timeout(10):
            await program.session_queues.ready.wait()
        self.programs.append(program)
        self.stacks.append(stack)
        return program

    async def stop(self, n: int) -> None:
        """End one wrapper in peace."""
        await self.stacks.pop(n).aclose()
        self.programs.pop(n)


@asynccontextmanager
async def running_wrappers(
    servers: Servers,
    wrappers: int = 2,
    media_servers: int = 1,
    media_arguments: tuple[str, ...] = (),
    **settings: Any,
) -> AsyncIterator[RunningWrappers]:
    """Wrappers in this process; media servers as processes."""
    async with (
        cluster(servers, Size(0, 0, media_servers, media_arguments)) as machines,
        repositories(servers.database) as store,
        open_bus(RabbitSettings(servers.vhost.url, "tests")) as bus,
        bus.sender() as sender,
    ):
        commands: CommandQueues = settings.pop("commands", "per-session")
        made = RunningWrappers(servers, store, [], sender, machines, commands=commands)
        try:
            for _ in range(wrappers):
                await made.start(**settings)
            await until_up(store, media_servers if wrappers else 0)
            yield made
        finally:
            while made.stacks:
                await made.stop(0)


async def until_up(store: Repositories, servers: int) -> None:
    """Wait until so many media servers are up."""

    async def up() -> bool:
        return sum(server.state == "up" for server in await store.servers.all()) >= servers

    await until(up)


async def offer(direction: str) -> str:
    """A browser-like offer of audio and video; nobody answers at its address.

    Made to its end though its caller is cancelled: gathering that is cut off leaves its sockets open, which the test
    that comes next is charged with.
    """
    return await asyncio.shield(_offer(direction))


async def _offer(direction: str) -> str:
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    for kind in ("audio", "video"):
        peer.addTransceiver(kind, direction=direction)
    await peer.setLocalDescription(await peer.createOffer())
    sdp: str = peer.localDescription.sdp
    await peer.close()
    return sdp
