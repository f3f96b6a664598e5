"""API program: ``python -m api`` serves until SIGTERM or SIGINT, then drains."""

from collections.abc import Sequence

import uvloop

from api.app import serve
from api.dispatch.buses import rabbitmq
from api.settings import Settings
from callplane.bus.stream_ports import stream_bounds
from callplane.program import About, UntilStopped, end_process, run_program

LAST_SECONDS = 0.4

_ABOUT = About(
    command="python -m api",
    name="The API",
    text="The API of Callplane, and its call page. Run as many as you like; SIGTERM drains it.",
    example="CALLPLANE_TOKEN_SECRETS=$(openssl rand -hex 32) python -m api",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; its exit status."""
    return run_program(_ABOUT, Settings, run, arguments=arguments, loop_factory=uvloop.new_event_loop)


async def run(settings: Settings, until_stopped: UntilStopped) -> None:
    """Serve until a signal comes, then drain."""
    stream = stream_bounds(settings.event_stream_days, settings.event_stream_gigabytes)
    async with (
        rabbitmq(settings.amqp_url, quorum=settings.amqp_quorum, stream=stream) as buses,
        serve(settings, buses=buses) as url,
    ):
        await until_stopped(url, last_seconds=settings.drain_delay + settings.drain_wait + LAST_SECONDS)


if __name__ == "__main__":
    end_process(main())
