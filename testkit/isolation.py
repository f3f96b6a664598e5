"""Isolation of tests: one that is cancelled, or ends by what is no ``Exception``, fails alone.

anyio runs all tests of a worker, and the fixtures that outlive them, in one task; a CancelledError or a group with
more than Exceptions in it ends that task, and every later test with it (ClosedResourceError). What a test adds to the
context of its logs ends with it, too.
"""

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from contextlib import contextmanager
from inspect import isasyncgenfunction, iscoroutinefunction
from typing import Any

import pytest

from callplane.telemetry.logs import log_context


class EndedOtherwise(Exception):
    """A test or fixture was cancelled, or ended by a group of more than Exceptions: its cause."""


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Isolate a test that is a coroutine function."""
    test = pyfuncitem.obj
    if iscoroutinefunction(test):
        pyfuncitem.obj = _isolated(test)
    try:
        return (yield)
    finally:
        pyfuncitem.obj = test


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any]) -> Generator[None, object, object]:
    """Isolate an asynchronous fixture, its setup and its teardown."""
    fixture: Any = fixturedef.func
    definition: Any = fixturedef  # whose function is a constant for pytest's types, and no constant for anyio
    if isasyncgenfunction(fixture):
        definition.func = _isolated_generator(fixture)
    elif iscoroutinefunction(fixture):
        definition.func = _isolated(fixture)
    try:
        return (yield)
    finally:
        definition.func = fixture


def _isolated(function: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Coroutine[Any, Any, Any]]:
    @functools.wraps(function)
    async def isolated(*args: Any, **kwargs: Any) -> Any:
        with _ordinary_end(), log_context():
            return await function(*args, **kwargs)

    return isolated


def _isolated_generator(function: Callable[..., AsyncIterator[Any]]) -> Callable[..., AsyncIterator[Any]]:
    @functools.wraps(function)
    async def isolated(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        values = function(*args, **kwargs)
        with _ordinary_end():
            value = await anext(values)
        yield value
        with _ordinary_end():
            async for _ in values:
                raise AssertionError("a fixture yields once")

    return isolated


@contextmanager
def _ordinary_end() -> Generator[None]:
    try:
        yield
    except asyncio.CancelledError as cancelled:
        raise EndedOtherwise("it was cancelled") from cancelled
    except BaseExceptionGroup as group:
        # Ctrl-C ends the run, and a group of Exceptions is one.
        if isinstance(group, ExceptionGroup) or group.subgroup((KeyboardInterrupt, SystemExit)):
            raise
        raise EndedOtherwise("more than exceptions ended it") from group
    finally:
        # The task goes on with the next test, which would count these for cancellations of its own.
        task = asyncio.current_task()
        while task is not None and task.cancelling():
            task.uncancel()
