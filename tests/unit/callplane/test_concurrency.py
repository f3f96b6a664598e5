"""Work beside a block, loops that go on, bounded fan-out, pauses, and what comes out of groups."""

import asyncio
from contextlib import suppress

import pytest

from callplane.concurrency import (
    AT_ONCE,
    Pauses,
    alongside,
    for_each,
    forever,
    pause_unless,
    single_exception,
    until_done,
)
from callplane.contracts.errors import Trouble, Unavailable


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


async def test_some_at_a_time_and_all_of_them() -> None:
    running, most = 0, 0
    done: list[int] = []

    async def work(n: int) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        running -= 1
        done.append(n)

    await for_each(work, range(3 * AT_ONCE))
    assert (most, sorted(done)) == (AT_ONCE, list(range(3 * AT_ONCE)))


@pytest.mark.parametrize("count", [1, 2])
async def test_a_cancellation_that_its_work_forgets_ends_for_each(count: int) -> None:
    begun = asyncio.Event()

    async def forgets(_: int) -> None:
        begun.set()
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(10)

    task = asyncio.create_task(for_each(forgets, range(count)))
    await begun.wait()
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


async def test_a_database_that_is_away_is_not_asked_for_each_of_them() -> None:
    asked: list[int] = []

    async def work(n: int) -> None:
        asked.append(n)
        await asyncio.sleep(0)
        raise Unavailable("for a while")

    with pytest.raises(Unavailable):
        await for_each(work, range(10 * AT_ONCE))
    assert len(asked) == AT_ONCE


async def test_what_one_of_them_fails_of_keeps_no_other_from_its_end() -> None:
    done: list[int] = []

    async def work(n: int) -> None:
        await asyncio.sleep(0.001 * n)
        if n == 0:
            raise Unavailable("just then")
        done.append(n)

    with pytest.raises(Unavailable):
        await for_each(work, range(AT_ONCE))
    assert done == list(range(1, AT_ONCE))


async def test_trouble_of_one_keeps_no_other_from_its_turn() -> None:
    """Beyond the first so many too; only when the store is away the rest waits."""
    done: list[int] = []
    failure: Exception = Trouble()

    async def work(n: int) -> None:
        await asyncio.sleep(0)
        if n == 3:
            raise failure
        done.append(n)

    with pytest.raises(Trouble):
        await for_each(work, range(100), limit=32)
    assert len(done) == 99
    done.clear()
    failure = Unavailable()
    with pytest.raises(Unavailable):
        await for_each(work, range(100), limit=32)
    assert len(done) == 31 + 3, "those that were under way, and the three that had begun where one had ended before"


async def test_what_fails_last_does_not_hide_what_failed_first() -> None:
    async def work(n: int) -> None:
        await asyncio.sleep(0.001 * n)
        raise KeyError(n)

    with pytest.raises(KeyError) as raised:
        await for_each(work, [3, 1, 2])
    assert raised.value.args == (1,)


async def test_cancelling_the_whole_begins_nothing_more_and_waits_for_what_was_begun() -> None:
    begun: list[int] = []
    ended: list[int] = []

    async def work(n: int) -> None:
        begun.append(n)
        try:
            await for_ever()
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            ended.append(n)
            raise Trouble from None  # some libraries turn a cancellation into an error of their own

    task = asyncio.ensure_future(for_each(work, range(5), limit=2))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (begun, sorted(ended)) == ([0, 1], [0, 1])


async def test_what_somebody_else_cancelled_is_not_lost() -> None:
    """A driver whose connection ends may cancel the future that the work waits for; nobody cancelled the work."""
    done: list[int] = []

    async def work(n: int) -> None:
        if n == 1:
            raise asyncio.CancelledError
        done.append(n)

    with pytest.raises(asyncio.CancelledError):
        await for_each(work, range(4), limit=2)
    assert done == [0, 2, 3]


async def test_a_pause_lasts_its_time_or_until_the_event() -> None:
    event = asyncio.Event()
    assert await pause_unless(event, 0.001) is False
    asyncio.get_running_loop().call_soon(event.set)
    async with asyncio.timeout(5):
        assert await pause_unless(event, None) is True
        assert await pause_unless(event, 60) is True


async def test_a_lone_exception_comes_out_of_its_groups() -> None:
    """With its cause, and from as deep as it lies; several stay a group."""
    lone, cause = KeyError("x"), ValueError()
    lone.__cause__ = cause
    with pytest.raises(KeyError) as raised, single_exception():
        raise ExceptionGroup("outer", [ExceptionGroup("inner", [lone])])
    assert raised.value is lone
    assert raised.value.__cause__ is cause
    with pytest.raises(ExceptionGroup), single_exception():
        raise ExceptionGroup("two", [KeyError(), ValueError()])
    with pytest.raises(KeyError), single_exception():
        async with asyncio.TaskGroup():
            raise KeyError
