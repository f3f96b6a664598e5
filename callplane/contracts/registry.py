"""Command registry: the base class of all commands, and the class that each wire name stands for."""

from typing import Annotated, Any, ClassVar, Generic, Protocol, TypeVar

from pydantic import PlainValidator, SerializeAsAny

from callplane.contracts.model import Wire

Result_co = TypeVar("Result_co", bound=Wire, covariant=True)

_COMMANDS: dict[str, type["Command[Wire]"]] = {}
"""By wire name; a class enters itself when it is defined."""


class Command(Wire, Generic[Result_co]):
    """The base of each command: ``class Join(Command[Joined])`` is answered by a ``Joined``."""

    name: str
    """What it is called on the wire, in metrics and in logs; each class has one as its default."""

    is_exit: ClassVar[bool] = False
    """Never too late, and wanted all the more when its sender has left: a page asks for it while it closes."""

    _reply: ClassVar[type[Any]] = Wire

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        """Enter the class by its wire name; ``Command[Joined]``, which has none, says what its commands answer."""
        super().__pydantic_init_subclass__(**options)
        arguments = cls.__pydantic_generic_metadata__["args"]
        name = cls.model_fields["name"].default
        if arguments:
            cls._reply = arguments[0]
        elif not issubclass(cls, _COMMANDS.setdefault(name, cls)):
            raise TypeError(f"{name!r} is a command already: {_COMMANDS[name].__qualname__}")

    @classmethod
    def reply_type(cls) -> type[Result_co]:
        """The shape of what a wrapper answers to it."""
        return cls._reply


Body_co = TypeVar("Body_co", bound=Command[Wire], covariant=True)


class CommandClass(Protocol[Body_co, Result_co]):
    """A class of commands, as the type checker compares it with a function: what it makes, and what answers that."""

    def __call__(self, *fields: Any, **more: Any) -> Body_co:
        """A command of this class."""
        ...

    def reply_type(self) -> type[Result_co]:
        """The shape of its answer."""
        ...


def command_names() -> tuple[str, ...]:
    """Every command, as metrics and logs call it."""
    return tuple(_COMMANDS)


def commands() -> tuple[type[Command[Wire]], ...]:
    """The class of every command."""
    return tuple(_COMMANDS.values())


def _decode(value: Any) -> Command[Wire]:
    """A command out of its JSON object. Raises ValueError where the name is nobody's."""
    if isinstance(value, Command):
        return value
    name = value.get("name") if isinstance(value, dict) else None
    if not isinstance(name, str) or name not in _COMMANDS:
        raise ValueError("this is no command that is known here")
    return _COMMANDS[name].model_validate(value)


AnyCommand = Annotated[SerializeAsAny[Command[Wire]], PlainValidator(_decode)]
"""A command of any class, as a field: read by its wire name, written with all its fields."""
