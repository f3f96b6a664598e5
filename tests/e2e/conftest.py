"""One Callplane and one Chromium for all end-to-end tests: each test has a call and people of its own."""

import os
import uuid
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser

from testkit.clients.browsers import AUTOPLAY, chromium
from testkit.servers.programs import up


@pytest.fixture(scope="session")
async def base_url() -> AsyncIterator[str]:
    """The link to ``callplane up`` of this run, with its token, or to what CALLPLANE_E2E_URL names."""
    given = os.environ.get("CALLPLANE_E2E_URL")
    if given:
        yield given
        return
    async with up() as link:
        yield link


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """A Chromium that plays sound without a click."""
    async with chromium(AUTOPLAY) as running:
        yield running


@pytest.fixture
def call() -> str:
    """The name of a call that nobody else uses."""
    return f"call-{uuid.uuid4().hex[:12]}"
