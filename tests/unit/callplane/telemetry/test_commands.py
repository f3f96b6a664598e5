"""Each command is counted, timed by stage and told of once, with the names of its request on the line."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
import structlog
from structlog.testing import capture_logs

from callplane.contracts.commands import Caller, Envelope, Join, Publish
from callplane.contracts.errors import Busy, Refusal, Trouble, Unavailable
from callplane.contracts.ids import participant_made_by
from callplane.telemetry.commands import CommandWatch, publishing
from callplane.telemetry.logs import named
from callplane.telemetry.metrics import Metrics
from callplane.telemetry.stages import stage
from callplane.telemetry.traces import Traces

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ENVELOPE = Envelope(
    id="c",
    session_id="s",
    caller=Caller(kind="participant", participant_id="p"),
    deadline=NOW,
    sent_at=NOW - timedelta(seconds=2),
    request_id="r",
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    body=Join(),
)
NAMES = {
    "command": "join",
    "command_id": "c",
    "session_id": "s",
    "participant_id": participant_made_by("c"),
    "request_id": "r",
    "trace_id": "0af7651916cd43dd8448eb211c80319c",
}


async def work(outcome: BaseException | None = None) -> str:
    """A handler that talks to its store and then ends like this."""
    with stage("store"):
        await asyncio.sleep(0)
    if outcome is not None:
        raise outcome
    return "done"


@pytest.mark.parametrize(
    ("failure", "outcome"),
    [
        (None, "done"),
        (Refusal("invalid"), "refused"),
        (Busy(), "busy"),
        (Trouble("x"), "trouble"),
        (Unavailable("x"), "away"),
        (KeyError("x"), "bug"),
        (asyncio.CancelledError(), "returned"),
    ],
)
async def test_an_attempt_is_counted_by_its_outcome(failure: BaseException | None, outcome: str) -> None:
    metrics = Metrics()
    watch = CommandWatch(metrics, now=lambda: NOW)
    try:
        assert await watch.attempt(ENVELOPE, 1, work(failure)) == "done"
    except BaseException as raised:
        assert raised is failure
    value = metrics.registry.get_sample_value
    labels = {"command": "join", "outcome": outcome}
    assert value("callplane_wrapper_command_seconds_count", labels) == 1
    assert value("callplane_wrapper_command_stage_seconds_sum", {"command": "join", "stage": "queue"}) == 2
    assert value("callplane_wrapper_command_stage_seconds_count", {"command": "join", "stage": "store"}) == 1


async def test_a_later_attempt_has_waited_on_purpose() -> None:
    metrics = Metrics()
    await CommandWatch(metrics, now=lambda: NOW).attempt(ENVELOPE, 2, work())
    labels = {"command": "join", "stage": "queue"}
    assert metrics.registry.get_sample_value("callplane_wrapper_command_stage_seconds_count", labels) is None


async def test_every_line_of_a_command_carries_its_names(capsys: pytest.CaptureFixture[str]) -> None:
    structlog.configure(
        processors=[named, structlog.processors.JSONRenderer()],
        logger_factory=structlog.PrintLoggerFactory(),
    )
    watch = CommandWatch()
    try:
        with watch.handling(ENVELOPE):
            structlog.get_logger().info("inside")
            await watch.attempt(ENVELOPE, 1, work())
        structlog.get_logger().info("behind")
    finally:
        structlog.reset_defaults()
    inside, told, behind = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert NAMES.items() <= inside.items()
    assert NAMES.items() <= told.items()
    assert (told["event"], told["outcome"], told["attempt"]) == ("command", "done", 1)
    assert {"ms", "queue_ms", "store_ms"} <= told.keys()
    assert behind == {"event": "behind"}


async def test_what_is_put_back_given_up_or_paused_is_counted() -> None:
    metrics = Metrics()
    watch = CommandWatch(metrics)
    value = metrics.registry.get_sample_value
    assert value("callplane_wrapper_dead_letters_total", {"why": "bug"}) == 0
    watch.buried("bug: KeyError")
    watch.buried("attempts: a consumer died in the last")
    watch.again("redelivered")
    watch.paused(on=True)
    assert value("callplane_wrapper_dead_letters_total", {"why": "bug"}) == 1
    assert value("callplane_wrapper_dead_letters_total", {"why": "attempts"}) == 1
    assert value("callplane_wrapper_commands_again_total", {"why": "redelivered"}) == 1
    assert value("callplane_wrapper_paused") == 1
    watch.paused(on=False)
    assert value("callplane_wrapper_paused") == 0
    with watch.handling(ENVELOPE):
        assert value("callplane_wrapper_commands_running") == 1
    assert value("callplane_wrapper_commands_running") == 0


def test_a_command_is_published_with_its_place_in_the_trace() -> None:
    bare = ENVELOPE.model_copy(update={"traceparent": None})
    with Traces().taken_up(ENVELOPE.traceparent), publishing(bare) as carried:
        assert carried == ENVELOPE
        with publishing(carried) as again:
            assert again is carried
    with publishing(ENVELOPE) as carried:
        assert carried is ENVELOPE


async def test_no_line_shows_what_was_offered() -> None:
    offered = ENVELOPE.model_copy(update={"body": Publish(participant_id="p", sdp_offer="v=0 hush")})
    watch = CommandWatch()
    with capture_logs() as lines, watch.handling(offered):
        await watch.attempt(offered, 1, work())
    assert "hush" not in str(lines)
