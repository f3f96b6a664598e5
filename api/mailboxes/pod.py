"""Pod: its present link with everything on it, made again whenever it ends, and the lease that says it lives."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from api.mailboxes.holder import Holder, HolderServices
from api.mailboxes.incoming import IncomingPolls
from api.mailboxes.interrupted import InterruptedMailboxes
from api.mailboxes.link_tasks import Tasks, link_tasks
from api.mailboxes.lost_bindings import Published, nothing_published
from api.mailboxes.outgoing import OutgoingPolls
from api.mailboxes.pod_messages import ParkedPolls, PollCancelled, PollRelease, PollRequest, UnknownPolls, decode
from api.mailboxes.poll import NotHeld
from api.mailboxes.timing import Timing
from callplane.bus.mailbox_ports import LinkLost, MailboxBus, MailboxLink
from callplane.concurrency import for_each, pause_unless, single_exception
from callplane.contracts.errors import Trouble, Unavailable
from callplane.contracts.ids import new_id
from callplane.contracts.refusals.mailboxes import broker_silent, database_silent, server_stopping
from callplane.store.attachments import Attachments
from callplane.store.leases import PodLeases, PodSaid
from callplane.store.mongo.database import DatabaseClock
from callplane.telemetry.logs import logger

DRAIN_WITHIN = 1.0


@dataclass(frozen=True, slots=True)
class MailboxServices:
    """What the mailboxes share with the rest of the program."""

    bus: MailboxBus
    attachments: Attachments
    pods: PodLeases
    clock: DatabaseClock
    timing: Timing = field(default_factory=Timing)
    published: Published = nothing_published
    watch: Callable[[Callable[[], "Counts"]], None] = lambda _: None
    """Is given what tells the pod's counts, for whoever wants to know them."""
    said: Callable[[], PodSaid] = PodSaid
    """What the lease says of this pod besides."""
    failed: Callable[[str], None] = lambda _: None
    """Is told of each loop that met what it did not expect, and is begun again."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What is held and waited for on the present link, and what happened on it."""

    held: int = 0
    parked: int = 0
    forwarding: int = 0
    taken_over: int = 0
    forwarded: int = 0
    unreadable: int = 0


class LinkSession:
    """What lives on one link: the mailboxes held there, and the polls that go out and come in over it."""

    def __init__(
        self, link: MailboxLink, services: MailboxServices, tasks: Tasks, interrupted: InterruptedMailboxes
    ) -> None:
        self.link = link
        self.tasks = tasks
        self.holder = Holder(link, HolderServices(services.attachments, services.clock.now, tasks, interrupted))
        self.outgoing = OutgoingPolls(link, services.timing, tasks)
        self.incoming = IncomingPolls(self.holder, services.timing, tasks)

    def receive(self, text: bytes) -> None:
        """One message of another pod."""
        decoded = decode(text)
        if decoded is None:
            logger("mailboxes").warning("a letter that nobody understands", size=len(text))
            return
        message, bodies = decoded
        match message:
            case PollRequest():
                self.incoming.receive_request(message)
            case PollCancelled():
                self.incoming.receive_cancelled(message)
            case PollRelease():
                self.incoming.receive_release(message)
            case ParkedPolls():
                self.incoming.receive_parked_polls(message)
            case UnknownPolls():
                self.outgoing.receive_unknown_polls(message)
            case _:
                self.outgoing.receive(message, bodies)

    def fail(self, why: Callable[[], Exception]) -> None:
        """End every poll that waits here or, for this pod, elsewhere."""
        self.holder.fail(why)
        self.outgoing.fail(why)


