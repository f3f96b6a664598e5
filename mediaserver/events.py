"""Subscriptions and the delivery of events (protocol 3.6, 7)."""

import time
import uuid
from collections import defaultdict
from typing import Any

from kurento_client.jsonrpc import encode_event
from mediaserver.objects.media_object import MediaObject
from mediaserver.sessions import Sessions

_MANAGERS = frozenset({"ObjectCreated", "ObjectDestroyed"})


class Subscriptions:
    """Which session wants which event of which object; one delivery each, however often it asked."""

    def __init__(self) -> None:
        self._wanted: defaultdict[tuple[str, str], dict[str, set[str]]] = defaultdict(dict)
        self._of_object: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
        self._sessions: Sessions | None = None

    def serve(self, sessions: Sessions) -> None:
        """Deliver to the connections of these sessions, and forget what they forget."""
        self._sessions = sessions
        sessions.gone.append(self.forget_object)
        sessions.ended.append(self.forget_session)

    def add(self, session_id: str, target: MediaObject, kind: str) -> str:
        """Add a subscription and return its id."""
        subscription = str(uuid.uuid4())
        self._wanted[target.id, kind].setdefault(session_id, set()).add(subscription)
        self._of_object[target.id].add((target.id, kind))
        return subscription

    def remove(self, session_id: str, object_id: str, subscription: str) -> None:
        """Take a subscription away; nonsense is fine."""
        for key in self._of_object.get(object_id, ()):
            held = self._wanted[key].get(session_id, set())
            held.discard(subscription)
            if not held:
                self._wanted[key].pop(session_id, None)

    def forget_object(self, object_id: str) -> None:
        """Drop every subscription on an object; they end silently."""
        for key in self._of_object.pop(object_id, ()):
            self._wanted.pop(key, None)

    def forget_session(self, session_id: str) -> None:
        """Drop every subscription of a session."""
        for wanting in self._wanted.values():
            wanting.pop(session_id, None)

    def raised(self, source: MediaObject, kind: str, data: dict[str, Any]) -> None:
        """Send an event to the connections bound now; without one it is lost (protocol 7)."""
        wanting = self._wanted.get((source.id, kind))
        if not wanting or self._sessions is None:
            return
        full = {
            **({} if kind in _MANAGERS else {"type": kind}),
            **data,
            "source": source.id,
            "tags": source.event_tags(),
            "timestampMillis": str(int(time.time() * 1000)),
        }
        text = encode_event(source.id, kind, full)
        for session_id in wanting:
            sink = self._sessions.sink(session_id)
            if sink is not None:
                sink.send(text)
