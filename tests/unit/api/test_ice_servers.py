"""TURN credentials: what coturn computes again, and when a browser is given any."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from api.ice_servers import IceServers, TurnCredentials
from api.settings import Settings
from callplane.program import settings_errors

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECRET = "s" * 40


def test_a_credential_names_its_end_and_is_signed_with_the_shared_secret() -> None:
    given = TurnCredentials(("turn:turn.example.org:3478",), "north", 3600).ice_server("seat", NOW)
    assert given["urls"] == ["turn:turn.example.org:3478"]
    assert given["username"] == f"{int(NOW.timestamp()) + 3600}:seat"
    again = hmac.new(b"north", given["username"].encode(), hashlib.sha1).digest()
    assert base64.b64decode(given["credential"]) == again


def test_another_seat_has_another_credential() -> None:
    turn = TurnCredentials(("turn:turn.example.org:3478",), "north", 3600)
    assert turn.ice_server("a", NOW)["credential"] != turn.ice_server("b", NOW)["credential"]


def test_turn_comes_after_the_servers_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLPLANE_TOKEN_SECRETS", SECRET)
    monkeypatch.setenv("CALLPLANE_ICE_SERVERS", '[{"urls": ["stun:stun.example.org"]}]')
    assert [one["urls"] for one in IceServers(Settings()).for_user("seat", NOW)] == [["stun:stun.example.org"]]
    monkeypatch.setenv("CALLPLANE_TURN_URLS", "turn:a:3478, turns:a:5349")
    monkeypatch.setenv("CALLPLANE_TURN_SECRET", "north")
    servers = IceServers(Settings()).for_user("seat", NOW)
    assert [one["urls"] for one in servers] == [["stun:stun.example.org"], ["turn:a:3478", "turns:a:5349"]]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"turn_urls": "turn:a:3478"}, "CALLPLANE_TURN_URLS needs CALLPLANE_TURN_SECRET, which coturn knows as well."),
        (
            {"turn_urls": "a:3478", "turn_secret": "north"},
            "CALLPLANE_TURN_URLS holds turn:host:port and turns:host:port, separated by commas.",
        ),
    ],
)
def test_mistakes_are_named(given: dict[str, str], sentence: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate({"token_secrets": SECRET, **given})
    assert settings_errors(caught.value) == [sentence]
