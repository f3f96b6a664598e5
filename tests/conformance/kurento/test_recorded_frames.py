"""Frames recorded from a real Kurento 7.3: same keys, same types, same codes, with ids mapped."""

import re
import uuid
from collections.abc import Iterable
from typing import Any

from mediaserver.server import assemble
from mediaserver.settings import MediaSettings, Settings
from testkit.clients.webrtc_peers import attach, peers
from testkit.fakes.kurento_frames import Exchange, events, exchanges
from testkit.fakes.raw_kurento import RawKurento, raw_kurento

SETTINGS = Settings(port=0, media=MediaSettings(media_timeout=1.5, flow_timeout=1.0))
MANAGER = "manager_ServerManager"
LACKING = ("Mixer", "AlphaBlending", "HttpPostEndpoint", "GStreamerFilter")
FILES = {"PlayerEndpoint": "file:///rec.webm", "RecorderEndpoint": "file:///rec.webm"}
ID = re.compile(r"[0-9a-f-]{36}_kurento\.(\w+)")
NOT_OURS = {"DataChannelOpened", "EndOfStream", "Paused", "Recording", "Stopped", "UriEndpointStateChanged", "Error"}
LOST_REQUEST = -32600
"""The recording kept a plain ping as the request of the answer to something that was no envelope at all."""


def shape(value: Any) -> Any:
    """Reduce a value to its keys and types; lists are what their first item is."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value)


def known(exchange: Exchange) -> bool:
    """Whether the recording kept the request, and this server has what it is about."""
    ours = not any(f"_kurento.{name}" in str(exchange.response) for name in LACKING)
    return ours and bool(exchange.response.get("error", {}).get("code") != LOST_REQUEST)


class Replay:
    """Translates recorded ids into living ones, making what the recording does not show being made."""

    def __init__(self, kurento: RawKurento) -> None:
        self.kurento = kurento
        self._ids: dict[str, str] = {}
        self._sessions: dict[str, str] = {}

    async def run(self, exchange: Exchange) -> dict[str, Any]:
        """Send a recorded request and return the answer."""
        params = exchange.request.get("params", {})
        gone = exchange.response.get("error", {}).get("code") == 40101
        for recorded in sorted({m.group() for m in re.finditer(rf"{ID.pattern}(/{ID.pattern})*", str(params))}):
            await self._living(recorded)
            if gone:
                await self.kurento.call("release", object=self._ids[recorded])
        request = self._translated({**exchange.request, "params": params} if params else exchange.request)
        if params.get("operation") == "processAnswer":
            await self.kurento.invoke(request["params"]["object"], "generateOffer")
        answer = await self._sent(request)
        self._learn(exchange, answer)
        return answer

    async def _sent(self, request: dict[str, Any]) -> dict[str, Any]:
        if "id" in request:
            return await self.kurento.exchange(request)
        await self.kurento.send(request)
        answer: dict[str, Any] = await self.kurento.others.get()
        return answer

    async def _living(self, recorded: str) -> None:
        if recorded in self._ids:
            return
        parent, _, _ = recorded.rpartition("/")
        if parent:
            await self._living(parent)
            kind = recorded.rpartition("_kurento.")[2]
            given = {"mediaPipeline": self._ids[parent], **({"uri": FILES[kind]} if kind in FILES else {})}
            self._ids[recorded] = await self.kurento.value("create", type=kind, constructorParams=given)
        else:
            self._ids[recorded] = await self.kurento.pipeline()

    def _learn(self, exchange: Exchange, answer: dict[str, Any]) -> None:
        made = exchange.response.get("result") or {}
        if exchange.method == "create" and "value" in made:
            self._ids[made["value"]] = answer["result"]["value"]
        if exchange.method == "connect" and "sessionId" in made:
            self._sessions[made["sessionId"]] = answer["result"]["sessionId"]

    def _of_ours(self, session: str) -> str:
        """A session for each recorded one: ids repeat between them, and the cache goes by session and id."""
        return self._sessions.setdefault(session, str(uuid.uuid4())) if len(session) == 36 else session

    def _translated(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: self._of_ours(each) if key == "sessionId" else self._translated(each)
                for key, each in value.items()
            }
        if isinstance(value, list):
            return [self._translated(each) for each in value]
        return self._ids.get(value, value) if isinstance(value, str) else value


async def test_recorded_requests_get_the_recorded_answers() -> None:
    replayed = [each for each in exchanges() if known(each)]
    assert len(replayed) >= 90
    async with assemble(SETTINGS) as server, raw_kurento(server.url, first_id=10_000_000) as kurento:
        replay = Replay(kurento)
        for exchange in replayed:
            answer = await replay.run(exchange)
            assert shape(answer) == shape(exchange.response), exchange.name
            assert answer["id"] == exchange.response["id"]
            expected = exchange.response.get("error")
            if expected is not None:
                assert answer["error"]["code"] == expected["code"], exchange.name
                without_ids = [re.sub(r"'[^']*_kurento[^']*'", "ID", e["message"]) for e in (answer["error"], expected)]
                assert without_ids[0] == without_ids[1]
                assert answer["error"].get("data", {}).get("type") == expected.get("data", {}).get("type")


def by_type(frames: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Keep the first frame of each type of event."""
    found: dict[str, dict[str, Any]] = {}
    for frame in frames:
        found.setdefault(frame["params"]["value"]["type"], frame)
    return found


async def test_events_have_the_recorded_shapes() -> None:
    recorded = {kind: frame for kind, frame in by_type(events()).items() if kind not in NOT_OURS}
    managers = {"ObjectCreated", "ObjectDestroyed"}
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento, peers(2) as (publisher, viewer):
        await kurento.subscribe(MANAGER, *managers)
        pipeline = await kurento.pipeline()
        source, sink = await kurento.endpoint(pipeline), await kurento.endpoint(pipeline)
        for endpoint in (source, sink):
            await kurento.subscribe(endpoint, *(recorded.keys() - managers))
        publisher.publish()
        viewer.view()
        await attach(kurento, source, publisher)
        await attach(kurento, sink, viewer)
        await kurento.invoke(source, "connect", sink=sink)
        for kind in recorded.keys() - managers - {"ElementDisconnected"}:
            await kurento.event(kind)
        await kurento.done("release", object=sink)
        await kurento.event("ElementDisconnected")
        await kurento.event("ObjectDestroyed")
        seen = by_type(kurento.events)
        for kind, frame in recorded.items():
            assert shape(seen[kind]) == shape(frame), kind
