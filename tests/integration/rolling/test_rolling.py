"""The rolling update in short: a call goes on while each program is replaced, and N and N+1 work side by side."""

from dataclasses import replace

import pytest

from bench.rolling.deployment import NEXT, N
from bench.rolling.people import Size
from bench.rolling.run import Plan, moved, prove
from testkit.servers.servers import Servers

# First wrappers of N+1 serve api pods of N, then the reverse.
SHORT = Plan(
    steps=(("wrapper", N), ("api", NEXT)),
    wrapper=NEXT,
    people=Size(calls=1, processes=1, every=0.4, visit=0.4),
    pods=1,
    media_servers=1,
    calm=1.0,
    hold=0.5,
)


@pytest.mark.long
@pytest.mark.timeout(180)
async def test_nothing_is_lost_while_both_versions_are_there(servers: Servers) -> None:
    verdict = await prove(servers, SHORT)
    assert verdict.wrong == [], verdict.text()


@pytest.mark.long
@pytest.mark.timeout(240)
async def test_nothing_is_lost_while_commands_move_to_shards_and_back(servers: Servers) -> None:
    """Wrappers are told first and then the api, and back the other way round, with a call on logs under it."""
    plan = replace(SHORT, steps=moved("per-session"), wrapper=N, mailboxes="log")
    verdict = await prove(servers, plan)
    assert verdict.wrong == [], verdict.text()
