"""`callplane up`: runs everything on this machine, in front of you, until Ctrl-C."""

import asyncio
import socket
import sys
from contextlib import AsyncExitStack
from urllib.parse import parse_qsl, urlsplit

from callplane.telemetry.failures import leaves
from cli import embedded
from cli.children import Children
from cli.interrupt import STOP_WITHOUT_ONE_WITHIN, Interrupt, Interrupted, interrupts
from cli.listening_socket import listening_socket
from cli.machine.errors import CannotStart
from cli.machine.rundir import run_directory
from cli.machine_parts import BusChoice, Machine, address, check_installed
from cli.options import DEFAULT_PORT, Options
from cli.progress import Progress
from cli.supervised import ChildDied


async def up(options: Options) -> int:
    """Start everything, say where to find it, stay until told to stop, and stop everything. The exit status."""
    progress, status, fallout = Progress(sys.stdout), 0, False
    children = Children(progress.say)
    with interrupts(children.kill) as interrupt:
        try:
            await _run(options, progress, children, interrupt)
        except* Interrupted:
            progress.say("Stopped.")
        except* ChildDied:
            status, fallout = 1, True
        except* CannotStart as troubles:
            status = 1
            _complain(troubles)
        except* Exception:
            # What API and wrapper meet while they are stopped without the server that died, or was killed from the
            # console, has been told already.
            if not (fallout or children.is_one_away):
                raise
    return status


async def _run(options: Options, progress: Progress, children: Children, interrupt: Interrupt) -> None:
    async with asyncio.TaskGroup() as group:
        asked = group.create_task(interrupt.raised())
        check_installed(options)
        with listening_socket(options) as sock, run_directory(options.data_dir) as directory:
            async with AsyncExitStack() as stack:
                machine = Machine(options, directory, stack, progress, children)
                await _start(machine, sock)
                try:
                    await children.first_death()
                except* ChildDied as died:
                    # Said before everything else is stopped: that takes seconds, and this is why.
                    _complain(died)
                    interrupt.stopping(STOP_WITHOUT_ONE_WITHIN)
                    raise
        asked.cancel()


async def _start(machine: Machine, sock: socket.socket) -> None:
    options, progress = machine.options, machine.progress
    progress.say("Starting Callplane")
    async with asyncio.TaskGroup() as group:
        loading = group.create_task(asyncio.to_thread(embedded.load, options.log_level))
        bus = group.create_task(machine.bus())
        database = group.create_task(machine.database())
        media_servers = group.create_task(machine.media_servers())
        with progress.step("programs"):
            await loading
    url, servers = bus.result().url, media_servers.result()
    addresses = embedded.ServerAddresses(machine.directory, url, database.result(), servers)
    with progress.step("API, wrapper"):
        links = await machine.stack.enter_async_context(embedded.serve(options, addresses, sock, machine.children))
    machine.stack.callback(progress.say, "  stopping API and wrapper")
    _announce(machine, links, bus.result())


def _announce(machine: Machine, links: embedded.Links, bus: BusChoice) -> None:
    options, say, link = machine.options, machine.progress.say, links.page
    port = urlsplit(link).port
    say()
    if options.port is None and port != DEFAULT_PORT:
        say(f"Port {DEFAULT_PORT} is taken, so this is on {port}.")
    say(f"Ready after {machine.progress.elapsed():.1f} s. Open {link}")
    say()
    say(f"  bus       {bus.why}")
    if options.mongo_url is not None:
        say(f"  database  MongoDB at {address(options.mongo_url)}, as --mongo-url says")
    elif options.data_dir is not None:
        say(f"  database  a private mongod; its data stays in {options.data_dir}")
    else:
        say("  database  a private mongod; its data goes when this stops (--data-dir keeps it)")
    if options.is_loopback:
        say("  access    open to who has this link: it may create, join and close calls until this stops")
    else:
        say("  access    by API key or access token, because others can reach this address")
    say()
    say(f"  page      {link}")
    say(f"  console   {links.console}")
    say(f"  API       {_place(link)}/openapi.json")
    if options.is_loopback:
        say("            makes a call:")
        say(f"            {curl(link)}")
    say("            callplane --help has more: check, join, tail, load, token")
    say()
    say("Ctrl-C stops everything.")


def curl(link: str) -> str:
    """A line that makes a call, as it stands."""
    token = dict(parse_qsl(urlsplit(link).fragment))["access_token"]
    said = f"-H 'Authorization: Bearer {token}' -H 'Content-Type: application/json' -d '{{\"custom_id\": \"demo\"}}'"
    return f"curl -s {_place(link)}/v1/sessions {said}"


def _place(link: str) -> str:
    return link.partition("#")[0].rstrip("/")


def _complain(trouble: BaseException) -> None:
    for leaf in leaves(trouble):
        print(f"callplane: {leaf}", file=sys.stderr)
