"""Grants over HTTP: what a join, a token and a PATCH carry on, and which signals a seat may send."""

import jwt

from callplane.contracts.commands import Envelope, GrantModeration, Join, UpdateParticipant
from callplane.contracts.refusals.sessions import session_full
from callplane.contracts.shapes import GrantChanges
from testkit.fakes.asgi import BY_KEY, KEY, api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.fakes.scripted_wrapper import answering
from testkit.servers.servers import Database
from tests.unit.api.auth.test_permissions import session_of

QUIET = {"publish": ["microphone", "microphone"], "signal": False}


async def test_a_token_is_signed_with_its_grants_and_a_join_takes_them_along(database: Database) -> None:
    await session_of(database)
    bus = ScriptedBus()

    async def full(_: Envelope) -> None:
        raise session_full(1)

    bus.far = full
    async with api(settings_for(database), bus) as it:
        asked = {"session": "daily", "identity": "ada", "grants": QUIET}
        token = (await it.http.post("/v1/tokens", json=asked, headers=BY_KEY)).json()["token"]
        said = jwt.decode(token, KEY, ["HS256"])["grants"]
        bearer = {"Authorization": f"Bearer {token}"}
        for who, body in ((bearer, {}), (BY_KEY, {"grants": QUIET}), (BY_KEY, {})):
            await it.http.post("/v1/sessions/s/participants", json=body, headers=who)
        own = await it.http.post("/v1/sessions/s/participants", json={"grants": QUIET}, headers=bearer)
    assert said == {"publish": ["microphone"], "signal": False}
    assert own.status_code == 403
    joins = [sent.body for sent in bus.commands]
    wanted = GrantChanges(publish=["microphone"], signal=False)
    assert [body.grants for body in joins if isinstance(body, Join)] == [wanted, wanted, None]


async def test_a_seat_sends_the_signals_that_it_may(database: Database) -> None:
    seats = [
        {"id": "ada", "role": "publisher", "grants": {"signal": False}},
        {"id": "bob", "role": "moderator", "grants": {"chat": False}},
    ]
    await session_of(database, participants=seats)
    bus = ScriptedBus()
    async with api(settings_for(database), bus) as it:
        got = {
            (who, kind): (
                await it.http.post("/v1/sessions/s/signals", json={"type": kind}, headers=it.token("s", who))
            ).status_code
            for who in ("ada", "bob")
            for kind in ("chat", "wave")
        }
    assert got == {("ada", "chat"): 202, ("ada", "wave"): 403, ("bob", "chat"): 403, ("bob", "wave"): 202}
    assert [message.data["type"] for _, message in bus.published] == ["chat", "wave"]


async def test_who_may_publish_nothing_is_refused_before_anybody_is_asked(database: Database) -> None:
    seats = [{"id": "ada", "role": "publisher", "grants": {"publish": [], "subscribe": False}}]
    await session_of(database, participants=seats)
    bus = ScriptedBus()
    async with api(settings_for(database), bus) as it:
        sdp = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
        for offer in ({"kind": "publish"}, {"kind": "subscribe", "publisher": "ada"}):
            body = {**offer, "sdp_offer": sdp}
            answer = await it.http.post("/v1/sessions/s/connections", json=body, headers=it.token("s", "ada"))
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
        body = {"kind": "subscribe", "publisher": "ada", "source": "screen", "sdp_offer": sdp}
        answer = await it.http.post("/v1/sessions/s/connections", json=body, headers=it.token("s", "ada"))
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert not bus.commands


async def test_what_lets_another_moderate_goes_where_the_giver_is_looked_at(database: Database) -> None:
    """A wrapper of the version before does not know that command; and would give whatever is asked by the other."""
    await session_of(database)
    bus = ScriptedBus()
    bus.far = answering
    promoted, let = {"role": "moderator"}, {"name": "Ada", "grants": {"moderate": True}}
    async with api(settings_for(database), bus) as it:
        for body in (promoted, let, {"role": "publisher"}, {"grants": {"moderate": False}}):
            answer = await it.http.patch("/v1/sessions/s/participants/ada", json=body, headers=it.token("s", "mod"))
            assert (answer.status_code, answer.headers["ETag"]) == (200, '"6"')
        for body, who in ((promoted, BY_KEY), (promoted, it.token("s", "mod"))):
            whom = "ada" if who is BY_KEY else "mod"
            await it.http.patch(f"/v1/sessions/s/participants/{whom}", json=body, headers=who)
        refused = await it.http.patch("/v1/sessions/s/participants/mod", json=promoted, headers=it.token("s", "ada"))
    assert (refused.status_code, refused.json()["detail"]) == (
        403,
        "Only a moderator may do this. Ask one, or send an API key.",
    )
    sent = [sent.body for sent in bus.commands]
    assert [type(body) for body in sent] == [GrantModeration] * 2 + [UpdateParticipant] * 4
    assert isinstance(sent[1], GrantModeration)
    assert sent[1].changes == let
