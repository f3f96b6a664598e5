"""Refused requests: tells servers, by events, what was asked for in sessions and never became a change.

Best effort, unlike what happened: a change has its event in its own document, and what is refused is written nowhere.
Nothing waits for it, and nothing is done for what succeeds. Whoever refused, this pod or the wrapper that it had asked,
the caller is told here, once, and so are servers.
"""

import asyncio
import re
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.requests import Request

from api.auth.credentials import Credential, caller, identity
from api.auth.tenants import own_tenant, scope
from api.auth.tokens import SeatToken
from api.refusal_sampler import RefusalSampler
from callplane.bus.event_ports import EventBus
from callplane.contracts.errors import TITLES, Problem, Trouble, Unavailable
from callplane.contracts.events import CloudEvent, actor_of
from callplane.contracts.ids import SessionId, new_id
from callplane.store.tenancy import Tenancy
from callplane.telemetry.logs import logger

WAITING = 500
"""So many wait for the broker or the database; of more the oldest are lost, and counted with their caller's next."""
BATCH = 50
AGAIN_SECONDS = 1.0
LAST_SECONDS = 0.5
"""For what waits when the pod ends."""

_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_METHODS = frozenset({"POST", "PATCH", "DELETE"})
_LEFT_OUT = ("/candidates", "/signals", "/messages/{message_id}", "/state/{key}")
"""These are asked for all the time, also by who has just left, or, of a key, by several at once of whom one is let."""
_QUOTES = frozenset({"invalid", "invalid-sdp"})
"""Their details may quote a body: SDP holds passwords of ICE."""


@dataclass(frozen=True, slots=True)
class _Refused:
    id: str
    at: datetime
    credential: Credential
    session_id: SessionId | None
    subject: str | None
    request_id: str | None
    data: dict[str, Any]


class RefusedRequests:
    """Those of one pod, sampled per caller; ``lost`` is called for each that was given up."""

    def __init__(
        self,
        events: EventBus | None,
        tenancy: Tenancy,
        now: Callable[[], datetime],
        lost: Callable[[], None],
    ) -> None:
        """``events``: None, where nothing is published; ``now``: the database's time."""
        self._events = events
        self._tenancy = tenancy
        self._now = now
        self._lost = lost
        self._sampler = RefusalSampler()
        self._waiting: deque[_Refused] = deque()
        self._filled = asyncio.Event()

    def tell(self, request: Request, credential: Credential | None, problem: Problem) -> None:
        """A request is answered with this problem. Waits for nothing; a stranger's is told to nobody."""
        scope, named = request.scope, request.path_params
        method, route = scope.get("method", ""), getattr(scope.get("route"), "path", "")  # a socket's has no method
        if self._events is None or credential is None or not _is_told(method, route):
            return
        if not all(_ID.fullmatch(str(value)) for name, value in named.items() if name != "identity"):
            return
        untold = self._sampler.take(identity(credential))
        if untold is None:
            return
        seat = credential.participant_id if isinstance(credential, SeatToken) else None
        refused = _Refused(
            id=new_id(),
            at=self._now(),
            credential=credential,
            session_id=named.get("session_id"),
            subject=named.get("participant_id") or named.get("connection_id") or seat,
            request_id=scope.get("callplane.request_id"),
            data={"method": method, "route": route, "problem": _shown(problem), "untold": untold},
        )
        self._waiting.append(refused)
        if len(self._waiting) > WAITING:
            self._give_up(self._waiting.popleft())
        self._filled.set()

    async def run(self) -> None:
        """Publish what was told until cancelled, and then what waits, if that is quick."""
        try:
            while True:
                await self._filled.wait()
                self._filled.clear()
                while self._waiting:
                    if not await self._publish():
                        await asyncio.sleep(AGAIN_SECONDS)
        except asyncio.CancelledError:
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_SECONDS):
                    while self._waiting and await self._publish():
                        pass
            raise

    async def _publish(self) -> bool:
        """The oldest that wait; False: the broker or the database is away, and they wait on, under the same ids."""
        assert self._events is not None
        batch = [self._waiting[n] for n in range(min(BATCH, len(self._waiting)))]
        try:
            await self._events.publish(await self._events_of(batch))
        except (Unavailable, Trouble) as trouble:
            logger("events").info("refused requests are not told yet", waiting=len(self._waiting), why=str(trouble))
            return False
        for one in batch:
            with suppress(ValueError):  # given up meanwhile, to make room
                self._waiting.remove(one)
        return True

    async def _events_of(self, batch: list[_Refused]) -> list[CloudEvent]:
        """Without what cannot be made one, which would hold up all that waits behind it. Raises Unavailable."""
        made: list[CloudEvent] = []
        for one in batch:
            try:
                event = await self._event(one)
            except ValueError as wrong:
                # Its words may quote what was asked for.
                logger("events").error("a refused request cannot be told", id=one.id, why=type(wrong).__name__)
                with suppress(ValueError):
                    self._waiting.remove(one)
                    self._give_up(one)
                continue
            if event is not None:
                made.append(event)
        return made

    def _give_up(self, refused: _Refused) -> None:
        self._sampler.put_back(identity(refused.credential), refused.data["untold"])
        self._lost()

    async def _event(self, refused: _Refused) -> CloudEvent | None:
        """None: nobody's, for the session of a seat's token is not there any more. Raises Unavailable."""
        known, tenant = await self._tenant(refused)
        if not known:
            return None
        return CloudEvent(
            id=refused.id,
            source="/v1/sessions" if refused.session_id is None else f"/v1/sessions/{refused.session_id}",
            type="request-refused",
            subject=refused.subject,
            time=refused.at,
            sessionid=refused.session_id,
            tenant=tenant,
            actor=actor_of(caller(refused.credential)),
            requestid=refused.request_id,
            data=refused.data,
        )

    async def _tenant(self, refused: _Refused) -> tuple[bool, str | None]:
        """The session's, if the caller reaches it, else the caller's own: what is another's it must not hear of."""
        credential = refused.credential
        if isinstance(credential, SeatToken):
            found = await self._tenancy.of_session(credential.session_id)
            return (False, None) if found is None else (True, found.tenant)
        own = own_tenant(credential)
        if refused.session_id is None:
            return True, own
        found = await self._tenancy.of_session(refused.session_id)
        bound = scope(credential)
        if found is not None and (bound is None or found.tenant in (None, bound)):
            return True, found.tenant
        return True, own


def _shown(problem: Problem) -> dict[str, Any]:
    shown = problem.as_problem()
    if problem.code in _QUOTES:
        shown["detail"] = f"{TITLES[problem.code]}."
    return shown


def _is_told(method: str, route: str) -> bool:
    return method in _METHODS and route.startswith("/sessions") and not route.endswith(_LEFT_OUT)
