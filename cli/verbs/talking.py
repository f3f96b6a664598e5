"""Asyncio verbs: runs one against a Callplane, until it ends or Ctrl-C, with its trouble in one sentence."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable

from callplane.telemetry.failures import leaves
from callplane_client import AsyncCallplane, AsyncWay, CallplaneError, Retries
from cli.verbs.server import REFUSED, UNAVAILABLE, Failed, Server

PATIENCE = 15.0

Verb = Callable[[argparse.Namespace, AsyncCallplane], Awaitable[int]]


def talk(verb: Verb, given: argparse.Namespace, server: Server) -> int:
    """The verb's exit status. Raises Failed; KeyboardInterrupt, when it has ended what it had begun."""
    return asyncio.run(_talk(verb, given, server))


async def _talk(verb: Verb, given: argparse.Namespace, server: Server) -> int:
    try:
        async with AsyncCallplane(server.url, api_key=server.key, way=AsyncWay(Retries(PATIENCE))) as callplane:
            return await verb(given, callplane)
    except (CallplaneError, ExceptionGroup) as trouble:
        for leaf in leaves(trouble):
            if not isinstance(leaf, CallplaneError):
                raise
            raise Failed(str(leaf), UNAVAILABLE if leaf.retryable else REFUSED) from None
        raise
