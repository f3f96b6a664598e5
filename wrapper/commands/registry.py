"""Handler registry: which function carries out which class of command."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import TypeVar, cast

from callplane.contracts.commands import Envelope
from callplane.contracts.model import Wire
from callplane.contracts.registry import Command, CommandClass
from wrapper.context import Context

Body = TypeVar("Body", bound=Command[Wire])
Result = TypeVar("Result", bound=Wire)

Handler = Callable[[Envelope, Body, Context], Awaitable[Result]]
"""What carries a command out: it takes the envelope, the body of its own class, and the context."""

AnyHandler = Handler[Command[Wire], Wire]

_HANDLERS: dict[type[Command[Wire]], AnyHandler] = {}

HANDLERS: Mapping[type[Command[Wire]], AnyHandler] = MappingProxyType(_HANDLERS)
"""The handler of each command, entered by ``handles``; whoever imports this has imported all of ``wrapper.commands``.
"""


def handles(command: CommandClass[Body, Result]) -> Callable[[Handler[Body, Result]], Handler[Body, Result]]:
    """Above the function that carries out ``command`` and returns its answer; a second one for it is a bug."""
    kind = cast(type[Command[Wire]], command)

    def enter(handler: Handler[Body, Result]) -> Handler[Body, Result]:
        # It is found by the class of the body that it is given, so the body is of the class that it takes.
        if _HANDLERS.setdefault(kind, cast(AnyHandler, handler)) is not handler:
            raise TypeError(f"{kind.__name__} has a handler already")
        return handler

    return enter
