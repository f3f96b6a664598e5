"""The address that people open."""

import socket

import pytest

from cli import listening_socket as module
from cli.listening_socket import listening_socket
from cli.machine.errors import CannotStart
from cli.machine.ports import free_port
from cli.options import Options


def test_the_default_port_that_is_taken_gives_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setattr(module, "DEFAULT_PORT", port)
    with socket.create_server(("127.0.0.1", port)), listening_socket(Options()) as sock:
        assert port < sock.getsockname()[1] < port + 50


def test_a_port_that_was_asked_for_and_is_taken_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(CannotStart, match=f"port {port} is taken"):
            listening_socket(Options(port=port))


def test_port_0_is_any_free_one() -> None:
    with listening_socket(Options(port=0)) as sock:
        assert sock.getsockname()[1] > 0


def test_an_address_of_another_machine_is_an_error() -> None:
    with pytest.raises(CannotStart, match=r"192\.0\.2\.1"):
        listening_socket(Options(host="192.0.2.1", port=0))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "[::1]", "127.9.9.9"])
def test_this_machine_is_loopback(host: str) -> None:
    assert Options(host=host).is_loopback


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org"])
def test_what_others_can_reach_is_no_loopback(host: str) -> None:
    assert not Options(host=host).is_loopback
