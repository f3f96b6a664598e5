"""The crowd reads at every door of the bare push, goes on where it was dropped, and its process obeys orders."""

from pathlib import Path

import pytest

from bench.messages.__main__ import options, parser
from bench.messages.doors import DOORS
from bench.messages.scenarios import SCENARIOS
from bench.messages.stage import Cast, bare_push


async def test_every_door_gets_everything_in_order(tmp_path: Path) -> None:
    async with bare_push(tmp_path, Cast()) as stage:
        for door in DOORS:
            await stage.ask("rooms", count=1, people=5)
            assert (await stage.ask("open", name=door))["open"] % 5 == 0
        paced = await stage.ask("paced", rate=20, seconds=0.5)
        assert (paced["accepted"], paced["delivered"], paced["lost"]) == (40, 200, 0)
        flood = await stage.ask("flood", in_flight=4, seconds=0.1)
        assert flood["accepted"] > 4
        assert flood["delivered"] == 5 * flood["accepted"]
        assert (flood["lost"], flood["doubled"], flood["disordered"], flood["strays"]) == (0, 0, 0, 0)
        assert stage.used(memory=True)["api"].memory > 1 << 20


async def test_who_is_dropped_opens_again(tmp_path: Path) -> None:
    async with bare_push(tmp_path, Cast()) as stage:
        await stage.ask("rooms", count=1, people=5)
        await stage.ask("open", name="poll")
        back = await stage.ask("dropped", rate=5, seconds=1.5)
        assert back["reopened"] == 5
        assert 0 <= back["back_seconds"] < 10
        assert (back["lost"], back["codes"]) == (0, {"0": 5})  # the room of the bare push keeps what was sent


@pytest.mark.parametrize("name", SCENARIOS)
def test_what_is_said_goes_before_what_a_scenario_has_of_its_own(name: str) -> None:
    own = SCENARIOS[name].own
    assert options(parser().parse_args([name]), own).rate == own.get("rate", 20.0)
    said = options(parser().parse_args([name, "--rate", "3", "--door", "sse", "--no-keys"]), own)
    assert (said.rate, said.doors, said.keys) == (3.0, ("sse",), False)
