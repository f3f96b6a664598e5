"""`callplane load`: loads a deployment with calls, and says how it bore them."""

import argparse
import sys
import time
from typing import TYPE_CHECKING, Any

from cli.verbs.nouns import Verbs, alone
from cli.verbs.printing import print_facts, print_json, print_table
from cli.verbs.server import Failed, Server

if TYPE_CHECKING:
    from callplane_client import AsyncCallplane
    from cli.calls.load import Outcome

_ABOUT = """\
Load a deployment with calls: sessions of people who join, send and receive media, and say something.

Each message goes to everybody in its session, and is looked for there: what does not come within ten seconds of the
end is lost, what comes twice is doubled. With --kill a command of yours is run in the middle, again and again: a pod
that is deleted, say. Publishers need aiortc (pip install 'callplane[media]') and much of a processor each."""

_EXAMPLES = """\
  callplane load --sessions 50 --subscribers 8 --messages 5 --seconds 60
  callplane load --sessions 200 --per-second 10 --seconds 120
  callplane load --sessions 2 --publishers 2 --subscribers 4
  callplane load --sessions 20 --kill 'kubectl delete pod -l app=wrapper --wait=false' --every 15

exit status here: 0, 1 when messages were lost or doubled, or something was refused"""


def add(among: Verbs) -> None:
    """Put the verb on the command line."""
    load = alone(among, "load", _ABOUT, _EXAMPLES, _load)
    load.add_argument("--sessions", type=int, default=3, metavar="N", help="how many at a time (%(default)s)")
    load.add_argument("--publishers", type=int, default=0, metavar="N", help="with media, in each (%(default)s)")
    load.add_argument("--subscribers", type=int, default=3, metavar="N", help="others, in each (%(default)s)")
    load.add_argument("--messages", type=float, default=2, metavar="N", help="a second, in each (%(default)s)")
    load.add_argument("--seconds", type=float, default=20, metavar="N", help="how long (%(default)s)")
    about = "begin so many sessions a second (all at once)"
    load.add_argument("--per-second", type=float, default=0, metavar="N", help=about)
    load.add_argument("--kill", default="", metavar="COMMAND", help="run this in the middle, again and again")
    load.add_argument("--every", type=float, default=10, metavar="SECONDS", help="between two kills (%(default)s)")


def _load(given: argparse.Namespace, server: Server) -> int:
    if given.sessions < 1 or given.publishers + given.subscribers < 1:
        raise Failed("There is nobody to load it with: --sessions and --subscribers are 1 at least.", 2)
    if given.publishers:
        try:
            import cli.calls.callers  # noqa: F401
        except ImportError as missing:
            raise Failed(f"Publishers need aiortc ({missing.name}): pip install 'callplane[media]'") from None
    from cli.verbs.talking import talk

    return talk(_run, given, server)


async def _run(given: argparse.Namespace, callplane: "AsyncCallplane") -> int:
    from cli.calls.load import Plan, run

    names = ("sessions", "publishers", "subscribers", "messages", "seconds", "kill", "every", "per_second")
    plan = Plan(**{name: getattr(given, name) for name in names})
    began = time.monotonic()
    outcome = await run(callplane, plan, lambda so_far: _show(so_far, time.monotonic() - began))
    if sys.stderr.isatty():
        print("\r\x1b[2K", end="", file=sys.stderr, flush=True)
    if given.json:
        print_json(outcome.row())
    else:
        print_outcome(outcome.row())
    return 1 if outcome.lost or outcome.doubled or outcome.errors else 0


def print_outcome(row: dict[str, Any]) -> None:
    """What took how long as a table, and below it what was counted."""
    told = (
        ("joins", "joins", "join"),
        ("first pictures", "first_frames", "first_frame"),
        ("messages", "messages_sent", "delay"),
    )
    rows = [
        {"what": what, "count": row[count], "p50_ms": row[f"{name}_p50_ms"], "p99_ms": row[f"{name}_p99_ms"]}
        for what, count, name in told
    ]
    print_table(rows, "what", "count", "p50_ms", "p99_ms", nothing="")
    print()
    errors = ", ".join(f"{count} × {kind}" for kind, count in row["errors"].items())
    print_facts({**{name: row[name] for name in ("lost", "doubled", "kills", "kbps")}, "errors": errors or "none"})


def _show(outcome: "Outcome", seconds: float) -> None:
    """One line that is drawn anew on a terminal; elsewhere one every ten seconds."""
    live = sys.stderr.isatty()
    if not live and round(seconds) % 10:
        return
    row = outcome.row()
    line = (
        f"{seconds:4.0f} s  {row['joins']} joined (p99 {row['join_p99_ms'] or '-'} ms)  {row['messages_sent']} said"
        f" (p99 {row['delay_p99_ms'] or '-'} ms)  {row['doubled']} doubled  {sum(outcome.errors.values())} errors"
    )
    print(f"\r\x1b[2K{line}" if live else line, end="" if live else "\n", file=sys.stderr, flush=True)
