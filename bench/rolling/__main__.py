"""The proof of the rolling update: every api and wrapper is replaced under live calls, as the manifests say.

What k8s/overlays/prod starts is started as processes (the images' commands, the manifests' variables, ports, probes,
signals and times), behind one address that spreads connections as a Service does. People hold calls of two, 160x120 at
10 frames a second without sound, signal each other and change their metadata all the time; visitors make calls, join,
offer and leave. They retry as the SDK does. Exit status 1 when anything was dropped, lost, doubled or refused.
"""

import argparse
import asyncio
import sys
from dataclasses import replace
from pathlib import Path

from bench.calls import servers
from bench.rolling.people import Size
from bench.rolling.run import MIXED, PLAIN, Plan, moved, prove, switched
from bench.rolling.verdict import Verdict


async def run(given: argparse.Namespace) -> Verdict:
    """Servers of its own around the run."""
    steps = MIXED if given.mixed else PLAIN * given.rounds
    if given.switch:
        steps = switched(steps, given.mailboxes)
    if given.move:
        steps = moved(given.commands)
    people = Size(given.calls, given.processes, given.every, given.visit)
    async with servers() as around:
        plan = Plan(steps, mailboxes=given.mailboxes, people=people, pods=given.pods, calm=given.calm, logs=given.logs)
        plan = replace(plan, commands=given.commands)
        return await prove(around, plan)


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser("bench.rolling", description=__doc__)
    parser.add_argument("--calls", type=int, default=20, help="calls of two people (%(default)s)")
    parser.add_argument("--pods", type=int, default=2, help="pods of api and of wrapper (%(default)s)")
    parser.add_argument("--rounds", type=int, default=2, help="how often everything is replaced (%(default)s)")
    parser.add_argument("--mixed", action="store_true", help="replace N by N+1, and N+1 by N, instead of the rounds")
    parser.add_argument(
        "--mailboxes", choices=("queues", "log"), default="queues", help="how messages go (%(default)s)"
    )
    parser.add_argument("--switch", action="store_true", help="new sessions get the other engine from the middle on")
    parser.add_argument(
        "--commands",
        choices=("per-session", "sharded"),
        default="per-session",
        help="where they wait; shards ask for --mailboxes log (%(default)s)",
    )
    parser.add_argument("--move", action="store_true", help="to the other queues and back, in place of the rounds")
    parser.add_argument("--every", type=float, default=2.0, help="seconds between two signals of one (%(default)s)")
    parser.add_argument("--visit", type=float, default=2.0, help="a visitor's pause between rounds (%(default)s)")
    parser.add_argument("--processes", type=int, default=2, help="how many processes the people share (%(default)s)")
    parser.add_argument("--calm", type=float, default=0, help="seconds without restarts; 0 is as long as with them")
    parser.add_argument("--logs", type=Path, help="a folder in which the logs of all processes are kept")
    given = parser.parse_args()
    verdict = asyncio.run(run(given))
    print(f"{given.calls} calls of two, {given.pods} pods of each program{', N and N+1 mixed' if given.mixed else ''}")
    print(verdict.text())
    for line in verdict.wrong:
        print(f"WRONG: {line}")
    if not verdict.wrong:
        print("No call was dropped, no message lost, and no request refused that a repeat did not cure.")
    return 1 if verdict.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
