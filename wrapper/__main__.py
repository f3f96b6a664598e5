"""``python -m wrapper``: one wrapper process, until SIGTERM or Ctrl-C."""

from collections.abc import Sequence

import uvloop

from callplane.bus.rabbitmq import RabbitSettings, open_bus
from callplane.bus.stream_ports import stream_bounds
from callplane.probes import probes
from callplane.program import About, UntilStopped, end_process, run_program
from wrapper.app import assemble
from wrapper.settings import WrapperSettings

BROKER_SECONDS = 60.0
LAST_SECONDS = 1.7

_ABOUT = About(
    command="python -m wrapper",
    name="The wrapper",
    text="Takes session commands off RabbitMQ and drives Kurento. Run as many as you like.",
    example="CALLPLANE_KMS_URLS=ws://127.0.0.1:8888/kurento python -m wrapper",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; its exit status."""
    return run_program(_ABOUT, WrapperSettings, run, arguments=arguments, loop_factory=uvloop.new_event_loop)


async def run(settings: WrapperSettings, until_stopped: UntilStopped) -> None:
    """Work until a signal comes, then drain."""
    async with open_bus(of_broker(settings)) as bus:
        await bus.wait_up(BROKER_SECONDS)
        async with (
            assemble(settings, bus=bus) as program,
            probes(settings.probe_host, settings.probe_port, program.is_ready, program.context.metrics.text) as port,
        ):
            await program.started()
            await until_stopped(f"http://{settings.probe_host}:{port}", last_seconds=LAST_SECONDS)


def of_broker(settings: WrapperSettings) -> RabbitSettings:
    """How a wrapper with these settings uses the broker."""
    shards = settings.commands == "sharded"
    stream = stream_bounds(settings.event_stream_days, settings.event_stream_gigabytes)
    return RabbitSettings(settings.amqp_url, "wrapper", quorum=settings.amqp_quorum, shards=shards, stream=stream)


if __name__ == "__main__":
    end_process(main())
