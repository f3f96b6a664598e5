"""Embedded shutdown: releases every pipeline of a wrapper whose database ends with it, for nobody else ever could."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from callplane.concurrency import for_each
from callplane.contracts.errors import Trouble, Unavailable
from callplane.contracts.media import MediaRef
from callplane.telemetry.logs import logger
from wrapper.app import Program
from wrapper.media.port import Gone

RELEASE_SECONDS = 3.0


@asynccontextmanager
async def released_at_the_end(program: Program) -> AsyncIterator[None]:
    """Release every session's pipeline when the block ends, after the last command; media servers stay as they were."""
    try:
        yield
    finally:
        await program.listener.drain()
        try:
            async with asyncio.timeout(RELEASE_SECONDS):
                await _release(program)
        except (Unavailable, TimeoutError) as trouble:
            logger("passing").warning("pipelines may be left on the media servers", why=repr(trouble))


async def _release(program: Program) -> None:
    async def one(pipeline: MediaRef) -> None:
        try:
            await program.context.media.release(pipeline)
        except Gone:
            return
        except Trouble as trouble:
            logger("passing").warning("a pipeline is left", server=pipeline.server, why=str(trouble))

    await for_each(one, await program.context.store.sessions.pipelines())
