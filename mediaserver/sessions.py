"""Sessions: who references which objects, who hears which events, and when they expire (protocol 6)."""

import uuid
from collections import defaultdict
from collections.abc import Callable
from typing import Protocol

from kurento_client.jsonrpc import Code
from mediaserver.errors import refusal
from mediaserver.objects.media_object import MediaObject
from mediaserver.objects.table import ObjectTable, ancestors, descendants


class Sink(Protocol):
    """A connection, as far as sessions care: where a bound session's events go."""

    session_id: str | None

    def send(self, text: str) -> None:
        """Put one frame on its way."""


class Sessions:
    """The references of every session and the connection that each is bound to."""

    def __init__(self, objects: ObjectTable) -> None:
        self._objects = objects
        self._references: dict[str, set[str]] = {}
        self._referrers: defaultdict[str, set[str]] = defaultdict(set)
        self._marked: set[str] = set()
        self._sinks: dict[str, Sink] = {}
        self.ended: list[Callable[[str], None]] = []
        self.gone: list[Callable[[str], None]] = []

    def mint(self) -> str:
        """Make a new session id; the session exists once it references something (protocol 3.2)."""
        return str(uuid.uuid4())

    def known(self) -> list[str]:
        """List the registered sessions."""
        return list(self._references)

    def require(self, session_id: str) -> None:
        """Mark a session as in use, or refuse with 40007."""
        if session_id not in self._references:
            raise refusal(Code.INVALID_SESSION, "Invalid session")
        self._marked.add(session_id)

    def sink(self, session_id: str) -> Sink | None:
        """Return the connection that is bound to the session now."""
        return self._sinks.get(session_id)

    def bind(self, session_id: str, sink: Sink) -> None:
        """Bind both ways; the last use wins on both sides (protocol 6.4)."""
        if sink.session_id != session_id:
            self.unbind(sink)
            sink.session_id = session_id
        previous = self._sinks.get(session_id)
        if previous is not None and previous is not sink:
            previous.session_id = None
        self._sinks[session_id] = sink
        self._marked.add(session_id)

    def unbind(self, sink: Sink) -> None:
        """Forget a connection; its session ages from now on."""
        if sink.session_id is not None and self._sinks.get(sink.session_id) is sink:
            del self._sinks[sink.session_id]
        sink.session_id = None

    def reference(self, session_id: str, target: MediaObject) -> None:
        """Reference an object and its ancestors (protocol 6.3), registering the session."""
        held = self._references.setdefault(session_id, set())
        for each in (target, *ancestors(target)):
            held.add(each.id)
            self._referrers[each.id].add(session_id)
        self._marked.add(session_id)

    def created(self, session_id: str, made: MediaObject) -> None:
        """Reference a new object for its maker and for everybody who references its parent."""
        self.reference(session_id, made)
        if made.parent is not None:
            for other in list(self._referrers[made.parent.id]):
                self._references[other].add(made.id)
                self._referrers[made.id].add(other)

    def release(self, target: MediaObject) -> None:
        """Destroy an object and its descendants for every session."""
        for each in self._objects.remove(target):
            for session_id in self._referrers.pop(each.id, ()):
                self._references[session_id].discard(each.id)
            for tell in self.gone:
                tell(each.id)

    def drop(self, session_id: str, target: MediaObject) -> None:
        """Drop one session's reference to an object and its children; unreferenced, they die."""
        for each in (*reversed(descendants(target)), target):
            self._let_go(session_id, each.id)

    def close(self, session_id: str, *, release: bool = False) -> None:
        """End a session: drop its references, or destroy whatever it references."""
        held = self._references.get(session_id, set())
        # the deepest first, so that children are seen to die before their parents; what is released leaves the set
        for object_id in sorted(held, key=lambda i: i.count("/"), reverse=True):
            target = self._objects.find(object_id)
            if release and target is not None:
                self.release(target)
            else:
                self._let_go(session_id, object_id)
        self._references.pop(session_id, None)
        self._marked.discard(session_id)
        for tell in self.ended:
            tell(session_id)

    def keep_alive(self) -> None:
        """Mark the session of every open connection; due four times in a period."""
        self._marked.update(self._sinks)

    def collect(self) -> None:
        """End the sessions that nobody marked since the last round, and clear the marks."""
        for session_id in [s for s in self._references if s not in self._marked]:
            self.close(session_id)
        self._marked.clear()

    def _let_go(self, session_id: str, object_id: str) -> None:
        self._references.get(session_id, set()).discard(object_id)
        referrers = self._referrers.get(object_id, set())
        referrers.discard(session_id)
        target = self._objects.find(object_id)
        if target is not None and not referrers:
            self.release(target)
