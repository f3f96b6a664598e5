"""Program: what every ``python -m`` of Callplane does between its environment and its exit status."""

import argparse
import asyncio
import contextlib
import gc
import json
import os
import signal
import sys
import textwrap
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, NoReturn, Protocol, Self, TypeVar

from pydantic import Field, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from callplane.contracts.command_queues import CommandQueues
from callplane.contracts.engines import Engine
from callplane.contracts.errors import Trouble, Unavailable
from callplane.telemetry.exporting import OTLP_PATTERN
from callplane.telemetry.logs import configure_logs

WRONG_SETTINGS, CANNOT_START = 2, 1
"""Exit statuses."""

WIDTH = 100
"""Columns of ``--help``."""

GARBAGE_AFTER = 10_000
"""Objects more than before until garbage in cycles is looked for: a few MiB; most objects go without that."""

_PREFIX = "CALLPLANE_"


class ProgramSettings(BaseSettings):
    """What every program reads from its environment: one variable ``CALLPLANE_<NAME>`` per field."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, extra="ignore", frozen=True)

    amqp_url: str = Field("amqp://guest:guest@127.0.0.1:5672/", description="RabbitMQ")
    amqp_quorum: bool = Field(
        False, description="whether queues that all sessions share are replicated over three nodes; both programs"
    )
    event_stream_days: int = Field(
        7,
        ge=0,
        le=3650,
        description="how long the stream of events is kept, at most, as it is first declared; 0: there is none; "
        "every program the same",
    )
    event_stream_gigabytes: int = Field(
        10, ge=1, le=100_000, description="how large it may become, on each node that has a copy, when it is declared"
    )
    commands: CommandQueues = Field(
        "per-session",
        description="where the api publishes commands: 'per-session', a queue for each, or 'sharded', 64 for all, if "
        "`mailboxes` is 'log'; wrappers take from both, and are told first; both programs",
    )
    mailboxes: Engine = Field(
        "queues", description="how messages of new sessions go: 'queues', or 'log' once every program knows it"
    )
    mongo_url: str = Field("mongodb://127.0.0.1:27017/?replicaSet=rs0", description="MongoDB, a replica set")
    mongo_database: str = Field("callplane", description="the database's name")
    messages_url: str = Field(
        "",
        description="a MongoDB for logs of messages and their history; its path may name the database; both programs, "
        "and never changed while sessions of the log engine are open; none: they are with everything else",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="the least that is logged")
    otlp_endpoint: str = Field(
        "", pattern=OTLP_PATTERN, description="OpenTelemetry collector for traces, http://host:4318; none: no traces"
    )
    otlp_share: float = Field(1.0, ge=0, le=1, description="the share of traces that is recorded, the same everywhere")

    @model_validator(mode="after")
    def _shards_carry_no_mailboxes(self) -> Self:
        if self.commands == "sharded" and self.mailboxes != "log":
            raise ValueError(
                "CALLPLANE_COMMANDS=sharded needs CALLPLANE_MAILBOXES=log for both programs: without a queue of its "
                "own a session has no exchange either, which mailboxes in queues are bound to"
            )
        return self


Settings = TypeVar("Settings", bound=ProgramSettings)


class UntilStopped(Protocol):
    """Is awaited by a program once it has opened everything."""

    def __call__(self, url: str, *, last_seconds: float) -> Awaitable[None]:
        """Print the ready line, and come back at SIGTERM or SIGINT; so many seconds later the process ends anyhow."""
        ...


@dataclass(frozen=True, slots=True)
class About:
    """How a program is started and called, what ``--help`` says of it, and a command line to begin with."""

    command: str
    name: str
    text: str
    example: str


def run_program(
    about: About,
    settings: type[Settings],
    work: Callable[[Settings, UntilStopped], Coroutine[Any, Any, None]],
    *,
    arguments: Sequence[str] | None = None,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> int:
    """Read the settings and do the work; the exit status, with a sentence on standard error for what is wrong."""
    _parser(about, settings).parse_args(arguments)
    try:
        given = settings()
    except ValidationError as wrong:
        print("\n".join(settings_errors(wrong)), file=sys.stderr)
        return WRONG_SETTINGS
    configure_logs(given.log_level)
    try:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(_with_signals(work, given))
    except (Unavailable, Trouble, OSError) as trouble:
        print(f"{about.name} cannot start: {trouble}.", file=sys.stderr)
        return CANNOT_START
    return 0


def end_process(status: int) -> NoReturn:
    """End at once: the work is done, and taking the interpreter apart costs a busy machine two seconds more.

    That is tens of thousands of objects, which the kernel frees by itself, in the time that SIGTERM leaves.
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):  # whoever read it is gone
            stream.flush()
    os._exit(status)


def settings_errors(error: ValidationError) -> list[str]:
    """One sentence per mistake, naming the variable and never showing its value."""
    sentences = []
    for item in error.errors(include_url=False, include_input=False):
        name = f"{_PREFIX}{item['loc'][0]}".upper() if item["loc"] else ""
        what = "is not set" if item["type"] == "missing" else item["msg"].removeprefix("Value error, ")
        sentences.append(f"{name}: {what}." if name else f"{what[0].upper()}{what[1:]}.")
    return sentences


def shown_default(field: FieldInfo) -> str | None:
    """What holds when the variable is not set, as one would write it; None where it has to be set."""
    if field.is_required():
        return None
    value: Any = field.get_default(call_default_factory=True)
    if value in ("", (), {}, None):
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _parser(about: About, settings: type[ProgramSettings]) -> argparse.ArgumentParser:
    epilog = [
        "settings, all of them environment variables:",
        *(_help(name, field) for name, field in settings.model_fields.items()),
        "",
        "example:",
        f"  {about.example}",
        "",
        "Once it is ready it prints one JSON line on standard output; its logs are on standard error. SIGTERM",
        f"or Ctrl-C ends it. Exit status: {WRONG_SETTINGS} for wrong settings, {CANNOT_START} when it cannot start.",
    ]
    return argparse.ArgumentParser(
        about.command,
        description=about.text,
        epilog="\n".join(epilog),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _help(name: str, field: FieldInfo) -> str:
    default = shown_default(field)
    text = f"{field.description} ({'has to be set' if default is None else f'default: {default}'})"
    lines = textwrap.wrap(text, WIDTH - 6, break_long_words=False, break_on_hyphens=False)
    return "\n".join([f"  {_PREFIX}{name.upper()}", *(f"      {line}" for line in lines)])


async def _with_signals(work: Callable[[Settings, UntilStopped], Coroutine[Any, Any, None]], given: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await work(given, partial(_until_stopped, stop))


async def _until_stopped(stop: asyncio.Event, url: str, *, last_seconds: float) -> None:
    # What is there now stays: to look through all of it for garbage, again and again, was a tenth of a busy pod's CPU.
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_AFTER, 20, 20)
    print(json.dumps({"ready": True, "url": url}), flush=True)
    await stop.wait()
    # PyMongo lets no call end before its own deadline, cancelled or not: by then all that matters has been done, and
    # what still waits for a silent server is left as after a kill, which others cure (design 7.2).
    asyncio.get_running_loop().call_later(last_seconds, os._exit, 0)
