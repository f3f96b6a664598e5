"""What counts as a broker that cannot be reached, and what does not."""

import asyncio

import pytest
from aio_pika.exceptions import ChannelClosed, ChannelPreconditionFailed, ConnectionClosed

from callplane.bus.ports import Unroutable
from callplane.bus.rabbitmq.errors import as_unavailable
from callplane.contracts.errors import Unavailable


@pytest.mark.parametrize(
    "error",
    [
        TimeoutError(),
        ConnectionResetError(),
        ConnectionClosed(320, "going down"),
        ChannelClosed(404, "no such queue"),
        asyncio.CancelledError(),
        Exception(),
    ],
)
async def test_a_loss_is_away(error: BaseException) -> None:
    """Also when aiormq says it by a cancellation that nobody asked for, or by a bare Exception."""
    with pytest.raises(Unavailable), as_unavailable("doing"):
        raise error


@pytest.mark.parametrize("error", [ChannelPreconditionFailed(406, "other"), Unroutable(), KeyError()])
async def test_what_no_waiting_cures_goes_through(error: Exception) -> None:
    """As it is."""
    with pytest.raises(type(error)), as_unavailable("doing"):
        raise error


@pytest.mark.parametrize("made_of_it", [None, asyncio.CancelledError(), ConnectionResetError(), Exception()])
async def test_a_cancellation_stays_one(made_of_it: BaseException | None) -> None:
    """Whatever the library makes of it: forgets it, or raises something else."""

    async def careless() -> None:
        with as_unavailable("doing"):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if made_of_it is not None:
                    raise made_of_it from None

    task = asyncio.ensure_future(careless())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_cleaning_up_after_a_cancellation_works() -> None:
    """Only a cancellation inside the block counts."""

    async def cleans_up() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            with as_unavailable("cleaning"):
                await asyncio.sleep(0)
            return "clean"
        return "never"

    task = asyncio.ensure_future(cleans_up())
    await asyncio.sleep(0)
    task.cancel()
    assert await task == "clean"
