"""This pod's present link with everything on it, made again whenever it ends, and the pod's lease."""

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
from callplane.concurrency import pause_unless, single_exception
from callplane.contracts.errors import Trouble, Unavailable
from callplane.contracts.ids import new_id
from callplane.contracts.refusals.mailboxes import broker_silent, database_silent, server_stopping
from callplane.store.attachments import Attachments
from callplane.store.leases import PodLeases
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
    """One link's holder, forwards and serving."""

    def __init__(
        self, link: MailboxLink, shared: MailboxServices, tasks: Tasks, interrupted: InterruptedMailboxes
    ) -> None:
        self.link = link
        self.tasks = tasks
        self.holder = Holder(link, HolderServices(shared.attachments, shared.clock.now, tasks, interrupted))
        self.forwards = OutgoingPolls(link, shared.timing, tasks)
        self.serving = IncomingPolls(self.holder, shared.timing, tasks)

    def hear(self, text: bytes) -> None:
        """One letter of another pod."""
        decoded = decode(text)
        if decoded is None:
            logger("mailboxes").warning("a letter that nobody understands", size=len(text))
            return
        letter, bodies = decoded
        match letter:
            case PollRequest():
                self.serving.hear_ask(letter)
            case PollCancelled():
                self.serving.hear_left(letter)
            case PollRelease():
                self.serving.hear_release(letter)
            case ParkedPolls():
                self.serving.hear_roll(letter)
            case UnknownPolls():
                self.forwards.hear_strangers(letter)
            case _:
                self.forwards.hear(letter, bodies)

    def fail(self, why: Callable[[], Exception]) -> None:
        """End every poll that waits here or, for this pod, elsewhere."""
        self.holder.fail(why)
        self.forwards.fail(why)


class Pod:
    """Keeps one station, and says where it is."""

    def __init__(self, shared: MailboxServices) -> None:
        self.name = new_id()
        self._shared = shared
        self._station: LinkSession | None = None
        self._interrupted = InterruptedMailboxes()
        self._changed = asyncio.Condition()
        self._stopping = asyncio.Event()
        self._renewed = asyncio.get_running_loop().time()
        self._lapsed = False
        shared.watch(self.counts)

    def counts(self) -> Counts:
        """Of the present link; a new one begins at nothing."""
        if self._station is None:
            return Counts()
        holder, forwards = self._station.holder, self._station.forwards
        held = holder.mailboxes()
        parked = sum(mailbox.presence.has_poll for mailbox in held)
        return Counts(
            len(held), parked, len(forwards), holder.taken_over, forwards.asked, self._station.tasks.unreadable
        )

    async def station(self) -> LinkSession:
        """The present one, waited for a little. Raises Refusal when this pod can answer no polls now."""
        if self._stopping.is_set():
            raise server_stopping()
        if self.lapsed:
            raise database_silent()
        if self._station is None or self._station.link.ended.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(self._shared.timing.silence), self._changed:
                    await self._changed.wait_for(self._is_linked)
        if self._station is None or self._stopping.is_set():
            raise broker_silent()
        return self._station

    def _is_linked(self) -> bool:
        return self._stopping.is_set() or (self._station is not None and not self._station.link.ended.is_set())

    @property
    def lapsed(self) -> bool:
        """Whether the lease is over, so that sweeps may call this pod's seats detached."""
        return asyncio.get_running_loop().time() - self._renewed >= self._shared.timing.lease

    async def keep_linked(self) -> None:
        """Make a link, live on it until it ends, and again, until the pod drains."""
        while not self._stopping.is_set():
            try:
                with single_exception():
                    await self._live()
            except (Unavailable, Trouble) as trouble:
                logger("mailboxes").warning("no link", trouble=str(trouble))
                await pause_unless(self._stopping, self._shared.timing.reconnect)

    async def _live(self) -> None:
        heard: list[LinkSession] = []
        async with (
            self._shared.bus.connect(lambda text: heard[0].hear(text) if heard else None) as link,
            link_tasks(link.end) as tasks,
        ):
            station = LinkSession(link, self._shared, tasks, self._interrupted)
            heard.append(station)
            try:
                await self._stand_at(station)
                await link.ended.wait()
            finally:
                self._station = None
                station.holder.end()
                station.forwards.fail(NotHeld)

    async def _stand_at(self, station: LinkSession) -> None:
        """Have the lease name the link before anything is held by it."""
        await self._renew(station.link.queue)
        await self._shared.pods.delete_expired()
        async with self._changed:
            self._station = station
            self._changed.notify_all()
        if self._stopping.is_set():  # The drain came while this link was being made, and saw no station to end.
            station.link.end("drained")

    async def beat(self) -> None:
        """Each second: renew the lease."""
        while not await pause_unless(self._stopping, self._shared.timing.beat):
            station = self._station
            try:
                await self._renew(station.link.queue if station else None)
            except (Unavailable, Trouble) as trouble:
                logger("mailboxes").warning("the lease was not renewed", trouble=str(trouble))

    async def _renew(self, holder: str | None) -> None:
        started = asyncio.get_running_loop().time()
        await self._shared.pods.renew(self.name, holder)
        await self._shared.clock.sync()
        was_lapsed = self._lapsed or self.lapsed
        self._renewed = started
        self._lapsed = False
        if was_lapsed and self._station is not None:
            self._station.holder.doubt()

    async def look_after(self) -> None:
        """Each second, beside the lease that must not wait for it: see who is away and who does not read."""
        timing = self._shared.timing
        while not await pause_unless(self._stopping, timing.beat):
            if self._station is not None:
                with suppress(Unavailable, Trouble):
                    await self._station.holder.look_after(timing.away, timing.unread)

    async def compare(self) -> None:
        """Now and then: see that every mailbox is told what its session publishes."""
        while not await pause_unless(self._stopping, self._shared.timing.compare):
            if self._station is not None:
                with suppress(Unavailable, LinkLost):
                    await self._station.holder.compare(self._shared.published)

    async def call_rolls(self) -> None:
        """Each second, without the database: name the polls that wait elsewhere, drop the unnamed ones.

        And end them all when the lease is over, which ``beat`` may learn only later, as it waits for the database.
        """
        while not await pause_unless(self._stopping, self._shared.timing.roll):
            station = self._station
            if station is None:
                continue
            station.serving.drop_unnamed()
            await station.forwards.call_roll()
            if self.lapsed:
                self._lapsed = True
                station.fail(database_silent)

    async def drain(self) -> None:
        """Answer every parked poll with what is there, then end the link, so that others take over in order."""
        async with self._changed:
            self._stopping.set()
            self._changed.notify_all()
        station = self._station
        if station is not None:
            station.holder.release()
            with suppress(TimeoutError):
                async with asyncio.timeout(DRAIN_WITHIN):
                    await asyncio.gather(station.serving.settled(), station.forwards.release())
            station.forwards.let_go()
            station.link.end("drained")

    async def release(self) -> None:
        """Give the lease back."""
        with suppress(Unavailable, Trouble):
            await self._shared.pods.release(self.name)
