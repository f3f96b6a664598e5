"""Media servers have the names that they are given, or those of their addresses, and no two the same."""

from collections.abc import Callable
from functools import partial

import pytest
from pydantic import ValidationError

from api.settings import Settings
from callplane.program import ProgramSettings
from wrapper.settings import WrapperSettings, named_servers


@pytest.mark.parametrize(
    ("text", "servers"),
    [
        ("", {}),
        (" , ", {}),
        ("ws://a:8888/kurento", {"a:8888": "ws://a:8888/kurento"}),
        ("wss://a/kurento?x=1", {"a": "wss://a/kurento?x=1"}),
        ("one=ws://a/k, two = ws://b/k", {"one": "ws://a/k", "two": "ws://b/k"}),
        ("ws://[::1]:8888/kurento,", {"[::1]:8888": "ws://[::1]:8888/kurento"}),
    ],
)
def test_names_and_addresses(text: str, servers: dict[str, str]) -> None:
    assert named_servers(text) == servers


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("http://a/kurento", "no media server"),
        ("a:8888", "no media server"),
        ("one=", "no media server"),
        ("=ws://a/k", "no media server"),
        ("one=ws://a/k,one=ws://b/k", "two media servers"),
        ("ws://a/k,ws://a/other", "two media servers"),
    ],
)
def test_what_is_no_list_of_media_servers_is_said(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        named_servers(text)


def test_settings_come_from_the_environment_and_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLPLANE_KMS_URLS", "one=ws://a/k")
    monkeypatch.setenv("CALLPLANE_LEASE_SECONDS", "0.5")
    settings = WrapperSettings()
    assert (named_servers(settings.kms_urls), settings.lease_seconds) == ({"one": "ws://a/k"}, 0.5)
    monkeypatch.setenv("CALLPLANE_KMS_URLS", "http://a")
    with pytest.raises(ValidationError, match="no media server"):
        WrapperSettings()


@pytest.mark.parametrize("program", [WrapperSettings, partial(Settings, token_secrets="s" * 32)])
def test_without_queues_of_sessions_messages_go_by_logs(program: Callable[..., ProgramSettings]) -> None:
    """Said by either program at its start, with what is to be set."""
    with pytest.raises(ValidationError, match="CALLPLANE_COMMANDS=sharded needs CALLPLANE_MAILBOXES=log"):
        program(commands="sharded")
    assert program(commands="sharded", mailboxes="log").commands == "sharded"
