"""A wrapper that alone does not reach a media server passes on what others can do, out of shards (design 3.6)."""

import pytest

from callplane.contracts.ids import ParticipantId, SessionId
from testkit.inprocess.wrappers import RunningWrappers, running_wrappers
from testkit.servers.servers import Servers
from wrapper.app import Program
from wrapper.media.port import Unreached


def passed_on(program: Program) -> float:
    """How many commands it has."""
    labels = {"why": "elsewhere"}
    value = program.context.metrics.registry.get_sample_value("callplane_wrapper_commands_again_total", labels)
    return value or 0.0


async def seat_in_call(r: RunningWrappers) -> tuple[SessionId, ParticipantId]:
    """Somebody in a session that has its pipeline already."""
    session = await r.session()
    ann, bo = [await r.seat(session) for _ in range(2)]
    await r.publish(session, ann)
    return session, bo


async def test_every_offer_is_answered_though_one_of_two_wrappers_reaches_nothing(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever takes it; and no session of it is left to others for good, nor gets a queue."""
    async with running_wrappers(servers, commands="sharded", mailboxes="log") as r:
        [lonely, well] = r.programs
        seats = [await seat_in_call(r) for _ in range(3)]

        def unreached(name: str) -> None:
            raise Unreached(name)

        monkeypatch.setattr(lonely.context.media, "_server", unreached)
        monkeypatch.setattr(lonely.context.media, "reached", frozenset)
        for session, participant in seats * 2:  # the broker gives what comes to a queue to one and the other in turn
            assert (await r.publish(session, participant))["state"] == "ready"
        assert passed_on(lonely) >= 1
        assert passed_on(well) == 0
        assert lonely.listener.shards() == well.listener.shards() == 64
        assert [name for name in await servers.vhost.queues() if name.startswith("session.")] == []
