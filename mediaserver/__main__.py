"""Program: runs the media server, see `python -m mediaserver --help`."""

import asyncio
import json
import logging
import os
import signal
import sys

import structlog

from mediaserver.server import assemble
from mediaserver.settings import Settings, parse_settings


def main() -> None:
    """Run until a signal says to stop."""
    settings = parse_settings()
    # standard output carries the ready line alone
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    asyncio.run(run(settings))
    # Nothing is left to be done, and taking the interpreter apart takes longer than all of the above.
    sys.stderr.flush()
    os._exit(0)


async def run(settings: Settings) -> None:
    """Say when it listens, and wait for the signal."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with assemble(settings) as listening:
        line = {"name": settings.name, "port": listening.port, "ready": True, "url": listening.url}
        print(json.dumps(line), flush=True)
        await stop.wait()


if __name__ == "__main__":
    main()
