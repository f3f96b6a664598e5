"""Endpoint events: turns what media servers say of endpoints into messages and facts (design 7)."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from callplane.bus.ports import Messenger
from callplane.contracts.errors import Trouble, Unavailable
from callplane.contracts.ids import ConnectionId, ParticipantId, SessionId, derived_id
from callplane.contracts.media import MediaRef
from callplane.contracts.messages import Message
from callplane.store.media_states import MediaStates
from callplane.store.mongo.database import DatabaseClock
from callplane.telemetry.failures import words
from callplane.telemetry.logs import logger
from kurento_client import ConnectionState, FlowState, IceCandidate, IceComponentState, MediaType
from kurento_client.events import (
    ConnectionStateChanged,
    IceCandidateFound,
    IceComponentStateChanged,
    MediaEvent,
    MediaFlowOutStateChanged,
    MediaStateChanged,
)
from wrapper.follow_ups import FollowUps
from wrapper.media.candidate_batches import CandidateBatches
from wrapper.media.port import EndpointOwner

LANES = 16
LANE_LENGTH = 2000
NOT_CONNECTED = (None, "failed")

Lane = asyncio.Queue[tuple[EndpointOwner, MediaEvent]]

Place = tuple[str, str]
"""A media server and the id of a pipeline on it; ids of what is in one begin with the pipeline's (protocol 6.1)."""


class EndpointEvents:
    """Knows whose endpoint is whose, and works through events in order for each endpoint."""

    def __init__(
        self, media_states: MediaStates, messenger: Messenger, clock: DatabaseClock, follow_ups: FollowUps
    ) -> None:
        self._media_states = media_states
        self._messenger = messenger
        self._clock = clock
        self._follow_ups = follow_ups
        self._owners = EndpointOwners()
        self._candidates = CandidateBatches(self._tell)
        self._lanes: list[Lane] = [asyncio.Queue(LANE_LENGTH) for _ in range(LANES)]
        """Ordered queues, one worker each: an endpoint's events are all in the same."""
        self._log = logger("hearing")

    def register(self, endpoint: MediaRef, owner: EndpointOwner) -> None:
        """From now on this endpoint's events belong to that connection."""
        self._owners.put(endpoint, owner)

    def forget(self, ref: MediaRef) -> None:
        """Drop an object that was released, and what was in it."""
        self._owners.forget(ref)

    def forget_session(self, session_id: SessionId, before: int | None) -> None:
        """Drop the endpoints of a session's epochs before this one; of all when it is None, for the session is over."""
        self._owners.forget_session(session_id, before)

    async def take(self, server: str, event: MediaEvent) -> None:
        """Put one event into its endpoint's lane; a full lane makes the reader wait, which bounds the memory."""
        owner = self._owners.get(MediaRef(server, event.object))
        if owner is not None:
            await self._lanes[hash(event.object) % LANES].put((owner, event))

    async def run(self, missed: Callable[[ConnectionId], None]) -> None:
        """Work through the lanes until cancelled.

        ``missed`` is told the connection of which an event could not be acted upon: it must be subscribed to anew.
        """
        async with asyncio.TaskGroup() as group:
            group.create_task(self._candidates.run(missed))
            for lane in self._lanes:
                group.create_task(self._work(lane, missed))

    async def _work(self, lane: Lane, missed: Callable[[ConnectionId], None]) -> None:
        while True:
            owner, event = await lane.get()
            try:
                await self._act(owner, event)
            except (Unavailable, Trouble) as trouble:
                self._log.warning("an event was not passed on", type=event.type, why=str(trouble))
                missed(owner.connection_id)
            except Exception as failure:  # of one connection: the lane has others
                why = words(failure)
                self._log.error("an event failed", type=event.type, connection_id=owner.connection_id, why=why)

    async def _act(self, owner: EndpointOwner, event: MediaEvent) -> None:
        match event:
            case IceCandidateFound():
                await self._gather(owner, event.candidate)
            case ConnectionStateChanged(new=ConnectionState.CONNECTED):
                await self._became(owner, NOT_CONNECTED, "connected")
            case MediaStateChanged(new=ConnectionState.CONNECTED):
                found = await self._media_states.mark_reported(owner.connection_id)
                if found is not None and found.media_state in NOT_CONNECTED:
                    await self._became(owner, NOT_CONNECTED, "connected")
            case MediaStateChanged(new=ConnectionState.DISCONNECTED):
                await self._became(owner, ("connected",), "failed")
            case IceComponentStateChanged(component_id=1, state=IceComponentState.FAILED):
                # What never was connected is judged by its age alone: failed checks go on (protocol 10.2).
                await self._became(owner, ("connected",), "failed")
            case IceComponentStateChanged(component_id=1, state=IceComponentState.READY):
                await self._became(owner, ("failed",), "connected")
            case MediaFlowOutStateChanged() if event.media_type is not MediaType.DATA:
                flowing = event.state is FlowState.FLOWING
                await self._media_states.flow(owner.connection_id, event.media_type.value, flowing=flowing)
                if flowing:
                    await self._became(owner, ("failed",), "connected")
            case _:
                pass

    async def _gather(self, owner: EndpointOwner, candidate: IceCandidate) -> None:
        message = self._message(owner, candidate)
        if message is not None:
            await self._candidates.put(owner.participant_id, owner.connection_id, message)

    async def send_candidates(self, owner: EndpointOwner, candidates: Iterable[IceCandidate]) -> None:
        """Tell the participant what is of use to it of these candidates of the server.

        A repeat has the same id, and is dropped there. One a message, as clients know it.
        """
        found = [self._message(owner, candidate) for candidate in candidates]
        messages = {message.id: message for message in found if message is not None}
        if messages:
            await self._tell(owner.participant_id, list(messages.values()))

    async def _tell(self, participant_id: ParticipantId, messages: Sequence[Message]) -> None:
        await self._messenger.to_participant(participant_id, *messages)

    def _message(self, owner: EndpointOwner, candidate: IceCandidate) -> Message | None:
        """What a participant is told of a candidate; None: it is of no use there."""
        if owner.useful is not None and not owner.useful.takes(candidate.candidate, candidate.sdp_m_line_index):
            return None
        init = {
            "candidate": candidate.candidate,
            "sdpMid": candidate.sdp_mid,
            "sdpMLineIndex": candidate.sdp_m_line_index,
        }
        return Message(
            id=derived_id("candidate", owner.connection_id, str(candidate.sdp_m_line_index), candidate.candidate),
            type="ice-candidate",
            session_id=owner.session_id,
            at=self._clock.now(),
            data={"connection_id": owner.connection_id, "candidate": init},
        )

    async def _became(self, owner: EndpointOwner, known: tuple[str | None, ...], state: str) -> None:
        self._follow_ups.schedule(await self._media_states.media_state(owner.connection_id, known, state))


