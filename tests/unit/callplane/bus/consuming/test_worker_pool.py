"""Worker pool at its end: what was handed to it in the same turn is never half begun."""

import asyncio
import gc
import warnings
from typing import Any, cast

from callplane.bus.consuming.worker_pool import ConsumerLimits, WorkerPool
from callplane.bus.ports import Work


class NoConsumers:
    """Nothing to open or close."""

    async def open(self) -> None:
        pass

    async def close(self) -> None:
        pass


async def test_what_is_begun_while_it_ends_leaves_no_coroutine_that_nobody_awaits() -> None:
    async def nothing(*_: Any) -> None:
        pass

    async def healthy() -> bool:
        return True

    work = Work(nothing, nothing, healthy, nothing)
    pool = WorkerPool(work, cast(Any, None), NoConsumers(), ConsumerLimits())
    begun: list[str] = []

    async def delete(queue: str) -> None:
        begun.append(queue)

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        async with pool.serve():
            pool.in_background(delete, "early")
            await asyncio.sleep(0)
            pool.in_background(delete, "late")
        pool.in_background(delete, "after")
        gc.collect()
    assert begun == ["early"]
    assert [str(one.message) for one in told] == []
