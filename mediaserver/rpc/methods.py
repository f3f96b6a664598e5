"""RPC methods on one session each (protocol 3)."""

from collections.abc import Mapping
from typing import Any

from kurento_client.jsonrpc import Code, JsonRpcError
from mediaserver.errors import parameter, refusal
from mediaserver.events import Subscriptions
from mediaserver.model.invoke import invoke, read_arguments
from mediaserver.objects.factory import Factory
from mediaserver.objects.media_object import MediaObject
from mediaserver.objects.server_manager import MANAGER_ID
from mediaserver.objects.table import ObjectTable
from mediaserver.rpc import params as read
from mediaserver.rpc.params import Params
from mediaserver.sessions import Sessions

Result = dict[str, Any]


class Methods:
    """What each method does; a result without `sessionId` gets the caller's."""

    def __init__(
        self,
        objects: ObjectTable,
        sessions: Sessions,
        subscriptions: Subscriptions,
        factory: Factory,
        server_id: str,
    ) -> None:
        self._objects = objects
        self._sessions = sessions
        self._subscriptions = subscriptions
        self._factory = factory
        self._server_id = server_id

    async def connect(self, session_id: str | None, params: Params) -> Result:
        """Resume the named session, or mint one that exists once it references something."""
        if session_id is None:
            return {"serverId": self._server_id, "sessionId": self._sessions.mint()}
        self._sessions.require(session_id)
        return {"serverId": self._server_id, "sessionId": session_id}

    async def rebind(self, session_id: str, params: Params) -> Result:
        """Answer `connect` on a connection that is bound already and names no session of its own."""
        return {"serverId": self._server_id, "sessionId": session_id}

    async def create(self, session_id: str, params: Params) -> Result:
        """Make an object; its session and those that reference its parent hold it from now on."""
        spec = self._factory.spec(read.text(params, "type"))
        arguments: Mapping[str, Any] = {}
        if "constructorParams" in params:
            given = params["constructorParams"]
            arguments = read_arguments(spec.constructor, given if isinstance(given, Mapping) else {}, self._objects)
        elif spec.constructor:
            raise refusal(Code.MARSHALL_ERROR, "'constructorParams' is required")
        made = self._factory.make(spec, arguments)
        self._objects.add(made)
        self._sessions.created(session_id, made)
        return {"value": made.id}

    async def invoke(self, session_id: str, params: Params) -> Result:
        """Do an operation of an object."""
        target = self._target(params)
        operation = read.text(params, "operation")
        self._sessions.reference(session_id, target)
        return {"value": await invoke(target, operation, params.get("operationParams"), self._objects)}

    async def describe(self, session_id: str, params: Params) -> Result:
        """Say what class an object is, nearest base first, and reference it."""
        target = self._target(params)
        self._sessions.reference(session_id, target)
        names = [f"kurento.{spec.name}" for spec in target.spec.lineage()]
        return {"type": target.spec.name, "qualifiedType": names[0], "hierarchy": names[1:]}

    async def subscribe(self, session_id: str, params: Params) -> Result:
        """Ask for an event of an object."""
        kind = read.text(params, "type")
        target = self._target(params)
        if not target.spec.has_event(kind):
            raise refusal(Code.MEDIA_OBJECT_EVENT_NOT_SUPPORTED, f"Event '{kind}' not supported")
        self._sessions.reference(session_id, target)
        return {"value": self._subscriptions.add(session_id, target, kind)}

    async def unsubscribe(self, session_id: str, params: Params) -> Result:
        """Take a subscription back; unknown ones are no error."""
        subscription, object_id = read.text(params, "subscription"), read.text(params, "object")
        self._subscriptions.remove(session_id, object_id, subscription)
        return {}

    async def release(self, session_id: str, params: Params) -> Result:
        """Destroy an object for everybody; never an error."""
        target = self._objects.find(read.text(params, "object"))
        if target is not None:
            self._sessions.release(target)
            if target.id == MANAGER_ID:
                self._subscriptions.forget_object(target.id)
        return {}

    async def ref(self, session_id: str, params: Params) -> Result:
        """Reference an object explicitly."""
        self._sessions.reference(session_id, self._target(params))
        return {}

    async def unref(self, session_id: str, params: Params) -> Result:
        """Drop this session's reference to an object and its children."""
        target = self._objects.find(read.text(params, "object"))
        if target is not None:
            self._sessions.drop(session_id, target)
        return {}

    async def keep_alive(self, session_id: str, params: Params) -> Result:
        """Mark the session as in use for this round."""
        self._sessions.require(session_id)
        return {}

    async def close_session(self, session_id: str, params: Params) -> None:
        """Drop the session's references; with `release`, destroy what it references."""
        self._sessions.close(session_id, release=params.get("release") is True)

    def _target(self, params: Params) -> MediaObject:
        return self._objects.get(read.text(params, "object"))


def needs_session() -> JsonRpcError:
    """Refuse a method that neither mints a session nor was told one."""
    return parameter("'sessionId' parameter is required")
