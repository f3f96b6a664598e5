"""Outcome policy: the one place that decides on reply, retry, return or dead letter, and then acks (design 3.4)."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable

from pydantic import BaseModel, ValidationError

from callplane.bus.consuming.delivery import ATTEMPTS, RawDelivery, Settlement
from callplane.bus.names import is_shard
from callplane.bus.ports import Delivery, Work
from callplane.contracts.commands import Envelope
from callplane.contracts.errors import Busy, Code, Elsewhere, NodeDown, Problem, Refusal, Trouble, Unavailable
from callplane.contracts.refusals.requests import broker_node_down
from callplane.contracts.replies import Answer
from callplane.telemetry.failures import leaves
from callplane.telemetry.logs import logger

log = logger("bus")

PauseIfUnhealthy = Callable[[], Awaitable[bool]]
"""Asks whether commands can be run at all; if not, stops all consuming until they can, and says so (True).

Back when nothing more can arrive.
"""


class OutcomePolicy:
    """Runs the handler on a delivery and acts on the outcome; no exception of a handler passes it."""

    def __init__(
        self, settlement: Settlement, work: Work, pause_if_unhealthy: PauseIfUnhealthy, attempt_limit: float
    ) -> None:
        self._settlement = settlement
        self._handler = work.handler
        self._abandon = work.abandon
        self._finished = work.finished
        self._watch = work.watch
        self._pause_if_unhealthy = pause_if_unhealthy
        self._attempt_limit = attempt_limit

    async def settle(self, received: RawDelivery) -> None:
        """Handle one delivery to its end."""
        if received.reason is not None:
            # Answered, counted and logged when it was decided.
            await self._settlement.dead_letter(received, received.reason)
            await self._settlement.ack(received)
        elif received.redelivered and received.attempt < ATTEMPTS:
            self._watch.again("redelivered")
            await self._republish(received, received.attempt + 1, later=False)
        elif (envelope := _decoded(received)) is None:
            await self._dead_letter(received, "unreadable", "internal")
        elif received.redelivered or received.attempt > ATTEMPTS:
            await self._settle_interrupted(received, envelope)
        else:
            with self._watch.handling(envelope):
                await self._handle(received, envelope)

    async def give_back(self, received: RawDelivery) -> None:
        """Return a delivery that was not finished: published again under the same count, then acked.

        One that is marked redelivered was somebody's attempt before it was ours: that one counts.
        """
        self._watch.again("returned")
        await self._republish(received, received.attempt + int(received.redelivered), later=False)

    async def _handle(self, received: RawDelivery, envelope: Envelope) -> None:
        try:
            reply = await self._watch.attempt(envelope, received.attempt, self._attempt(envelope, received))
        except Refusal as refusal:
            await self._answer(received, Answer(command_id=envelope.id, problem=refusal.problem))
        except Elsewhere as elsewhere:
            self._watch.again("elsewhere")
            await self._settlement.pass_on(received, elsewhere.server)
            await self._settlement.ack(received)
        except Busy:
            self._watch.again("busy")
            await self._republish(received, received.attempt, later=True)
        except Unavailable as away:
            await self._return(received, away)
        except NodeDown as down:
            # Not tried again: it may last, and nothing is wrong with the command.
            log.warning("command needs a node that is down", command_id=received.command_id, why=str(down)[:200])
            problem = broker_node_down().problem
            await self._answer(received, Answer(command_id=envelope.id, problem=problem))
        except Trouble as trouble:
            log.warning("command in trouble", trouble=str(trouble)[:200], attempt=received.attempt)
            if received.attempt < ATTEMPTS:
                self._watch.again("trouble")
                await self._republish(received, received.attempt + 1, later=True)
            else:
                await self._give_up(received, envelope, f"attempts: {trouble}", "unavailable")
        except Exception as bug:
            # Types and frames only: the text of an exception may quote what the caller sent.
            frames = "".join(traceback.format_tb(bug.__traceback__))
            log.error("command failed by a bug", bug=type(bug).__name__, frames=frames)
            await self._give_up(received, envelope, f"bug: {type(bug).__name__}", "internal")
        else:
            await self._answer(received, reply)

    async def _attempt(self, envelope: Envelope, received: RawDelivery) -> Answer:
        attempt = received.attempt
        delivery = Delivery(envelope, attempt, last=attempt >= ATTEMPTS, shared=is_shard(received.queue))
        try:
            async with asyncio.timeout(self._attempt_limit) as limit:
                result = await self._handler(delivery)
        except TimeoutError:
            if limit.expired():
                raise Trouble(f"the attempt took longer than {self._attempt_limit:g} s") from None
            raise
        except ExceptionGroup as group:
            raise _gravest(group) from group
        except asyncio.CancelledError:
            # Somebody cancelled what the handler waited for, a lost connection mostly; nobody cancelled the handler.
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            raise Trouble("something that the attempt waited for was cancelled") from None
        return _reply(envelope, result)

    async def _answer(self, received: RawDelivery, reply: Answer) -> None:
        await self._settlement.reply(received, reply)
        await self._settlement.ack(received)

    async def _republish(self, received: RawDelivery, attempt: int, *, later: bool) -> None:
        await self._settlement.republish(received, attempt, later=later)
        await self._settlement.ack(received)

    async def _return(self, received: RawDelivery, away: Unavailable) -> None:
        # One late answer is no reason: to stop and begin again with every queue costs more, the more there are, and
        # makes the others late. Paused before it is given back: else the same wrapper would have it again at once.
        paused = await self._pause_if_unhealthy()
        log.warning("command given back", command_id=received.command_id, away=str(away)[:200], paused=paused)
        if paused:
            await self.give_back(received)
        else:
            self._watch.again("away")
            await self._republish(received, received.attempt + int(received.redelivered), later=True)

    async def _settle_interrupted(self, received: RawDelivery, envelope: Envelope) -> None:
        """Whoever had the last attempt is gone: with the work undone, or with nothing but the ack."""
        result = None
        try:
            async with asyncio.timeout(self._attempt_limit):
                result = await self._finished(envelope)
        except Unavailable as away:
            await self._return(received, away)
            return
        except Exception as error:
            log.error("not known whether it was done", command_id=envelope.id, error=type(error).__name__)
        if result is None:
            await self._give_up(received, envelope, "attempts: a consumer died in the last", "unavailable")
        else:
            await self._answer(received, _reply(envelope, result))

    async def _give_up(self, received: RawDelivery, envelope: Envelope, reason: str, code: Code) -> None:
        try:
            async with asyncio.timeout(self._attempt_limit):
                await self._abandon(envelope)
        except Unavailable as away:
            await self._return(received, away)
            return
        except Exception as error:
            # Buried all the same: what it had begun is found by the sweeps, a command that never ends blocks a session.
            log.error("command not abandoned", command_id=envelope.id, error=type(error).__name__)
        await self._dead_letter(received, reason, code)

    async def _dead_letter(self, received: RawDelivery, reason: str, code: Code) -> None:
        log.error("command buried", command_id=received.command_id, queue=received.queue, reason=reason[:200])
        self._watch.buried(reason)
        await self._settlement.dead_letter(received, reason[:200])
        problem = Problem(code=code, retry_after=1 if code == "unavailable" else None)
        await self._answer(received, Answer(command_id=received.command_id, problem=problem))


def _reply(envelope: Envelope, result: BaseModel) -> Answer:
    return Answer(command_id=envelope.id, result=result)


def _decoded(received: RawDelivery) -> Envelope | None:
    try:
        return Envelope.model_validate_json(received.body)
    except ValidationError as error:
        # Places only: the error's own text quotes the body, which may hold SDP and metadata.
        places = [".".join(map(str, problem["loc"])) for problem in error.errors(include_input=False)][:5]
        log.error("command unreadable", command_id=received.command_id, queue=received.queue, places=places)
        return None


def _gravest(group: ExceptionGroup[Exception]) -> Exception:
    """What a handler means that ran tasks in a group: the gravest of what they said, or a bug if there was one."""
    _, bugs = group.split((Refusal, Busy, Trouble, Unavailable))
    if bugs is not None:
        return bugs
    for kind in (Unavailable, NodeDown, Trouble, Busy, Refusal):
        for said in leaves(group):
            if isinstance(said, kind):
                return said
    return group
