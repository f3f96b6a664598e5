"""What odd clients do: values that look like MongoDB's own, candidates for nothing, sessions of an instant."""

import asyncio
from typing import Any

from testkit.clients.history import Command
from testkit.servers.programs import API_KEY
from tests.chaos.api import Api
from tests.chaos.verdict import Verdict

KEY = {"X-API-Key": API_KEY}
HASTY_SECONDS = (1.0, 3.0)

_REFERENCE = {"$ref": "a", "$id": "b"}
RUBBISH: tuple[dict[str, Any], ...] = (
    {},
    _REFERENCE,
    {**_REFERENCE, "$db": "c"},
    {"nested": [_REFERENCE, {"a.b": {"$set": 1}}]},
    {"": "", "$where": "1", "__proto__": {"x": None}, "dots.in.keys": [1.5, True]},
    {"big": 2**80, "small": -(2**70), "far": 1e300, "\u0000": "\u0000"},
    {"deep": [[[[[[[[[[{"deeper": {"$numberLong": "1"}}]]]]]]]]]]},
)
"""Each is JSON, so each must come back equal, and nobody else may notice."""

NO_CONNECTIONS = ("nobody", "$where", "a.b", "connections", "0" * 24, "-" * 32)


def other(value: dict[str, Any], sent: dict[str, Any]) -> str | None:
    """A field that came back otherwise than it was sent, as text."""
    return next((f"{key!r}: {value.get(key)!r}" for key, item in sent.items() if value.get(key) != item), None)


def check_rubbish(commands: list[Command], verdict: Verdict) -> None:
    """Metadata comes back as it was sent, by the answer to the update that set it."""
    for command in commands:
        sent = command.what.get("rubbish")
        if sent is None or command.outcome != "ok" or command.answer["metadata"].get("n") != command.what["n"]:
            continue
        if (changed := other(command.answer["metadata"], sent)) is not None:
            verdict.say("lost", f"{command.op} {command.n} came back with {changed} for {sent}")


async def hasty_rooms(api: Api, name: str, over: asyncio.Event) -> None:
    """Session after session that is closed the moment it is there: wrappers begin to listen to what goes away."""
    n = 0
    while not over.is_set():
        n += 1
        custom = f"{name}h{n}"
        create = api.history.begin(name, "create", None, custom=custom, key=f"create-{custom}".ljust(16, "-"))
        headers = KEY | {"Idempotency-Key": create.what["key"]}
        await api.do(create, "POST", "/sessions", json={"custom_id": custom}, headers=headers)
        create.session = create.answer.get("id")
        if create.session is not None and create.outcome == "ok":
            close = api.history.begin(name, "close", create.session)
            await api.do(close, "DELETE", f"/sessions/{create.session}", headers=KEY)
        await _until(over, api.random.uniform(*HASTY_SECONDS))


async def _until(over: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await over.wait()
    except TimeoutError:
        return
