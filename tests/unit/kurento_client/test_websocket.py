import asyncio
import errno
import socket as sockets
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from kurento_client import Options
from kurento_client.websocket import NO_WAY, is_refusal, opened, watch
from testkit.fakes.scripted_kurento import scripted_kurento
from testkit.servers.machine_time import machine_time, within

QUICK = Options(ping_interval=0.05, ping_timeout=0.2, close_timeout=0.05, open_timeout=10)


async def test_a_socket_has_no_subprotocol_and_no_compression() -> None:
    async with scripted_kurento() as kurento, opened(kurento.url, QUICK) as socket:
        assert socket.subprotocol is None
        assert socket.protocol.extensions == []
        assert socket.protocol.max_message_size is None


async def test_a_socket_is_closed_in_the_end() -> None:
    async with scripted_kurento() as kurento:
        async with opened(kurento.url, QUICK) as socket:
            pass
        with pytest.raises(ConnectionClosed):
            await socket.recv()


async def test_closing_a_silent_peer_takes_no_longer_than_it_may() -> None:
    async with scripted_kurento() as kurento, machine_time() as ran:
        async with opened(kurento.url, QUICK):
            kurento.freeze()
            began = ran()
        assert ran() - began < 4 * QUICK.close_timeout


async def test_answered_pings_keep_a_socket() -> None:
    async with scripted_kurento() as kurento, opened(kurento.url, QUICK) as socket:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await watch(socket, replace(QUICK, ping_timeout=20))


async def test_a_missing_pong_aborts_the_transport() -> None:
    async with scripted_kurento() as kurento, opened(kurento.url, QUICK) as socket:
        kurento.freeze()
        async with within(QUICK.ping_interval + 2 * QUICK.ping_timeout):
            assert await watch(socket, QUICK) == "no pong in 0.2 s"
        with pytest.raises(ConnectionClosed):
            await socket.recv()


async def test_a_full_send_buffer_does_not_hide_a_silent_server() -> None:
    async with scripted_kurento() as kurento, opened(kurento.url, QUICK) as socket:
        kurento.freeze()

        async def flood() -> None:
            with pytest.raises(ConnectionClosed):
                while True:
                    await socket.send("x" * 1_000_000)

        async with asyncio.TaskGroup() as group:
            group.create_task(flood())
            async with asyncio.timeout(20):
                assert await watch(socket, QUICK) is not None


async def test_watching_ends_with_the_socket() -> None:
    async with scripted_kurento() as kurento, opened(kurento.url, QUICK) as socket:
        kurento.cut()
        async with asyncio.timeout(20):
            assert await watch(socket, QUICK) is None


async def attempt(url: str, seconds: float = 10) -> Exception:
    """Open a socket where there is none and return why not."""
    with pytest.raises(NO_WAY) as failed:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(opened(url, replace(QUICK, open_timeout=seconds)))
    return failed.value


async def test_nobody_listening_is_a_refusal() -> None:
    async with scripted_kurento() as kurento:
        pass
    assert is_refusal(await attempt(kurento.url))
    assert is_refusal(await attempt(kurento.url.replace("127.0.0.1", "localhost")))


async def test_a_listener_that_does_not_answer_is_no_refusal() -> None:
    with sockets.create_server(("127.0.0.1", 0)) as listener:
        assert not is_refusal(await attempt(f"ws://127.0.0.1:{listener.getsockname()[1]}/kurento", 0.3))


def test_several_addresses_refuse_together() -> None:
    def joined(*numbers: int) -> OSError:
        return OSError("Multiple exceptions: " + ", ".join(f"[Errno {each}] said" for each in numbers))

    assert is_refusal(joined(errno.EADDRNOTAVAIL, errno.ECONNREFUSED))
    assert not is_refusal(joined(errno.ETIMEDOUT, errno.ECONNREFUSED))
    assert not is_refusal(joined(errno.EADDRNOTAVAIL))
    assert not is_refusal(TimeoutError())
    assert is_refusal(InvalidHandshake("no WebSocket"))
