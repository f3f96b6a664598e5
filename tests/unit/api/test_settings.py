"""Settings come from the environment, and each mistake in them is one sentence without a secret in it."""

import pytest
from pydantic import ValidationError

from api.__main__ import main
from api.settings import Settings
from callplane.program import settings_errors

SECRET = "s" * 40


def test_lists_and_keys_are_written_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLPLANE_TOKEN_SECRETS", f"{SECRET}, {'t' * 40}")
    monkeypatch.setenv("CALLPLANE_API_KEYS", f"web:{'a' * 40},ops:{'b:' * 20}")
    monkeypatch.setenv("CALLPLANE_CORS_ORIGINS", "https://a.example.org")
    monkeypatch.setenv("CALLPLANE_ICE_SERVERS", '[{"urls": ["stun:stun.example.org"]}]')
    monkeypatch.setenv("CALLPLANE_OPEN_ACCESS", "true")
    settings = Settings()
    assert settings.token_secrets == (SECRET, "t" * 40)
    assert settings.api_keys == {"web": "a" * 40, "ops": "b:" * 20}
    assert settings.cors_origins == ("https://a.example.org",)
    assert settings.ice_servers == ({"urls": ["stun:stun.example.org"]},)
    assert settings.open_access


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "CALLPLANE_TOKEN_SECRETS: is not set."),
        ({"token_secrets": "short"}, "CALLPLANE_TOKEN_SECRETS: every token secret needs at least 32 bytes."),
        ({"token_secrets": SECRET, "api_keys": "web"}, "CALLPLANE_API_KEYS: every key is written name:secret."),
        (
            {"token_secrets": SECRET, "api_keys": "web:x"},
            "CALLPLANE_API_KEYS: every key's secret needs at least 32 bytes.",
        ),
        (
            {"token_secrets": SECRET, "api_keys": f"web:{SECRET}", "key_tenants": "web:"},
            "CALLPLANE_KEY_TENANTS names no tenant for a key, and there is no open access.",
        ),
        (
            {"token_secrets": SECRET, "host": "0.0.0.0", "open_access": True},
            "Open access is only for a host that is this machine itself, 127.0.0.1 or ::1.",
        ),
    ],
)
def test_a_mistake_is_a_sentence(given: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValidationError) as wrong:
        Settings(**given)
    assert settings_errors(wrong.value) == [sentence]


def test_the_program_says_its_mistakes_and_ends(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CALLPLANE_TOKEN_SECRETS", "hunter2")
    monkeypatch.setenv("CALLPLANE_PORT", "99999")
    assert main([]) == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 2
    assert "hunter2" not in said
