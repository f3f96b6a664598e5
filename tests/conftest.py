"""What every test shares: the event loop that the programs themselves run on."""

import pytest


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run async tests on asyncio, the only loop that Callplane supports."""
    return "asyncio"
