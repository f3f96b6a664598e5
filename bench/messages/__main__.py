"""Messages benchmark: rooms, doors and engines, beside what the same frames cost with nothing behind them.

    python -m bench.messages [SCENARIO ...] [--engine queues log] [--door websocket sse poll] [--people 50] [--rate 20]

Programs, servers and clients are processes of their own on a private RabbitMQ and mongod, and share this machine's
cores; each table has the bare ceiling of its run. Rate limits are off. CPU is /proc's, with the idling of the same
time beside it; the clients' own is not in it. Exit status 0: figures are shown, and not judged.
"""

import argparse
import asyncio
import os
from dataclasses import fields
from typing import Any

from bench.calls import servers
from bench.messages.doors import DOORS
from bench.messages.run import Options, Run
from bench.messages.scenarios import SCENARIOS
from bench.messages.stage import many_files
from callplane.telemetry.logs import configure_logs
from cli.machine.rundir import run_directory

ENGINES = ("queues", "log")


def parser() -> argparse.ArgumentParser:
    """What can be asked; what is not said, a scenario has a value of its own for."""
    lines = "\n".join(f"  {name:12}{scenario.goal}" for name, scenario in SCENARIOS.items())
    made = argparse.ArgumentParser(
        "bench.messages",
        description=f"{__doc__}\nscenarios, and what they are to show:\n{lines}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("scenario", nargs="*", choices=[[], *SCENARIOS], default=[], metavar="SCENARIO")
    made.add_argument("--engine", dest="engines", nargs="+", choices=ENGINES)
    made.add_argument("--door", dest="doors", nargs="+", choices=DOORS)
    made.add_argument("--rooms", type=int)
    made.add_argument("--people", type=int, nargs="+", help="seats of a room; several: one run after the other")
    made.add_argument("--rate", type=float, help="messages a second into each room")
    made.add_argument("--seconds", type=float)
    made.add_argument("--in-flight", type=int, nargs="+", help="signals under way: one run after the other")
    made.add_argument("--pods", type=int, nargs="+")
    made.add_argument("--bytes", type=int, help="of a signal's data")
    made.add_argument("--no-keys", dest="keys", action="store_const", const=False, help="without Idempotency-Key")
    made.add_argument("--send", choices=("socket", "post"), help="how those who read by WebSocket send (socket)")
    made.add_argument(
        "--writer",
        action="store_const",
        const=True,
        help="send past the API, by the engine's messenger (its CPU: last)",
    )
    made.add_argument("--no-ceilings", dest="ceilings", action="store_const", const=False)
    return made


def options(given: argparse.Namespace, own: dict[str, Any]) -> Options:
    """A scenario's own options, and over them what was said."""
    said = {one.name: value for one in fields(Options) if (value := getattr(given, one.name)) is not None}
    listed = {name: tuple(value) if isinstance(value, list) else value for name, value in said.items()}
    return Options(**{**own, **listed})


async def main(given: argparse.Namespace) -> None:
    """One scenario after the other on the same servers."""
    many_files()
    async with servers() as around:
        for name in given.scenario or SCENARIOS:
            scenario = SCENARIOS[name]
            print(f"\n## {name}\n\n{scenario.goal} (load average {os.getloadavg()[0]:.1f})", flush=True)
            with run_directory() as logs:
                await scenario.play(Run(around, logs, options(given, scenario.own)))


if __name__ == "__main__":
    configure_logs("warning")
    asyncio.run(main(parser().parse_args()))
