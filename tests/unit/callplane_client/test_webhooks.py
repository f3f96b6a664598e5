"""Webhooks of a receiver: what is verified and what is not, by the words of Standard Webhooks."""

import base64
import json
import time

import pytest

from callplane_client.webhooks import NotVerified, WebhookVerifier, sign

SECRET, OTHER = ("whsec_" + base64.b64encode(name * 32).decode() for name in (b"a", b"b"))
BODY = json.dumps({"type": "participant-joined", "data": {"participant": {"id": "p"}}, "é": "é"}).encode()


def now() -> int:
    return int(time.time())


def test_what_was_signed_just_now_is_an_event() -> None:
    event = WebhookVerifier(SECRET).verify(sign(SECRET, "msg_1", now(), BODY), BODY)
    assert (event.id, event.type, event.data, event.body["é"]) == (
        "msg_1",
        "participant-joined",
        {"participant": {"id": "p"}},
        "é",
    )
    assert abs(event.sent_at.timestamp() - now()) <= 2


def test_a_published_example_is_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    """One whose signature others have computed."""
    monkeypatch.setattr(time, "time", lambda: 1649367553.0)
    headers = {
        "webhook-id": "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
        "webhook-timestamp": "1649367553",
        "webhook-signature": "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
    }
    body = '{"email":"test@example.com","username":"test_user"}'
    found = WebhookVerifier("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD").verify(headers, body)
    assert found.body["username"] == "test_user"


def test_headers_may_be_spelt_in_any_way() -> None:
    headers = {name.title(): value for name, value in sign(SECRET, "m", now(), BODY).items()}
    assert WebhookVerifier(SECRET).verify(headers, BODY.decode()).id == "m"


@pytest.mark.parametrize("known", [(SECRET,), (OTHER,), (OTHER, SECRET)])
def test_while_secrets_are_rotated_either_verifies(known: tuple[str, ...]) -> None:
    headers = sign(SECRET, "m", now(), BODY)
    headers["webhook-signature"] = "v1a,x v1,AAAA " + " ".join(
        sign(secret, "m", now(), BODY)["webhook-signature"] for secret in (SECRET, OTHER)
    )
    headers["webhook-timestamp"] = sign(SECRET, "m", now(), BODY)["webhook-timestamp"]
    assert WebhookVerifier(*known).verify(headers, BODY).id == "m"


def headers_of(**otherwise: str | int) -> dict[str, str]:
    """Those of now, but for what is said; a number is of seconds from now."""
    said = sign(SECRET, "m", now(), BODY)
    other = {f"webhook-{k}": str(now() + v) if isinstance(v, int) else v for k, v in otherwise.items()}
    return {name: value for name, value in (said | other).items() if value}


@pytest.mark.parametrize(
    ("otherwise", "body", "why"),
    [
        ({}, BODY + b" ", "no signature"),
        ({"id": "other"}, BODY, "no signature"),
        ({"timestamp": -60}, BODY, "no signature"),
        ({"timestamp": -301}, BODY, "too long ago"),
        ({"timestamp": 400}, BODY, "clocks"),
        ({"timestamp": "soon"}, BODY, "no number"),
        ({"timestamp": "9" * 40}, BODY, "no number"),
        ({"timestamp": "١٢"}, BODY, "no number"),
        ({"signature": "v1,é"}, BODY, "no signature"),
        ({"signature": "v2,AAAA"}, BODY, "no signature"),
        ({"signature": ""}, BODY, "no header"),
        ({"id": ""}, BODY, "no header"),
    ],
)
def test_all_else_is_not(otherwise: dict[str, str | int], body: bytes, why: str) -> None:
    with pytest.raises(NotVerified, match=why):
        WebhookVerifier(SECRET).verify(headers_of(**otherwise), body)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff"])
def test_what_is_signed_and_is_no_event_is_not_verified_either(body: bytes) -> None:
    with pytest.raises(NotVerified):
        WebhookVerifier(SECRET).verify(sign(SECRET, "m", now(), body), body)


@pytest.mark.parametrize("secrets", [(), ("whsec_é",), ("whsec_!!!",)])
def test_a_secret_that_is_none_is_a_mistake(secrets: tuple[str, ...]) -> None:
    with pytest.raises(ValueError):
        WebhookVerifier(*secrets)