class Pod:
    """Keeps one link session at a time, and the lease that names its link."""

    def __init__(self, services: MailboxServices) -> None:
        self.name = new_id()
        self._services = services
        self.link_session: LinkSession | None = None
        """What is on the present link; None while there is none."""
        self.interrupted = InterruptedMailboxes()
        """What the broker took away or did not reach: kept here, for it outlives links."""
        self._changed = asyncio.Condition()
        """Told of each new link session, and of the drain."""
        self._stopping = asyncio.Event()
        """Set by the drain, for good."""
        self.renewed_at = asyncio.get_running_loop().time()
        """The loop time at which the last renewal of the lease that came through was begun."""
        self._lapsed = False
        """Whether the lease was over since it was renewed last: sweeps may have called seats detached."""
        services.watch(self.counts)

    def counts(self) -> Counts:
        """Of the present link; a new one begins at nothing."""
        if self.link_session is None:
            return Counts()
        holder, outgoing = self.link_session.holder, self.link_session.outgoing
        held = holder.mailboxes()
        parked = sum(mailbox.attachment.has_poll for mailbox in held)
        return Counts(
            len(held), parked, len(outgoing), holder.taken_over, outgoing.forwarded, self.link_session.tasks.unreadable
        )

    async def require_link_session(self) -> LinkSession:
        """The present one, waited for a little. Raises Refusal when this pod can answer no polls now."""
        if self._stopping.is_set():
            raise server_stopping()
        if self.lapsed:
            raise database_silent()
        if self.link_session is None or self.link_session.link.ended.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(self._services.timing.silence), self._changed:
                    await self._changed.wait_for(self._is_linked)
        if self.link_session is None or self._stopping.is_set():
            raise broker_silent()
        return self.link_session

    def _is_linked(self) -> bool:
        return self._stopping.is_set() or (self.link_session is not None and not self.link_session.link.ended.is_set())

    @property
    def lapsed(self) -> bool:
        """Whether the lease is over, so that sweeps may call this pod's seats detached."""
        return asyncio.get_running_loop().time() - self.renewed_at >= self._services.timing.lease

    async def keep_linked(self) -> None:
        """Make a link, live on it until it ends, and again, until the pod drains."""
        while not self._stopping.is_set():
            try:
                with single_exception():
                    await self._live()
            except (Unavailable, Trouble) as trouble:
                logger("mailboxes").warning("no link", trouble=str(trouble))
                await pause_unless(self._stopping, self._services.timing.reconnect)

    async def _live(self) -> None:
        heard: list[LinkSession] = []
        async with (
            self._services.bus.connect(lambda text: heard[0].receive(text) if heard else None) as link,
            link_tasks(link.end) as tasks,
        ):
            session = LinkSession(link, self._services, tasks, self.interrupted)
            heard.append(session)
            try:
                await self._begin(session)
                await link.ended.wait()
            finally:
                self.link_session = None
                session.holder.end()
                session.outgoing.fail(NotHeld)

    async def _begin(self, session: LinkSession) -> None:
        """Have the lease name the link before anything is held by it."""
        await self._renew(session.link.queue)
        await self._services.pods.delete_expired()
        async with self._changed:
            self.link_session = session
            self._changed.notify_all()
        if self._stopping.is_set():  # The drain came while this link was being made, and saw no link session to end.
            session.link.end("drained")

    async def beat(self) -> None:
        """Each second: renew the lease."""
        while not await pause_unless(self._stopping, self._services.timing.beat):
            session = self.link_session
            try:
                await self._renew(session.link.queue if session else None)
            except (Unavailable, Trouble) as trouble:
                logger("mailboxes").warning("the lease was not renewed", trouble=str(trouble))

    async def _renew(self, holder: str | None) -> None:
        started = asyncio.get_running_loop().time()
        await self._services.pods.renew(self.name, holder, self._services.said())
        await self._services.clock.sync()
        was_lapsed = self._lapsed or self.lapsed
        self.renewed_at = started
        self._lapsed = False
        if was_lapsed and self.link_session is not None:
            self.link_session.holder.mark_uncertain()

    async def look_after(self) -> None:
        """Each second, beside the lease that must not wait for it: see who is away and who does not read."""
        timing = self._services.timing
        while not await pause_unless(self._stopping, timing.beat):
            if self.link_session is not None:
                with suppress(Unavailable, Trouble):
                    await self.link_session.holder.look_after(timing.away, timing.unread)

    async def compare(self) -> None:
        """Now and then: see that every mailbox is told what its session publishes."""
        while not await pause_unless(self._stopping, self._services.timing.compare):
            if self.link_session is not None:
                with suppress(Unavailable, LinkLost):
                    await self.link_session.holder.compare(self._services.published)

    async def name_parked_polls(self) -> None:
        """Each second, without the database: name the polls that wait elsewhere, drop the unnamed ones.

        And end them all when the lease is over, which ``beat`` may learn only later, as it waits for the database.
        """
        while not await pause_unless(self._stopping, self._services.timing.roll):
            session = self.link_session
            if session is None:
                continue
            session.incoming.drop_unnamed()
            await session.outgoing.name_parked()
            if self.lapsed:
                self._lapsed = True
                session.fail(database_silent)

    async def drain(self) -> None:
        """Answer every parked poll with what is there, then end the link, so that others take over in order."""
        async with self._changed:
            self._stopping.set()
            self._changed.notify_all()
        session = self.link_session
        if session is not None:
            session.holder.release()
            with suppress(TimeoutError):
                async with asyncio.timeout(DRAIN_WITHIN):
                    await for_each(lambda act: act(), (session.incoming.drain, session.outgoing.release))
            session.outgoing.answer_empty()
            session.link.end("drained")

    async def release(self) -> None:
        """Give the lease back."""
        with suppress(Unavailable, Trouble):
            await self._services.pods.release(self.name)
