"""One Callplane and one Chromium for all end-to-end tests: each test has a call and people of its own."""

import os
import uuid
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser

from testkit.clients.browsers import AUTOPLAY, chromium
from testkit.servers.programs import UpLinks, up


@pytest.fixture(scope="session")
async def links() -> AsyncIterator[UpLinks]:
    """Those of ``callplane up`` of this run, or what CALLPLANE_E2E_URL and CALLPLANE_E2E_CONSOLE name."""
    given = os.environ.get("CALLPLANE_E2E_URL")
    if given:
        yield UpLinks(given, os.environ.get("CALLPLANE_E2E_CONSOLE", ""))
        return
    async with up() as found:
        yield found


@pytest.fixture
def base_url(links: UpLinks) -> str:
    """The link to the page, with its token."""
    return links.page


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """A Chromium that plays sound without a click."""
    async with chromium(AUTOPLAY) as running:
        yield running


@pytest.fixture
def call() -> str:
    """The name of a call that nobody else uses."""
    return f"call-{uuid.uuid4().hex[:12]}"