@dataclass(slots=True)
class EndpointOwners:
    """The owners of endpoints by pipeline, and the pipelines by session."""

    _in: dict[Place, dict[str, EndpointOwner]] = field(default_factory=dict)
    """Pipeline → endpoint's id → its owner; no pipeline is empty."""
    _of: dict[str, set[Place]] = field(default_factory=dict)
    """Session → the pipelines that have endpoints of it."""

    def __len__(self) -> int:
        return sum(len(owners) for owners in self._in.values())

    def get(self, endpoint: MediaRef) -> EndpointOwner | None:
        """The owner of this endpoint."""
        return self._in.get(_place(endpoint), {}).get(endpoint.id)

    def put(self, endpoint: MediaRef, owner: EndpointOwner) -> None:
        """From now on it is this one."""
        place = _place(endpoint)
        self._in.setdefault(place, {})[endpoint.id] = owner
        self._of.setdefault(owner.session_id, set()).add(place)

    def forget(self, ref: MediaRef) -> None:
        """Drop an object and what is in it."""
        inside = f"{ref.id}/"
        for id_ in [id_ for id_ in self._in.get(_place(ref), {}) if id_ == ref.id or id_.startswith(inside)]:
            self._drop(_place(ref), id_)

    def forget_session(self, session_id: SessionId, before: int | None) -> None:
        """Drop a session's endpoints of the epochs before this one; all of them when it is None."""
        for place in list(self._of.get(session_id, ())):
            for id_, owner in list(self._in[place].items()):
                if owner.session_id == session_id and (before is None or owner.epoch < before):
                    self._drop(place, id_)

    def _drop(self, place: Place, id_: str) -> None:
        owners = self._in[place]
        session = owners.pop(id_).session_id
        if any(owner.session_id == session for owner in owners.values()):
            return
        self._of[session].discard(place)
        if not self._of[session]:
            del self._of[session]
        if not owners:
            del self._in[place]


def _place(ref: MediaRef) -> Place:
    return ref.server, ref.id.partition("/")[0]
