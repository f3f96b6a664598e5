"""Endpoint owners: whose endpoint is whose, found and forgotten without a look at those of other pipelines."""

from dataclasses import dataclass, field

from callplane.contracts.ids import SessionId
from callplane.contracts.media import MediaRef
from wrapper.media.port import EndpointOwner

Place = tuple[str, str]
"""A media server and the id of a pipeline on it; ids of what is in one begin with the pipeline's (protocol 6.1)."""


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
