"""Work beside a block, and loops that go on."""

import asyncio

import pytest

from callplane.concurrency import Pauses, alongside, forever, until_done


async def for_ever() -> None:
    """Never ends by itself."""
    await asyncio.Event().wait()


async def test_the_work_ends_with_the_block() -> None:
    """However long it would have gone on."""
    async with alongside(for_ever(), for_ever()):
        pass


async def test_the_blocks_own_error_comes_out_as_it_is() -> None:
    """Not in a group: callers catch it by its type."""
    with pytest.raises(KeyError):
        async with alongside(for_ever()):
            raise KeyError


async def test_a_crash_of_the_work_ends_the_block() -> None:
    """Nothing goes on half alive."""

    async def crash() -> None:
        raise ZeroDivisionError

    with pytest.raises(ExceptionGroup) as raised:
        async with alongside(crash()):
            await for_ever()
    assert isinstance(raised.value.exceptions[0], ZeroDivisionError)


async def test_cancelling_the_block_is_cancelling() -> None:
    """The work ends, and the cancellation goes on."""

    async def block() -> None:
        async with alongside(for_ever()):
            await for_ever()

    task = asyncio.ensure_future(block())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


class Failing:
    """Work that meets its failures one after the other, then goes on for ever."""

    def __init__(self, *failures: BaseException | None) -> None:
        self._failures = list(failures)
        self.begun = 0
        self.first = asyncio.Event()
        self.steady = asyncio.Event()

    async def run(self) -> None:
        """Fail, or end by itself (None), or go on."""
        self.begun += 1
        self.first.set()
        if not self._failures:
            self.steady.set()
            await for_ever()
        elif (failure := self._failures.pop(0)) is not None:
            raise failure


QUICK = Pauses(first=0.001, longest=0.002)


async def test_nothing_that_a_loop_raises_ends_it() -> None:
    """Nor that it ends by itself, nor that somebody cancelled what it waited for."""
    group = ExceptionGroup("of tasks", [ZeroDivisionError()])
    work = Failing(KeyError("x"), group, None, asyncio.CancelledError(), AssertionError())
    counted: list[str] = []
    async with alongside(forever("the loop", work.run, failed=counted.append, pauses=QUICK)), asyncio.timeout(5):
        await work.steady.wait()
    assert work.begun == 6
    assert counted == ["the loop"] * 5


async def test_work_that_has_an_end_is_done_when_it_returns() -> None:
    work = Failing(KeyError("x"), None)
    async with asyncio.timeout(5):
        await until_done("the work", work.run, pauses=QUICK)
    assert work.begun == 2


async def test_cancelling_ends_a_loop_while_it_works_and_while_it_pauses() -> None:
    for work, pauses in ((Failing(), QUICK), (Failing(KeyError()), Pauses(first=60, longest=60))):
        task = asyncio.ensure_future(forever("the loop", work.run, pauses=pauses))
        async with asyncio.timeout(5):
            await work.first.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert work.begun == 1


async def test_pauses_are_doubled_to_a_bound_and_short_again_after_a_good_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slept: list[float] = []
    now = 0.0

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 6:
            raise asyncio.CancelledError

    class Loop:
        """A clock that the work moves."""

        def time(self) -> float:
            """Now."""
            return now

    async def work() -> None:
        nonlocal now
        now += 100 if len(slept) == 4 else 1
        raise KeyError

    monkeypatch.setattr("callplane.concurrency.asyncio.sleep", sleep)
    monkeypatch.setattr("callplane.concurrency.asyncio.get_running_loop", Loop)
    monkeypatch.setattr("callplane.concurrency.random.uniform", lambda _low, high: high)
    with pytest.raises(asyncio.CancelledError):
        await forever("the loop", work, pauses=Pauses(first=1, longest=4, steady=30))
    assert slept == [1, 2, 4, 4, 1, 2]
