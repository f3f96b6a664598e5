"""Reply: the answer to a command as it travels, a result or a problem (design 3.5)."""

from typing import Any

from pydantic import BaseModel, SerializeAsAny

from callplane.contracts.errors import Problem
from callplane.contracts.ids import CommandId
from callplane.contracts.model import Wire


class Reply(Wire):
    """The answer to one command as it travels: ``result`` is what its class names, or ``problem`` is set."""

    command_id: CommandId
    result: dict[str, Any] | None = None
    problem: Problem | None = None


class Answer(Wire):
    """The same reply as its sender has it: the result is encoded with the rest, once; it may be a megabyte."""

    command_id: CommandId
    result: SerializeAsAny[BaseModel] | None = None
    problem: Problem | None = None

    def encoded(self) -> bytes:
        """What a ``Reply`` is read from."""
        return self.model_dump_json().encode()
