"""Messages of a seat: an iterator that goes on where it was, by whichever door gets through."""

# Made of callplane_client/aio/messages.py by docs/make_blocking_client.py.

from collections import deque
from collections.abc import Callable
from time import monotonic, sleep
from typing import Literal, Self

from callplane_client.blocking.doors import Door, PollDoor, SocketDoor, StreamDoor
from callplane_client.blocking.http import Caller
from callplane_client.errors import CallplaneError, Refused
from callplane_client.place import Place
from callplane_client.shapes import Message, Session

Transport = Literal["auto", "websocket", "sse", "poll"]
DOORS: dict[str, Callable[[Caller], Door]] = {
    "websocket": SocketDoor,
    "sse": StreamDoor,
    "poll": PollDoor,
}
"""The best first."""
TRIES = 2
"""A door that opens so many times and says nothing, while a poll is answered, is left for the next."""
BEAT = 25.0


class Messages:
    """Each message once, in order; the next is asked for when the ones before have been dealt with.

    A line that is cut is opened again, at the next address where there are several. When the seat is gone the
    iteration ends, and ``ended`` says why. ``resync-required`` brings the session as it is in ``snapshot``.
    """

    def __init__(self, ask: Caller, look: Callable[[], Session], place: Place) -> None:
        self._ask = ask
        self._look = look
        self.place = place
        self.patience = 300.0
        """Seconds of trouble without an end, after which the trouble is raised; iterating once more goes on."""
        self.reached: Callable[[bool], object] = bool
        """Called with False when asking begins to fail, and with True when it is answered again."""
        self.ended: Refused | None = None
        """By which words the seat was gone."""
        self._ready: deque[Message] = deque()
        self._ack: str | None = None
        """What acknowledges the batch that is being dealt with."""
        self._names = list(DOORS)
        self._door: Door = DOORS[self._names[0]](ask)
        self._alone = False
        """Whether no other door may be used, were it to see whether there is still trouble."""
        self._mute = 0
        """How often in a row the door has failed without having said anything."""
        self._failing: float | None = None
        """Since when there is trouble."""
        self._attempt = 0

    def by(self, transport: Transport) -> Self:
        """Use one door alone."""
        if transport != "auto":
            self._names, self._alone = [transport], True
            self._door = DOORS[transport](self._ask)
        return self

    @property
    def transport(self) -> str:
        """The door that is used."""
        return self._names[0]

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Message:
        while (message := self.get(BEAT)) is None:
            if self.ended is not None:
                raise StopIteration
        return message

    def get(self, seconds: float) -> Message | None:
        """The next; None when none has come within so many seconds (by server-sent events: up to 10 more), or will."""
        end = monotonic() + seconds
        while True:
            while self._ready:
                message = self._ready.popleft()
                if self.place.take(message):
                    return self._whole(message)
            if self._ack is not None:
                self.place.ack, self._ack = self._ack, None
            left = end - monotonic()
            if self.ended is not None or (left < 0 and seconds > 0):
                return None
            self._fetch(max(0.0, left))
            if not self._ready and seconds <= 0:
                return None

    def close(self) -> None:
        """Read no more; what was given and not followed by another call is given again to who reads next."""
        self._door.close()

    def _whole(self, message: Message) -> Message:
        if message.type == "session-closed":  # nothing follows it, and the API lets its readers wait a while
            self.ended = Refused(409, {"code": message.type, "reason": message.data.get("reason")})
            self._ready.clear()
        if message.type != "resync-required":
            return message
        try:
            snapshot = self._look()
        except CallplaneError:
            self.place.forget(message)
            self._ready.appendleft(message)
            raise
        self.place.version = snapshot.version
        return message.model_copy(update={"snapshot": snapshot})

    def _fetch(self, wait: float) -> None:
        """Ask once; after trouble, by a poll that does not wait: it tells at once that the trouble is over."""
        asks = self._failing is not None and not self._alone
        door = PollDoor(self._ask) if asks else self._door
        try:
            batch = door.next(self.place.ack, 0.0 if asks else wait)
        except CallplaneError as trouble:
            self._failed(trouble, wait)
            return
        if asks and self._mute >= TRIES and len(self._names) > 1:
            self._names.pop(0)
            self._door, self._mute = DOORS[self._names[0]](self._ask), 0
        if door is self._door and door.spoke:
            self._mute = 0
        if self._failing is not None:
            self.reached(True)
        self._failing, self._attempt = None, 0
        self._ready.extend(batch.messages)
        self._ack = batch.ack

    def _failed(self, trouble: CallplaneError, wait: float) -> None:
        if isinstance(trouble, Refused) and trouble.is_gone:
            self.ended = trouble
            self._door.close()
            return
        if self._failing is None or self._alone:
            self._mute = self._mute + 1 if not self._door.spoke else 0
            self._door.close()
        now = monotonic()
        if self._failing is None:
            self.reached(False)
        self._failing = self._failing or now
        if not trouble.retryable or now - self._failing > self.patience:
            self._failing = None
            raise trouble
        pause = self._ask.http.retries.pause(trouble, self._attempt)
        self._attempt += 1
        sleep(min(pause, max(wait, 0.05)))
