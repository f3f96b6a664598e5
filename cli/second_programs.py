"""Second programs of `callplane up`: a wrapper and an API as processes, killed as those inside it cannot be."""

import contextlib
import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cli.children import Children
from cli.machine.ports import free_port
from cli.machine.process import Command, python
from cli.machine.program import Program
from cli.supervised import About

if TYPE_CHECKING:
    from api.settings import Settings
    from wrapper.settings import WrapperSettings

NOTE = (
    "These are processes that callplane up has started; they are really killed (SIGKILL), and start again by "
    "themselves. "
    "The wrapper and the API that you are talking to live inside callplane up and cannot be killed apart"
)
NOTE_IN_PROCESS = f"{NOTE}; second ones that can would need RabbitMQ between them."
NOTE_OF_SECOND = f"{NOTE}: start a second one, and kill that."

_WRAPPER = About(
    "wrapper",
    "the second wrapper",
    "Nobody notices, as a rule: the other one takes what it had not acknowledged, and adopts its connections.",
)
_WITHOUT_API = "Pages that came from it reconnect until it is back; those of the other API go on, in the same calls."


@contextlib.asynccontextmanager
async def second_programs(
    directory: Path, settings: "Settings", of_wrapper: "WrapperSettings", children: Children
) -> AsyncIterator[None]:
    """For the block a wrapper and an API that wait to be asked for; they are stopped at its end."""
    port = free_port()
    page = f"http://127.0.0.1:{port}/#access_token={settings.open_token}"
    commands = {
        _WRAPPER: _command("wrapper", directory, wrapper_environment(of_wrapper)),
        About("api", "the second API", _WITHOUT_API, page): _command("api", directory, api_environment(settings, port)),
    }
    programs = {about: Program(command) for about, command in commands.items()}
    for about, program in programs.items():
        children.supervise(about, program, started=False)
    try:
        yield
    finally:
        for program in programs.values():
            await program.stop()


def wrapper_environment(settings: "WrapperSettings") -> dict[str, str]:
    """The variables of a wrapper that works beside the one with these settings."""
    return {
        "CALLPLANE_AMQP_URL": settings.amqp_url,
        "CALLPLANE_MONGO_URL": settings.mongo_url,
        "CALLPLANE_KMS_URLS": settings.kms_urls,
        "CALLPLANE_MAILBOXES": settings.mailboxes,
        "CALLPLANE_PROBE_HOST": "127.0.0.1",
        "CALLPLANE_PROBE_PORT": "0",
    }


def api_environment(settings: "Settings", port: int) -> dict[str, str]:
    """The variables of an API that knows the same tokens and keys."""
    return {
        "CALLPLANE_AMQP_URL": settings.amqp_url,
        "CALLPLANE_MONGO_URL": settings.mongo_url,
        "CALLPLANE_HOST": "127.0.0.1",
        "CALLPLANE_PORT": str(port),
        "CALLPLANE_TOKEN_SECRETS": ",".join(settings.token_secrets),
        "CALLPLANE_API_KEYS": ",".join(f"{name}:{secret}" for name, secret in settings.api_keys.items()),
        "CALLPLANE_KEY_TENANTS": ",".join(f"{name}:{tenant}" for name, tenant in settings.key_tenants.items()),
        "CALLPLANE_MAILBOXES": settings.mailboxes,
        "CALLPLANE_OPEN_ACCESS": "true",
        "CALLPLANE_OPEN_TOKEN": settings.open_token,
        "CALLPLANE_WEBHOOK_HOSTS": settings.webhook_hosts,
    }


def _command(module: str, directory: Path, ours: Mapping[str, str]) -> Command:
    # An address that is the first API's own cannot be another's as well.
    inherited = {name: value for name, value in os.environ.items() if name != "CALLPLANE_OPERATOR_PORT"}
    return Command(f"second {module}", python(module), directory / f"second-{module}.log", {**inherited, **ours})
