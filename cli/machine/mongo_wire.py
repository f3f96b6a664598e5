"""MongoDB wire protocol: one command to a mongod over a bare socket, for a server that is only becoming one.

A driver cannot be used for that: its monitors connect again and again to a server that is still starting, and
PyMongo 4.20 leaves the socket open when it is closed in the middle of such an attempt.
"""

import asyncio
import contextlib
import struct
from typing import Any

import bson

_OP_MSG = 2013
_HEADER = struct.Struct("<iiii")
_FLAGS_AND_KIND = struct.Struct("<ib")
_DEADLINE = 10.0


class CommandFailed(Exception):
    """The server answered with an error; ``code`` is MongoDB's."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


async def command(port: int, document: dict[str, Any]) -> dict[str, Any]:
    """Run a command on the database ``admin`` and return the answer; OSError when nobody listens."""
    body = _FLAGS_AND_KIND.pack(0, 0) + bson.encode(document | {"$db": "admin"})
    async with asyncio.timeout(_DEADLINE):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(_HEADER.pack(_HEADER.size + len(body), 1, 0, _OP_MSG) + body)
            length, *_ = _HEADER.unpack(await reader.readexactly(_HEADER.size))
            answer = await reader.readexactly(length - _HEADER.size)
        except asyncio.IncompleteReadError as ended:
            raise ConnectionResetError("the server hung up") from ended
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
    said: dict[str, Any] = bson.decode(answer[_FLAGS_AND_KIND.size :])
    if said.get("ok") != 1:
        raise CommandFailed(said.get("code", 0), str(said.get("errmsg")))
    return said
