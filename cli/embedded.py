"""API, wrapper and webhooks inside the process of `callplane up`: the one place that knows how to put them together."""

import contextlib
import importlib
import os
import secrets
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from cli.children import Children
from cli.machine.errors import CannotStart
from cli.options import Options
from cli.second_programs import NOTE_IN_PROCESS, NOTE_OF_SECOND, second_programs

if TYPE_CHECKING:
    from fastapi import APIRouter

    from api.dispatch.buses import Buses
    from api.settings import Settings
    from hooks.settings import HooksSettings

READY_WITHIN = 15.0
OF_THIS_RUN = "callplane-up"
"""The operator's key that is made for one run, where whoever starts it names none."""


@dataclass(frozen=True)
class ServerAddresses:
    """Where the two programs find what they need; ``amqp_url`` None means the in-process bus."""

    directory: Path
    amqp_url: str | None
    mongo_url: str
    kms_urls: tuple[str, ...]


@dataclass(frozen=True)
class Links:
    """What to open: the page, with the token of this run where access is open, and the console with the key of it."""

    page: str
    console: str


def load(log_level: str) -> None:
    """Import the programs: a second of work, done while the servers start."""
    for program in ("api.app", "wrapper.app", "hooks.app"):
        importlib.import_module(program)
    importlib.import_module("callplane.telemetry.logs").configure_logs(log_level)


@contextlib.asynccontextmanager
async def serve(
    options: Options, addresses: ServerAddresses, listener: socket.socket, children: Children
) -> AsyncIterator[Links]:
    """Run all three for the block; what may be killed of ``children`` is told to the console."""
    from api import app as api
    from callplane.contracts.errors import Unavailable
    from hooks import app as hooks
    from wrapper import app as wrapper
    from wrapper.embedded_shutdown import released_at_the_end
    from wrapper.settings import WrapperSettings

    settings = _api_settings(options, addresses)
    of_wrapper = WrapperSettings(
        amqp_url=addresses.amqp_url or "",
        mongo_url=addresses.mongo_url,
        kms_urls=",".join(addresses.kms_urls),
        mailboxes=settings.mailboxes,
    )
    of_hooks = _hooks_settings(options, addresses)
    further = _faults(settings, addresses, children)
    has_seconds = bool(further) and addresses.amqp_url is not None
    seconds = second_programs(addresses.directory, settings, of_wrapper, children)
    started = False
    try:
        async with (
            _buses(addresses.amqp_url, settings) as buses,
            wrapper.assemble(of_wrapper, bus=buses.bus) as program,
            hooks.assemble(of_hooks, events=buses.bus.events),
            released_at_the_end(program) if options.is_temporary else contextlib.nullcontext(),
            seconds if has_seconds else contextlib.nullcontext(),
            api.serve(settings, buses=buses, listener=listener, further=further) as url,
        ):
            await program.started(READY_WITHIN)
            started = True
            yield _links(url, settings)
    except (Unavailable, TimeoutError) as trouble:
        if started:
            raise
        raise CannotStart(f"API and wrapper cannot start: {trouble or 'the wrapper is not ready'}") from trouble


@contextlib.asynccontextmanager
async def _buses(amqp_url: str | None, settings: "Settings") -> "AsyncIterator[Buses]":
    from api.dispatch.buses import Buses, rabbitmq
    from callplane.bus import memory
    from callplane.bus.stream_ports import stream_bounds

    if amqp_url is None:
        async with memory.open_bus() as bus:
            yield Buses(bus, bus.broker.mailboxes)
    else:
        stream = stream_bounds(settings.event_stream_days, settings.event_stream_gigabytes)
        async with rabbitmq(amqp_url, stream=stream) as buses:
            await buses.bus.wait_up(READY_WITHIN)
            yield buses


def _faults(settings: "Settings", addresses: ServerAddresses, children: Children) -> "tuple[APIRouter, ...]":
    """Routes that kill servers: only where this run has a key of its own, which only who reads its terminal has."""
    from cli.faults import faults

    if OF_THIS_RUN not in settings.api_keys:
        return ()
    return (faults(children, OF_THIS_RUN, NOTE_IN_PROCESS if addresses.amqp_url is None else NOTE_OF_SECOND),)


def _links(url: str, settings: "Settings") -> Links:
    page, console = f"{url}/", f"{url}/console"
    if settings.open_token:
        page += f"#access_token={settings.open_token}"
    if (key := settings.api_keys.get(OF_THIS_RUN)) is not None:
        console += f"#key={key}&up=1"
    return Links(page, console)


def _api_settings(options: Options, addresses: ServerAddresses) -> "Settings":
    from api.settings import Settings
    from callplane.program import settings_errors

    try:
        settings = Settings(
            amqp_url=addresses.amqp_url or "",
            mongo_url=addresses.mongo_url,
            host=options.host,
            token_secrets=_token_secrets(addresses.directory),
            open_access=options.is_loopback,
            **_mailboxes(),
            **_key_of_this_run(options),
            **_webhook_hosts(options),
            # Other users of this machine, pages of other ports and whoever comes through a proxy do not know it.
            open_token=f"open-{secrets.token_urlsafe(24)}" if options.is_loopback else "",
        )
    except ValidationError as wrong:
        raise CannotStart(" ".join(settings_errors(wrong))) from wrong
    if not options.is_loopback and not settings.api_keys:
        raise CannotStart(
            f"others can reach {options.host}: set CALLPLANE_API_KEYS=name:secret (32 characters or more) first"
        )
    return settings


def _mailboxes() -> dict[str, Any]:
    """Logs unless somebody wants it otherwise: chat is kept in them, and nothing of a version before runs beside."""
    return {} if "CALLPLANE_MAILBOXES" in os.environ else {"mailboxes": "log"}


def _key_of_this_run(options: Options) -> dict[str, Any]:
    """An argument of the settings; nothing where keys are named, or others can reach this address."""
    if not options.is_loopback or os.environ.get("CALLPLANE_API_KEYS"):
        return {}
    # Of the tenant of open access, so that its tokens are good for calls that the page or the line for curl makes.
    return {"api_keys": f"{OF_THIS_RUN}:{secrets.token_urlsafe(32)}", "key_tenants": f"{OF_THIS_RUN}:"}


def _hooks_settings(options: Options, addresses: ServerAddresses) -> "HooksSettings":
    from hooks.settings import HooksSettings

    return HooksSettings(amqp_url=addresses.amqp_url or "", mongo_url=addresses.mongo_url, **_webhook_hosts(options))


def _webhook_hosts(options: Options) -> dict[str, Any]:
    """Where only who sits here can ask for webhooks, receivers on this machine are tried as well."""
    given = "CALLPLANE_WEBHOOK_HOSTS" in os.environ or not options.is_loopback
    return {} if given else {"webhook_hosts": "loopback"}


def _token_secrets(directory: Path) -> tuple[str, ...]:
    """Those of the environment, else one that is kept with the data: tokens live as long as the seats they are for."""
    if given := os.environ.get("CALLPLANE_TOKEN_SECRETS"):
        return tuple(part.strip() for part in given.split(",") if part.strip())
    kept = directory / "token-secret"
    if not kept.exists():
        kept.touch(mode=0o600)
        kept.write_text(secrets.token_urlsafe(32))
    return (kept.read_text(),)
