"""Every command, its wrapper dying, pausing or being cut off at each call that it makes to the outside."""

import pytest

from tests.support.modes import (
    BURIED,
    KILLED,
    KILLED_ANSWERED,
    PAUSED,
    SECONDS,
    SEVERED_AFTER,
    SEVERED_BEFORE,
    Mode,
    hit,
    named,
    runs,
)
from tests.support.scenes import COMMANDS, OFFERS
from tests.support.servers import Servers

pytestmark = pytest.mark.timeout(SECONDS)
every_command = pytest.mark.parametrize("names", runs(COMMANDS), ids=named)


@every_command
async def test_a_wrapper_that_dies_leaves_its_command_to_another(servers: Servers, names: list[str]) -> None:
    await _hit(servers, names, KILLED)


@every_command
async def test_what_an_answered_command_owes_outlives_its_wrapper(servers: Servers, names: list[str]) -> None:
    await _hit(servers, names, KILLED_ANSWERED)


@pytest.mark.parametrize("names", runs(OFFERS), ids=named)
async def test_an_offer_that_is_given_up_leaves_nothing(servers: Servers, names: list[str]) -> None:
    await _hit(servers, names, BURIED)


@every_command
async def test_a_wrapper_that_wakes_up_late_does_no_harm(servers: Servers, names: list[str]) -> None:
    await _hit(servers, names, PAUSED)


@every_command
async def test_a_call_that_fails_without_its_effect_is_made_again(servers: Servers, names: list[str]) -> None:
    await _hit(servers, names, SEVERED_BEFORE)


@every_command
async def test_a_call_that_fails_with_its_effect_is_done_once(servers: Servers, names: list[str]) -> None:
    await _hit(servers, names, SEVERED_AFTER)


async def _hit(servers: Servers, names: list[str], mode: Mode) -> None:
    await hit(servers, {name: COMMANDS[name] for name in names}, mode)
