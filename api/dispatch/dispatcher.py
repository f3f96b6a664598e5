"""Command dispatcher: prepares commands, sends them, and explains what comes back or not (design 3.1, 3.2, 3.5)."""

import hashlib
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from api.dispatch.late_repeats import LateRepeats
from api.dispatch.reply_timeouts import ReplyTimeouts
from api.metrics import Metrics
from callplane.bus.ports import Sender, Unroutable
from callplane.contracts.command_queues import CommandQueues
from callplane.contracts.commands import Caller, CreateSession, Envelope
from callplane.contracts.errors import Refusal, Unavailable
from callplane.contracts.ids import CommandId, SessionId, derived_id, new_id, session_made_by
from callplane.contracts.model import Wire
from callplane.contracts.refusals.requests import key_reused, no_wrapper
from callplane.contracts.refusals.sessions import session_closed, session_not_found
from callplane.contracts.registry import Command
from callplane.contracts.replies import Reply
from callplane.store.idempotency_keys import IdempotencyKeys
from callplane.store.mongo.database import DatabaseClock
from callplane.store.sessions import Sessions
from callplane.telemetry.commands import about
from callplane.telemetry.logs import add_log_context, log_value
from callplane.telemetry.stages import stages
from callplane.telemetry.traces import traceparent

Result = TypeVar("Result", bound=Wire)
Result_co = TypeVar("Result_co", bound=Wire, covariant=True)

SENT_AGAIN_FOR = timedelta(minutes=10)
"""For so long wrappers are sure to know a repeat by its id; records are kept for a day."""


@dataclass(frozen=True, slots=True)
class CommandOrigin:
    """Who sends a command, from a request of when; ``scope`` names caller and route for ``key``."""

    caller: Caller
    scope: tuple[str, ...]
    arrived: datetime
    key: str | None = None

    def command_id(self) -> CommandId:
        """The same for every repeat under one Idempotency-Key, else a new one."""
        return CommandId(new_id() if self.key is None else derived_id("command", *self.scope, self.key))


@dataclass(frozen=True, slots=True)
class PreparedCommand(Generic[Result_co]):
    """A command that is ready to be sent; an old one, a repeat of long ago, is answered from the state instead."""

    envelope: Envelope
    result: type[Result_co]
    is_old: bool = False


@dataclass(frozen=True, slots=True)
class CommandDispatcher:
    """The one place from which commands leave."""

    sender: Sender
    sessions: Sessions
    idempotency_keys: IdempotencyKeys
    late_repeats: LateRepeats
    clock: DatabaseClock
    metrics: Metrics
    timeouts: ReplyTimeouts
    commands: CommandQueues = "per-session"
    """Where commands are published."""

    async def prepare(
        self, origin: CommandOrigin, session_id: SessionId | None, body: Command[Result]
    ) -> PreparedCommand[Result]:
        """Wrap a command; under an Idempotency-Key its record comes first. Raises Refusal ``key-reused`` and
        Unavailable.

        Its deadline counts from the request, whatever it waited for since: its client has not waited for less.
        """
        command_id, is_old = await self.claim_key(origin, body)
        now, deadline = self.clock.now(), origin.arrived + timedelta(seconds=self.timeouts.wait)
        if now >= deadline and not body.is_exit:
            raise Unavailable(f"nothing was sent of a request that is {self.timeouts.wait:g} s old")
        envelope = Envelope(
            id=command_id,
            session_id=session_id or session_made_by(command_id),
            caller=origin.caller,
            deadline=deadline,
            sent_at=now,
            request_id=log_value("request_id"),
            traceparent=traceparent(),
            commands=self.commands,
            body=body,
        )
        add_log_context(**about(envelope))  # from here on the request's lines are about the command, too
        return PreparedCommand(envelope, body.reply_type(), is_old)

    async def claim_key(self, origin: CommandOrigin, body: BaseModel) -> tuple[CommandId, bool]:
        """Its id and whether it is an old one, its key recorded. Raises Refusal ``key-reused`` and Unavailable."""
        command_id = origin.command_id()
        if origin.key is None:
            return command_id, False
        since = await self.idempotency_keys.enter(command_id, digest(body))
        if since is None:
            raise key_reused()
        return command_id, self.clock.now() - since >= SENT_AGAIN_FOR

    async def request(self, prepared: PreparedCommand[Result]) -> Result | None:
        """Send and wait; None when it was accepted but nobody answered in time. Raises Refusal and Unavailable."""
        if prepared.is_old:
            known = await self.late_repeats.reply(prepared.envelope)
            return None if known is None else prepared.result.model_validate(known.model_dump())
        envelope = prepared.envelope
        began = time.perf_counter()
        outcome = "failed"
        with stages() as spent:
            try:
                reply = await self._explained(envelope, self._patiently)
                outcome = "silent" if reply is None else "refused" if reply.problem else "done"
            except Refusal:
                outcome = "refused"
                raise
            finally:
                self.metrics.commanded(envelope.name, outcome, time.perf_counter() - began, spent)
        if reply is None:
            return None
        if reply.problem is not None:
            if reply.problem.code == "quota-exceeded":
                self.metrics.quota_exceeded(reply.problem.reason or "")
            raise Refusal.of(reply.problem)
        return prepared.result.model_validate(reply.result or {})

    async def publish(self, envelope: Envelope) -> None:
        """Send, and be content when the broker has it. Raises Refusal and Unavailable."""
        await self._explained(envelope, self.sender.post)

    async def publish_again(self, envelope: Envelope) -> None:
        """The same for what was sent long ago, as if it were sent now."""
        now = self.clock.now()
        deadline = now + timedelta(seconds=self.timeouts.wait)
        anew = {"deadline": deadline, "sent_at": now, "commands": self.commands}
        await self.publish(envelope.model_copy(update=anew))

    async def _patiently(self, envelope: Envelope) -> Reply | None:
        """Wait for the reply, less long once the program is draining."""
        return await self.timeouts.until_drained(self.sender.send(envelope, wait=self._left_of(envelope)))

    def _left_of(self, envelope: Envelope) -> float:
        left = (envelope.deadline - self.clock.now()).total_seconds()
        return min(self.timeouts.wait, max(0.0, left))  # the clock may be set meanwhile, the database's or our own

    async def _explained(self, envelope: Envelope, send: Callable[[Envelope], Awaitable[Any]]) -> Any:
        """Nobody has the queue: the store knows why (design 3.2), or that the session has none."""
        try:
            return await send(envelope)
        except Unroutable:
            if isinstance(envelope.body, CreateSession):
                raise no_wrapper() from None
            session = await self.sessions.find(envelope.session_id)
        if session is None:
            raise session_not_found()
        if session.status == "closed":
            raise session_closed(session.reason)
        if session.commands == "sharded" != envelope.commands:
            return await self._explained(envelope.model_copy(update={"commands": "sharded"}), send)
        raise Unavailable(f"nobody listens to the open session {session.id}")


def digest(body: BaseModel) -> str:
    """What tells a repeat from another request under the same key.

    Without the fields that have their defaults: one that the next version adds must not make its pods refuse the repeat
    of a request that began at this one's, while both serve.
    """
    text = json.dumps(body.model_dump(mode="json", exclude_defaults=True), sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
