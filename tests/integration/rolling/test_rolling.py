"""The rolling update in short: a call goes on while each program is replaced, and N and N+1 work side by side."""

import pytest

from bench.rolling.deployment import NEXT, N
from bench.rolling.people import Size
from bench.rolling.run import Plan, prove
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
