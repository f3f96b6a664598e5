"""``python -m wrapper``: one wrapper process, until SIGTERM or Ctrl-C."""

import argparse
import asyncio
import json
import os
import signal
import sys

from pydantic import ValidationError

from callplane.bus.rabbitmq import RabbitSettings, open_bus
from callplane.contracts.errors import Trouble, Unavailable
from callplane.telemetry.logs import configure_logs
from wrapper.app import assemble
from wrapper.monitoring.probes import probes
from wrapper.settings import WrapperSettings

BROKER_SECONDS = 60.0
LAST_SECONDS = 1.7


def main() -> int:
    """Read the settings, run, and say in one sentence each what is wrong with them."""
    _arguments()
    try:
        settings = WrapperSettings()
    except ValidationError as wrong:
        for error in wrong.errors():
            name = "_".join(str(part) for part in error["loc"]).upper()
            what = error["msg"].removeprefix("Value error, ")
            print(f"CALLPLANE_{name}: {what}", file=sys.stderr)
        return 2
    configure_logs(settings.log_level)
    try:
        asyncio.run(run(settings))
    except (Unavailable, Trouble) as trouble:
        print(f"callplane wrapper: {trouble}", file=sys.stderr)
        return 1
    return 0


async def run(settings: WrapperSettings) -> None:
    """Work until a signal comes, then drain."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with open_bus(RabbitSettings(settings.amqp_url, "wrapper", quorum=settings.amqp_quorum)) as bus:
        await bus.wait_up(BROKER_SECONDS)
        async with (
            assemble(settings, bus=bus) as program,
            probes(settings.probe_host, settings.probe_port, program.is_ready, program.context.metrics.text) as port,
        ):
            await program.started()
            print(json.dumps({"ready": True, "url": f"http://{settings.probe_host}:{port}"}), flush=True)
            await stop.wait()
            # PyMongo lets no call end before its own deadline, cancelled or not, and the drain has asked for all that
            # matters: what still waits for a silent server is left as after a kill, which others cure (design 7.2).
            asyncio.get_running_loop().call_later(LAST_SECONDS, os._exit, 0)


def _arguments() -> None:
    lines = [
        f"  CALLPLANE_{name.upper():<18} {field.description or ''} (default: {field.default or 'none'})"
        for name, field in WrapperSettings.model_fields.items()
    ]
    argparse.ArgumentParser(
        prog="python -m wrapper",
        description="Takes session commands off RabbitMQ and drives Kurento. Run as many as you like.",
        epilog="Settings are environment variables:\n" + "\n".join(lines),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()


if __name__ == "__main__":
    sys.exit(main())
