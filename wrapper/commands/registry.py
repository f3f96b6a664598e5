"""Handler registry: which function carries out which class of command."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, Protocol, TypeVar, cast

from callplane.contracts.commands import Envelope
from callplane.contracts.model import Wire
from callplane.contracts.registry import Command
from wrapper.context import Context

Body = TypeVar("Body", bound=Command[Wire])
Body_co = TypeVar("Body_co", bound=Command[Wire], covariant=True)
Result = TypeVar("Result", bound=Wire)
Result_co = TypeVar("Result_co", bound=Wire, covariant=True)

Handler = Callable[[Envelope, Body, Context], Awaitable[Result]]
"""What carries a command out: it takes the envelope, the body of its own class, and the context."""

AnyHandler = Handler[Command[Wire], Wire]

_HANDLERS: dict[type[Command[Wire]], AnyHandler] = {}

HANDLERS: Mapping[type[Command[Wire]], AnyHandler] = MappingProxyType(_HANDLERS)
"""The handler of each command, entered by ``handles``; whoever imports this has imported all of ``wrapper.commands``.
"""


class CommandClass(Protocol[Body_co, Result_co]):
    """A class of commands, as the type checker compares it with its handler: what it makes, and what answers that."""

    def __call__(self, *fields: Any, **more: Any) -> Body_co:
        """A command of this class."""
        ...

    def reply_type(self) -> type[Result_co]:
        """The shape of its answer."""
        ...


def handles(command: CommandClass[Body, Result]) -> Callable[[Handler[Body, Result]], Handler[Body, Result]]:
    """Above the function that carries out ``command`` and returns its answer; a second one for it is a bug."""
    kind = cast(type[Command[Wire]], command)

    def enter(handler: Handler[Body, Result]) -> Handler[Body, Result]:
        # It is found by the class of the body that it is given, so the body is of the class that it takes.
        if _HANDLERS.setdefault(kind, cast(AnyHandler, handler)) is not handler:
            raise TypeError(f"{kind.__name__} has a handler already")
        return handler

    return enter
