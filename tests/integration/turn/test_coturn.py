"""coturn as compose and the cluster start it: a participant's credential reaches the media servers and nothing else."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from aioice import stun

from api.ice_servers import TurnCredentials
from cli.calls.relays import allocated
from testkit.deploy.manifests import ROOT, rendered
from testkit.servers.coturn import SECRET, Heard, client, coturn, own_address

FORBIDDEN = 403
UNSUPPORTED_TRANSPORT = 442


def arguments(of: str) -> list[str]:
    """What compose or the manifests hand to coturn beside the script."""
    if of == "compose":
        services = yaml.safe_load((ROOT / "docker/compose.yaml").read_text())["services"]
        return [str(one) for one in services["coturn"]["command"]]
    return [str(one) for one in rendered("overlays/prod").container("coturn").spec["args"]]


@pytest.mark.parametrize("of", ["compose", "overlays/prod"])
async def test_media_reaches_the_media_server_and_no_other_address(tmp_path: Path, of: str) -> None:
    own = own_address()
    loop = asyncio.get_running_loop()
    async with coturn(own, arguments(of), tmp_path) as server, client(server.port) as ann:
        transport, heard = await loop.create_datagram_endpoint(Heard, local_addr=(own, 0))
        media_server = transport.get_extra_info("sockname")[:2]
        await ann.connect()
        await ann.send_data(b"media", media_server)
        assert (await asyncio.wait_for(heard.got.get(), 10))[0] == b"media"
        transport.close()
        # Loopback, private networks, the metadata of clouds, and the world.
        for number, address in enumerate(
            ("127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "169.254.169.254", "198.51.100.1")
        ):
            with pytest.raises(stun.TransactionFailed) as refused:
                await ann.channel_bind(0x4100 + number, (address, 8888))
            assert refused.value.response.error_code == FORBIDDEN, address


async def test_a_machine_that_is_no_media_server_is_not_reached(tmp_path: Path) -> None:
    allowed = "198.51.100.7 198.51.100.20-198.51.100.29"
    async with coturn(allowed, arguments("compose"), tmp_path) as server, client(server.port) as ann:
        await ann.connect()
        with pytest.raises(stun.TransactionFailed) as refused:
            await ann.channel_bind(0x4100, (own_address(), 8888))
        assert refused.value.response.error_code == FORBIDDEN


@pytest.mark.parametrize("of", ["compose", "overlays/prod"])
async def test_no_tcp_connection_is_relayed(tmp_path: Path, of: str) -> None:
    async with coturn(own_address(), arguments(of), tmp_path) as server, client(server.port) as ann:
        with pytest.raises(stun.TransactionFailed) as refused:
            await ann.allocate_tcp()
        assert refused.value.response.error_code == UNSUPPORTED_TRANSPORT
        assert "a-turn-secret" not in server.process.output()


async def test_the_command_line_finds_out_whether_it_lets_one_allocate(tmp_path: Path) -> None:
    async with coturn(own_address(), arguments("compose"), tmp_path) as server:
        url = f"turn:127.0.0.1:{server.port}?transport=tcp"
        given = TurnCredentials((url,), SECRET, 600).ice_server("seat", datetime.now(UTC))
        assert await allocated(url, given["username"], given["credential"])
        with pytest.raises(OSError, match="refuses"):
            await allocated(url, given["username"], "of somebody else")


async def test_without_media_servers_it_says_what_is_missing_and_does_not_start(tmp_path: Path) -> None:
    for media_servers, word in (("", "MEDIA_SERVERS"), ("no-such-name.invalid", "no-such-name.invalid")):
        with pytest.raises(Exception, match=word):
            async with coturn(media_servers, [], tmp_path):
                pass
