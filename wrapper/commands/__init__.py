"""One file per command, and the table that finds it."""

from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import BaseModel

from callplane.contracts.commands import Envelope
from wrapper.commands.candidates import candidates
from wrapper.commands.close import close
from wrapper.commands.create import create
from wrapper.commands.join import join
from wrapper.commands.leave import leave
from wrapper.commands.publish import publish
from wrapper.commands.stop import stop
from wrapper.commands.subscribe import subscribe
from wrapper.commands.update_participant import update_participant
from wrapper.commands.update_session import update_session
from wrapper.context import Context

# Each handler takes the envelope, its own kind of body, and the context.
CommandHandler = Callable[[Envelope, Any, Context], Awaitable[BaseModel]]

COMMANDS: dict[str, CommandHandler] = {
    "create": create,
    "close": close,
    "update-session": update_session,
    "join": join,
    "leave": leave,
    "update-participant": update_participant,
    "publish": publish,
    "subscribe": subscribe,
    "candidates": candidates,
    "stop": stop,
}
