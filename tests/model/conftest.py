"""One loop for all lives of a file: hypothesis calls its rules without one."""

import asyncio
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    """The loop, and who runs in it."""
    with asyncio.Runner() as made:
        yield made
