"""``python -m api``: serve until SIGTERM or SIGINT, then drain."""

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence

import uvloop
from pydantic import ValidationError

from api.app import serve
from api.dispatch.buses import rabbitmq
from api.settings import Settings, mistakes
from callplane.contracts.errors import Unavailable
from callplane.telemetry.logs import configure_logs

LAST_SECONDS = 0.4

_ABOUT = "The API of Callplane. Prints one JSON line on standard output once it listens, and drains on SIGTERM."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; 2 for mistakes in the settings, 1 when it cannot start."""
    names = ", ".join(f"CALLPLANE_{name.upper()}" for name in Settings.model_fields)
    parser = argparse.ArgumentParser(
        "python -m api", description=_ABOUT, epilog=f"Settings are environment variables: {names}."
    )
    parser.parse_args(arguments)
    try:
        settings = Settings()
    except ValidationError as wrong:
        print("\n".join(mistakes(wrong)), file=sys.stderr)
        return 2
    configure_logs(settings.log_level)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_run(settings))
    except (Unavailable, OSError) as trouble:
        print(f"The API cannot start: {trouble}.", file=sys.stderr)
        return 1
    return 0


async def _run(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    async with (
        rabbitmq(settings.amqp_url, quorum=settings.amqp_quorum) as carriers,
        serve(settings, carriers=carriers) as url,
    ):
        print(json.dumps({"ready": True, "url": url}), flush=True)
        await stop.wait()
        # PyMongo lets no call end before its own deadline, cancelled or not: by then every caller has been answered.
        loop.call_later(settings.drain_delay + settings.drain_wait + LAST_SECONDS, os._exit, 0)


if __name__ == "__main__":
    sys.exit(main())
