"""``python -m hooks``: one webhook process, until SIGTERM or Ctrl-C."""

from collections.abc import Sequence

from callplane.bus.rabbitmq import RabbitSettings, open_bus
from callplane.bus.stream_ports import stream_bounds
from callplane.probes import probes
from callplane.program import About, UntilStopped, end_process, run_program
from hooks.app import assemble
from hooks.settings import HooksSettings

LAST_SECONDS = 1.7

_ABOUT = About(
    command="python -m hooks",
    name="The webhook program",
    text="Takes events off RabbitMQ and posts them to the endpoints that tenants have named. Run as many as you like.",
    example="CALLPLANE_WEBHOOK_HOSTS=loopback python -m hooks",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; its exit status."""
    return run_program(_ABOUT, HooksSettings, run, arguments=arguments)


async def run(settings: HooksSettings, until_stopped: UntilStopped) -> None:
    """Send until a signal comes, then drain."""
    stream = stream_bounds(settings.event_stream_days, settings.event_stream_gigabytes)
    broker = RabbitSettings(settings.amqp_url, "hooks", quorum=settings.amqp_quorum, stream=stream)
    async with (
        open_bus(broker) as bus,
        assemble(settings, events=bus.events) as program,
        probes(settings.probe_host, settings.probe_port, program.is_ready, program.metrics.text) as port,
    ):
        await until_stopped(f"http://{settings.probe_host}:{port}", last_seconds=LAST_SECONDS)


if __name__ == "__main__":
    end_process(main())
