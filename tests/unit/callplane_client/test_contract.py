"""The client and the API: every method is a request that the API takes, and no field is one that it does not have."""

from collections.abc import Awaitable, Callable
from typing import Any, get_type_hints

import httpx
import pytest
from pydantic import BaseModel

from callplane_client import AsyncCallplane, AsyncSeat, AsyncWay, Refused, Retries, fields, shapes
from callplane_client.shapes import Joined, Participant, Session
from testkit.fakes.asgi import KEY, Api, api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.fakes.scripted_wrapper import OFFER, answering
from testkit.servers.servers import Database
from tests.unit.api.auth.test_permissions import session_of

NAMES = {
    **{"Muted": "Muted", "Presence": "Presence", "Stream": "StreamView", "Participant": "ParticipantView"},
    **{"Session": "SessionView", "Connection": "ConnectionView", "Joined": "JoinedView", "Message": "SignalMessage"},
    **{"Batch": "MessagesView", "ChatMessage": "ChatMessage", "SeatPresence": "SeatPresence", "Ban": "BanView"},
    **{"Token": "TokenView", "Grants": "Grants", "Accepted": "Accepted", "Webhook": "WebhookWithSecret"},
    **{"Delivery": "DeliveryView", "Attempt": "AttemptView", "Event": "EventView", "StateEntry": "StateEntry"},
}
"""Each shape of the client, as OpenAPI calls it."""

BODIES = {
    **{"NewSession": "CreateBody", "SessionFields": "PatchSessionBody", "NewParticipant": "JoinBody"},
    **{"ParticipantFields": "PatchParticipantBody", "MutedFields": "MutedBody", "PresenceFields": "PresenceBody"},
    **{
        "TokenFields": "TokenBody",
        "SignalFields": "SignalBody",
        "Offer": "OfferBody",
        "GrantFields": "GrantsBody",
        "JoinGrantFields": "JoinGrantsBody",
        "WebhookFields": "PatchWebhookBody",
    },
}


async def test_every_field_is_one_of_the_api(database: Database) -> None:
    async with api(settings_for(database), ScriptedBus()) as it:
        published = (await it.http.get("/openapi.json")).json()["components"]["schemas"]
    made = {name for name, one in vars(shapes).items() if isinstance(one, type) and issubclass(one, BaseModel)}
    assert made - {"BaseModel", "Shape"} == set(NAMES)
    for ours, theirs in NAMES.items():
        known = {one.alias or name for name, one in getattr(shapes, ours).model_fields.items()}
        needed = {one.alias or name for name, one in getattr(shapes, ours).model_fields.items() if one.is_required()}
        for each in variants(published, theirs):
            assert known - set(each["properties"]) <= {"snapshot"}, ours
            assert needed <= set(each.get("required", [])), ours
    for ours, theirs in BODIES.items():
        assert set(get_type_hints(getattr(fields, ours))) <= set(published[theirs]["properties"]), ours


