"""Work beside a block."""

import asyncio

import pytest

from callplane.bus.background import beside


async def for_ever() -> None:
    """Never ends by itself."""
    await asyncio.Event().wait()


async def test_the_work_ends_with_the_block() -> None:
    """However long it would have gone on."""
    async with beside(for_ever(), for_ever()):
        pass


async def test_the_blocks_own_error_comes_out_as_it_is() -> None:
    """Not in a group: callers catch it by its type."""
    with pytest.raises(KeyError):
        async with beside(for_ever()):
            raise KeyError


async def test_a_crash_of_the_work_ends_the_block() -> None:
    """Nothing goes on half alive."""

    async def crash() -> None:
        raise ZeroDivisionError

    with pytest.raises(ExceptionGroup) as raised:
        async with beside(crash()):
            await for_ever()
    assert isinstance(raised.value.exceptions[0], ZeroDivisionError)


async def test_cancelling_the_block_is_cancelling() -> None:
    """The work ends, and the cancellation goes on."""

    async def block() -> None:
        async with beside(for_ever()):
            await for_ever()

    task = asyncio.ensure_future(block())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
