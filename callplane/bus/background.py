"""Work that runs beside a block, and ends with it."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any


@asynccontextmanager
async def beside(*works: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run the works while the block runs. A work that crashes cancels the block and is raised in a group.

    The block's own exception comes out as it is, not in a group: callers catch it by its type.
    """
    failure: Exception | None = None
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(work) for work in works]
        try:
            yield
        except Exception as error:
            failure = error
        finally:
            for task in running:
                task.cancel()
    if failure is not None:
        raise failure