def variants(published: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """A shape; of one that differs by its type, each."""
    kinds = published[name].get("oneOf")
    return [published[kind["$ref"].rpartition("/")[2]] for kind in kinds] if kinds else [published[name]]


def client(it: Api, **credential: str) -> AsyncCallplane:
    """Somebody with the key, asking the program in this process."""
    way = AsyncWay(Retries(patience=0), httpx.ASGITransport(it.program.asgi))
    return AsyncCallplane("http://127.0.0.1:8080", way=way, **(credential or {"api_key": KEY}))


def seat_of(it: Api, participant: str) -> AsyncSeat:
    """A seat of the session ``s``."""
    token = it.token("s", participant)["Authorization"].removeprefix("Bearer ")
    limits = {"max_participants": 9, "empty_timeout": 1, "departure_timeout": 1, "grace": 1}
    session = Session(id="s", version=1, epoch=1, created_at="2026-01-05T09:00:00Z", **limits)
    return client(it).seat(Joined(participant=Participant(id=participant), token=token, session=session))


Calls = Callable[[Api], Awaitable[object]]

CALLS: dict[str, tuple[Calls, str | None]] = {
    "create": (lambda it: client(it).sessions.create(custom_id="daily", grace=7), "create"),
    "get": (lambda it: client(it).sessions.get("s"), None),
    "update": (lambda it: client(it).sessions.update("s", if_match=1, metadata={"a": 1}), "update-session"),
    "close": (lambda it: client(it).sessions.close("s", "maintenance"), "close"),
    "join": (lambda it: client(it).participants.join("s", name="Ada", role="moderator", identity="ada"), "join"),
    "participants": (lambda it: client(it).participants.list("s"), None),
    "mute all": (lambda it: client(it).participants.mute_all("s", ["mod"], audio=True), "mute-everybody"),
    "participant": (lambda it: client(it).participants.get("s", "ada"), None),
    "mute": (lambda it: client(it).participants.mute("s", "ada", audio=True), "update-participant"),
    "grant": (lambda it: client(it).participants.grant("s", "ada", publish=["screen"]), "update-participant"),
    "make a moderator": (lambda it: client(it).participants.make_moderator("s", "ada"), "update-participant"),
    "take moderation": (lambda it: client(it).participants.take_moderation("s", "ada"), "update-participant"),
    "stop stream": (lambda it: client(it).participants.stop_stream("s", "c"), None),
    "kick": (lambda it: client(it).participants.kick("s", "ada", ban=False), "leave"),
    "bans": (lambda it: client(it).bans.list("s"), None),
    "lift": (lambda it: client(it).bans.lift("s", "web:a/b"), None),
    "token": (lambda it: client(it).tokens.create("daily", "ada", role="moderator", seconds=60), None),
    "presence of one": (lambda it: client(it).presence.of_identity("web:ada"), None),
    "presence of all": (lambda it: client(it).presence.of_session("s"), None),
    "signal": (lambda it: client(it).signals.send("s", "wave", to=["ada", "role:moderator"]), None),
    "chat": (lambda it: client(it).chat.send("s", {"text": "hello"}, to=["ada"]), None),
    "state": (lambda it: client(it).state.get("s", "slide"), None),
    "set": (lambda it: client(it).state.set("s", "a.b", {"n": 1}, if_version=0), "set-state"),
    "unset": (lambda it: seat_of(it, "ada").state.delete("s", "a.b"), "set-state"),
    "webhooks": (lambda it: all_about_a_webhook(client(it)), None),
    "own session": (lambda it: seat_of(it, "ada").session(), None),
    "offer": (lambda it: seat_of(it, "ada").offer("publish", OFFER), "publish"),
    "own presence": (lambda it: seat_of(it, "ada").say_presence("dnd", "in a talk"), "update-participant"),
    "hand": (lambda it: seat_of(it, "ada").raise_hand(), "update-participant"),
    "own mute": (lambda it: seat_of(it, "ada").mute(video=True), "update-participant"),
    "own signal": (lambda it: seat_of(it, "ada").signal("wave", {"n": 1}), None),
    "candidates": (lambda it: seat_of(it, "ada").candidates("c", [{"candidate": "", "sdpMid": "0"}]), None),
    "stop": (lambda it: seat_of(it, "ada").stop("c"), "stop"),
    "come back": (lambda it: seat_of(it, "ada").come_back(), "join"),
    "leave": (lambda it: seat_of(it, "ada").leave(), "leave"),
    "anything": (lambda it: client(it).request("GET", "/sessions", limit=1), None),
}


async def all_about_a_webhook(callplane: AsyncCallplane) -> None:
    """Each method once."""
    hooks = callplane.webhooks
    made = await hooks.create("https://hooks.example/", ["participant-joined"])
    assert made.secret.startswith("whsec_")
    assert [one.id for one in await hooks.list()] == [made.id]
    assert (await hooks.update(made.id, types=["*"])).types == ["*"]
    assert (await hooks.rotate(made.id)).secret not in ("", made.secret)
    assert (await hooks.rotate(made.id, secret=made.secret)).secret == made.secret
    mine = "whsec_" + "MfKQ" * 8
    other = await hooks.create("https://hooks.example/", secret=mine)
    assert other.secret == mine
    await hooks.delete(other.id)
    sent = await hooks.test(made.id)
    assert [one.id async for one in hooks.deliveries(made.id, state="pending")] == [sent.id]
    assert await hooks.attempts(made.id, sent.id) == []
    assert (await hooks.replay(made.id, sent.id)).event_id == sent.event_id
    assert await hooks.replay_span(made.id, states=["dead"], start="2026-01-05T09:00:00Z") == 0
    await hooks.delete(made.id)
    with pytest.raises(Refused, match="not-found"):
        await hooks.get(made.id)


async def test_every_method_is_a_request_that_the_api_takes(database: Database) -> None:
    await session_of(database)
    bus = ScriptedBus(answering)
    sent: dict[str, str | None] = {}
    async with api(settings_for(database), bus) as it:
        for call, (does, _) in CALLS.items():
            bus.commands.clear()
            try:
                await does(it)
            except Refused as refused:
                # Nothing of the kind was offered.
                assert (call, refused.code) in (("candidates", "not-found"), ("stop stream", "not-found"))
                assert "connection" in refused.detail
            sent[call] = bus.commands[0].name if bus.commands else None
            assert len(bus.commands) <= 1
    assert sent == {call: command for call, (_, command) in CALLS.items()}


async def test_a_refusal_is_the_problem_that_the_api_answers(database: Database) -> None:
    async with api(settings_for(database), ScriptedBus(answering)) as it:
        with pytest.raises(Refused) as refused:
            await client(it).sessions.get("nobody")
        with pytest.raises(Refused) as nobody:
            await client(it, api_key="another").sessions.get("s")
    told: dict[str, Any] = refused.value.problem
    assert (refused.value.status, refused.value.code, refused.value.retryable) == (404, "not-found", False)
    assert told["request_id"] == refused.value.request_id != ""
    assert nobody.value.code == "unauthorized"
