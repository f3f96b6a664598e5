"""The proxy that links fail by: what is reset is reset on both sides, and what is silent loses nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from testkit.servers.proxy import proxies


@asynccontextmanager
async def echo() -> AsyncIterator[int]:
    """A server that gives back what it gets."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(line)
        except ConnectionError:
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def test_it_carries_both_ways_and_passes_the_end_on() -> None:
    async with echo() as port, proxies() as opened:
        reader, writer = await asyncio.open_connection("127.0.0.1", (await opened(port)).port)
        writer.write(b"hello\n")
        assert await reader.readline() == b"hello\n"
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()


async def test_a_reset_is_one_for_the_client() -> None:
    async with echo() as port, proxies() as opened:
        link = await opened(port)
        reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
        writer.write(b"hello\n")
        await reader.readline()
        assert link.reset() == 1
        with pytest.raises(ConnectionResetError):
            await reader.readline()
        writer.close()


async def test_silence_delays_and_loses_nothing() -> None:
    async with echo() as port, proxies() as opened:
        link = await opened(port)
        reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
        link.silence()
        writer.write(b"hello\n")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await reader.readline()
        link.heal()
        assert await reader.readline() == b"hello\n"
        writer.close()


async def test_a_target_that_is_gone_refuses() -> None:
    async with echo() as port:
        pass
    async with proxies() as opened:
        reader, writer = await asyncio.open_connection("127.0.0.1", (await opened(port)).port)
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()


async def test_in_front_of_several_it_goes_to_one_that_takes_it() -> None:
    async with echo() as gone:
        pass
    async with echo() as port, proxies() as opened:
        link = await opened(gone, port)
        for _ in range(8):
            reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
            writer.write(b"hello\n")
            assert await reader.readline() == b"hello\n"
            writer.close()


async def test_words_of_the_target_are_put_in_place_of_others_wherever_they_are_cut() -> None:
    async with echo() as port, proxies() as opened:
        link = await opened(port)
        link.renamed = {b"one:1": b"two:2"}
        reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
        for part in (b"one:1 on", b"e:1 one", b":1 one one:\n", b"ends with o\n"):
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.01)
        assert await reader.readline() == b"two:2 two:2 two:2 one one:\n"
        assert await reader.readline() == b"ends with o\n"
        writer.write_eof()
        writer.close()
