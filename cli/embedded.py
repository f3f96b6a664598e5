"""API and wrapper inside the process of `callplane up`: the one place that knows how they are put together."""

import contextlib
import importlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass

from cli.options import Options

_PROGRAMS = ("api.app", "wrapper.app")


@dataclass(frozen=True)
class Surroundings:
    """What the two programs are to use; ``amqp_url`` None means the in-process bus."""

    amqp_url: str | None
    mongo_url: str
    kms_urls: tuple[str, ...]


def load() -> None:
    """Import both programs: a second of work, done while the servers start."""
    for program in _PROGRAMS:
        importlib.import_module(program)


@contextlib.asynccontextmanager
async def serve(options: Options, around: Surroundings, listener: socket.socket) -> AsyncIterator[str]:
    """Run wrapper and API for the block; the address that the API serves."""
    raise NotImplementedError
    yield ""
