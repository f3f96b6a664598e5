"""A bus whose far end is the test itself: it sees each command and says what the API gets for it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from api.dispatch.buses import Buses
from callplane.bus.event_ports import EventBus
from callplane.bus.hint_ports import HintBus
from callplane.bus.memory.broker import MemoryBroker
from callplane.bus.memory.bus import MemoryTopology
from callplane.bus.memory.dead_letters import MemoryDeadLetters
from callplane.bus.memory.mailboxes import MemoryMailboxes
from callplane.bus.ports import Listener, Messenger, Sender, TakenBy, Topology, Work
from callplane.bus.stream_ports import EventStream
from callplane.contracts.commands import Envelope
from callplane.contracts.errors import Refusal
from callplane.contracts.ids import ParticipantId, SessionId
from callplane.contracts.messages import Message
from callplane.contracts.replies import Reply

Far = Callable[[Envelope], Awaitable[BaseModel | None]]


async def silent(_: Envelope) -> None:
    """Nobody answers, for as long as anybody waits."""
    await asyncio.Event().wait()


@dataclass
class ScriptedBus:
    """Both sides of what the API uses; ``far`` answers, returns None for silence, or raises what the bus would."""

    far: Far = silent
    commands: list[Envelope] = field(default_factory=list)
    published: list[tuple[str, Message]] = field(default_factory=list)
    broker: MemoryBroker = field(default_factory=MemoryBroker)

    @property
    def dead_letters(self) -> MemoryDeadLetters:
        """What the test has put among ``broker.dead_letters``."""
        return MemoryDeadLetters(self.broker)

    @property
    def topology(self) -> Topology:
        """What is declared is declared on ``broker``."""
        return MemoryTopology(self.broker)

    @property
    def hints(self) -> HintBus:
        """Those of ``broker``."""
        return self.broker.hints

    @property
    def events(self) -> EventBus:
        """Those of ``broker``."""
        return self.broker.events

    @property
    def stream(self) -> EventStream:
        """That of ``broker``."""
        return self.broker.events.stream

    def up(self) -> bool:
        """Always."""
        return True

    async def wait_up(self, within: float) -> None:
        """Back at once."""

    def listener(self, work: Work) -> AbstractAsyncContextManager[Listener]:
        """No wrapper can be put on it."""
        raise AssertionError("commands go to `far`, not to a wrapper")

    @property
    def buses(self) -> Buses:
        """What the API is assembled on."""
        return Buses(self, MemoryMailboxes())

    @contextlib.asynccontextmanager
    async def sender(self) -> AsyncIterator[Sender]:
        """Sends commands."""
        yield self

    @property
    def messenger(self) -> Messenger:
        """Publishes messages."""
        return self

    async def send(self, envelope: Envelope, *, wait: float) -> Reply | None:
        """Hand the command to ``far``, through JSON as on a wire."""
        self.commands.append(Envelope.model_validate_json(envelope.model_dump_json()))
        try:
            async with asyncio.timeout(wait):
                result = await self.far(envelope)
        except TimeoutError:
            return None
        except Refusal as refusal:
            return Reply(command_id=envelope.id, problem=refusal.problem)
        shown: dict[str, Any] | None = None if result is None else result.model_dump(mode="json")
        return Reply(command_id=envelope.id, result=shown)

    async def post(self, envelope: Envelope) -> None:
        """As ``send``, without a reply."""
        self.commands.append(envelope)

    async def to_session(self, session_id: SessionId, messages: list[Message]) -> TakenBy:
        """Remember them."""
        self.published += [(session_id, message) for message in messages]
        return "all"

    async def to_participant(self, participant_id: ParticipantId, *messages: Message) -> bool:
        """Remember them."""
        self.published += [(participant_id, message) for message in messages]
        return True
