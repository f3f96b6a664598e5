"""Access tokens of the client: the API takes what it signs, and it reads what the API signs."""

import time

import pytest

from api.auth.tokens import AccessTokens, BadToken, ParticipantTokens
from callplane.contracts.ids import ParticipantId, SessionId
from callplane_client.tokens import AccessToken, read_token

SECRET = "an-api-key-of-the-tests-0123456789abcdef"
API = AccessTokens({"web": SECRET}, {"web": "t"}, 7 * 24 * 3600)


def test_the_api_verifies_what_was_signed_here() -> None:
    token = AccessToken("ada", "daily", role="moderator").signed("web", SECRET)
    verified = API.verify(token)
    assert (verified.subject, verified.session, verified.role, verified.tenant) == ("ada", "daily", "moderator", "t")
    with pytest.raises(BadToken):
        API.verify(AccessToken("ada", "daily").signed("web", SECRET + "x"))


def test_grants_are_signed_as_they_were_said() -> None:
    token = AccessToken("ada", "daily", grants={"publish": ["microphone"], "chat": False}).signed("web", SECRET)
    verified = API.verify(token)
    assert verified.grants is not None
    assert (verified.grants.publish, verified.grants.chat, verified.grants.moderate) == (["microphone"], False, None)
    hidden = AccessToken("rec", "daily", grants={"hidden": True}).signed("web", SECRET)
    watching = API.verify(hidden).grants
    assert watching is not None
    assert watching.hidden


def test_all_sessions_are_said_by_a_star() -> None:
    assert API.verify(AccessToken("ada", "*", seconds=60).signed("web", SECRET)).session is None


def test_both_kinds_are_read() -> None:
    until = int(time.time()) + 60
    access = read_token(API.sign("web", {"sub": "ada", "session": "daily", "role": "publisher"}, until))
    seat = read_token(ParticipantTokens([SECRET]).sign(SessionId("s"), ParticipantId("p")))
    assert (access.session, access.subject, access.role, access.is_participant) == ("daily", "ada", "publisher", False)
    assert access.expires_at is not None
    assert access.expires_at.timestamp() == until
    assert (seat.session, seat.subject, seat.expires_at, seat.is_participant) == ("s", "p", None, True)


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c", "e30.W10.x", "é.é.é"])
def test_what_is_no_token_is_a_value_error(token: str) -> None:
    with pytest.raises(ValueError):
        read_token(token)


@pytest.mark.parametrize(
    "wrong",
    [
        {"identity": ""},
        {"session": ""},
        {"role": "king"},
        {"seconds": 0},
        {"seconds": 10**9},
        {"grants": {"fly": True}},
    ],
)
def test_nonsense_is_refused_where_it_is_written(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        AccessToken(**{"identity": "ada", "session": "daily", **wrong})  # type: ignore[arg-type]
