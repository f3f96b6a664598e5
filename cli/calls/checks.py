"""Checks of a deployment: health, clock, credential, a call, its doors, TURN, media; a sentence for each failure."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from callplane_client import AsyncCallplane, AsyncSeat, CallplaneError, Refused
from callplane_client.aio.messages import Transport
from callplane_client.asking import is_local, place_of

ANSWER_SECONDS = 8.0
SKEW_SECONDS = 30.0
"""How far ahead the clock of who signs tokens may be (docs/tokens.md)."""
MEDIA_SECONDS = 15.0
UNREACHED = "Is the address right, is it running, does a firewall or proxy stand between?"


class Wrong(Exception):
    """What a check has found, and the way on."""

    def __init__(self, why: str, way_on: str) -> None:
        super().__init__(why)
        self.way_on = way_on


class Skipped(Exception):
    """A check that cannot be made here, and why."""


@dataclass
class Found:
    """What became of one check."""

    name: str
    ok: bool | None
    """None: it was not made."""
    ms: int
    detail: str
    way_on: str = ""


Check = Callable[["Deployment"], Awaitable[str]]
"""Says what it has found. Raises Wrong, Skipped, CallplaneError."""


@dataclass
class Deployment:
    """What is checked, with a session of its own once that could be made."""

    url: str
    callplane: AsyncCallplane
    session_id: str = ""
    seats: list[AsyncSeat] = field(default_factory=list)

    async def seat(self, name: str) -> AsyncSeat:
        """One more seat of the session."""
        if not self.session_id:
            raise Skipped("there is no session to try it in")
        made = self.callplane.seat(await self.callplane.participants.join(self.session_id, name=name))
        self.seats.append(made)
        return made


async def health(of: Deployment) -> str:
    """The API answers, and takes requests."""
    answer = await _probe(of, "/readyz")
    if answer.status_code != 200:
        raise Wrong("it is starting, or draining", "Ask again in a while; if it stays so, look at its logs.")
    return "it says ready"


async def clock(of: Deployment) -> str:
    """Both clocks agree as far as tokens need it."""
    said = (await _probe(of, "/livez")).headers.get("Date")
    if not said:
        raise Skipped("the answer has no Date")
    skew = (datetime.now(UTC) - parsedate_to_datetime(said)).total_seconds()
    if abs(skew) > SKEW_SECONDS:
        way = "ahead" if skew > 0 else "behind"
        raise Wrong(
            f"this machine's clock is {abs(skew):.0f} s {way}",
            "Set it by NTP: tokens that are signed here would be refused as not yet, or no longer, good.",
        )
    return f"{abs(skew):.0f} s apart"


async def _probe(of: Deployment, path: str) -> httpx.Response:
    place, _ = place_of(of.url)
    try:
        async with httpx.AsyncClient(trust_env=not is_local(place), timeout=ANSWER_SECONDS) as http:
            return await http.get(place + path)
    except httpx.TransportError as trouble:
        raise Wrong(f"no answer from {place}: {trouble or type(trouble).__name__}", UNREACHED) from None


async def session(of: Deployment) -> str:
    """A session can be made."""
    made = await of.callplane.sessions.create(empty_timeout=30, departure_timeout=5, metadata={"made_by": "check"})
    of.session_id = made.id
    return made.id


def door(transport: Transport) -> Check:
    """The check of one door: a message that goes out comes in by it."""

    async def check(of: Deployment) -> str:
        seat = await of.seat(f"check {transport}")
        messages = seat.messages(transport)
        messages.patience = ANSWER_SECONDS / 2
        try:
            await messages.get(0)
            began = time.monotonic()
            sent = await seat.signal("check", transport)
            async with asyncio.timeout(ANSWER_SECONDS):
                async for message in messages:
                    if message.id == sent or message.data.get("type") == "check":
                        return f"there and back in {(time.monotonic() - began) * 1000:.0f} ms"
            raise Wrong(f"the seat went: {messages.ended}", "Ask again; if it stays so, look at the API's logs.")
        except TimeoutError:
            raise Wrong(f"nothing came within {ANSWER_SECONDS:.0f} s", _DOOR_WAYS[transport]) from None
        except CallplaneError as trouble:
            raise Wrong(str(trouble), _DOOR_WAYS[transport]) from trouble
        finally:
            await messages.aclose()

    return check


_DOOR_WAYS = {
    "websocket": "Let the proxy pass WebSocket upgrades; until then clients use server-sent events by themselves.",
    "sse": "Tell the proxy not to buffer text/event-stream; until then clients use WebSocket or long polls.",
    "poll": "Let the proxy wait 75 s for an answer; without long polls a network that blocks the others has none.",
}


async def turn(of: Deployment) -> str:
    """Each TURN server that clients are given lets this machine allocate a relay."""
    seat = of.seats[0] if of.seats else await of.seat("check turn")
    servers = [
        (url, one)
        for one in seat.joined.ice_servers
        for url in _listed(one["urls"])
        if url.startswith(("turn:", "turns:"))
    ]
    if not servers:
        raise Skipped("none is configured: who is behind a strict firewall has no media (CALLPLANE_TURN_URLS)")
    from cli.calls.relays import allocated

    for url, one in servers:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await allocated(url, one.get("username"), one.get("credential"))
        except (OSError, TimeoutError, ValueError) as trouble:
            raise Wrong(
                f"{url}: {trouble or 'no answer'}",
                "Open its port for UDP and TCP, and give it the secret that is in CALLPLANE_TURN_SECRET.",
            ) from None
    return ", ".join(url for url, _ in servers)


async def media(of: Deployment) -> str:
    """Media gets through: one seat sends, another one receives a picture."""
    from cli.calls.callers import Caller, in_call

    if not of.session_id:
        raise Skipped("there is no session to try it in")
    callplane, session_id = of.callplane, of.session_id
    async with (
        in_call(callplane, session_id, Caller("check sender", publish="synthetic")) as sender,
        in_call(callplane, session_id, Caller("check receiver", subscribe=True)) as receiver,
    ):
        try:
            async with asyncio.timeout(MEDIA_SECONDS):
                await receiver.reception.heard.wait()
        except TimeoutError:
            why = "; ".join(sender.troubles + receiver.troubles) or f"no picture within {MEDIA_SECONDS:.0f} s"
            raise Wrong(
                why, "Open UDP from here to the media servers (their port range), or configure a TURN server."
            ) from None
        [first] = [one.first_after for one in receiver.reception.received.values() if one.first_after is not None][:1]
    return f"the first picture after {first * 1000:.0f} ms"


ALL: dict[str, Check] = {
    "health": health,
    "clock": clock,
    "session": session,
    "websocket": door("websocket"),
    "sse": door("sse"),
    "poll": door("poll"),
    "turn": turn,
    "media": media,
}


async def checked(name: str, of: Deployment) -> Found:
    """Make one check."""
    began = time.monotonic()

    def found(ok: bool | None, detail: object, way_on: str = "") -> Found:
        return Found(name, ok, round((time.monotonic() - began) * 1000), str(detail), way_on)

    try:
        return found(True, await ALL[name](of))
    except Skipped as skipped:
        return found(None, skipped)
    except ImportError as missing:
        return found(None, f"needs aiortc ({missing.name}): pip install 'callplane[media]'")
    except Wrong as wrong:
        return found(False, wrong, wrong.way_on)
    except Refused as refused:
        return found(False, refused, _way_on(refused))
    except CallplaneError as trouble:
        return found(False, trouble, UNREACHED)


def _way_on(refused: Refused) -> str:
    match refused.status:
        case 401:
            return "Give the secret of one of its CALLPLANE_API_KEYS as --api-key or in CALLPLANE_API_KEY."
        case 403:
            return "This credential is for something else: take an API key."
        case 429:
            return "It is asked too often from here: wait a minute."
        case 503:
            return "It cannot do this right now: look at its logs for RabbitMQ, MongoDB and wrappers."
        case _:
            return f"Look for {refused.request_id} in its logs."


@asynccontextmanager
async def deployment(url: str, callplane: AsyncCallplane) -> AsyncIterator[Deployment]:
    """What is checked, for the block; its session is closed behind it."""
    made = Deployment(url, callplane)
    try:
        yield made
    finally:
        if made.session_id:
            with suppress(CallplaneError):  # what keeps it from being closed has been told; it ends by itself
                await callplane.sessions.close(made.session_id, reason="checked")


def _listed(urls: str | list[str]) -> list[str]:
    return [urls] if isinstance(urls, str) else urls
