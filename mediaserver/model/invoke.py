"""Invocation: reads arguments and calls what an operation names, for every class alike."""

import inspect
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from kurento_client.jsonrpc import Code
from mediaserver.errors import refusal, unknown_operation, wrong_argument
from mediaserver.model.spec import REQUIRED, Argument, ClassSpec, Operation, Property
from mediaserver.model.types import Objects


class Target(Protocol):
    """An object that can be invoked."""

    spec: ClassVar[ClassSpec]
    values: dict[str, Any]


def read_arguments(arguments: tuple[Argument, ...], given: Mapping[str, Any], objects: Objects) -> dict[str, Any]:
    """Read what is declared; an optional one counts only if all optional ones before it are there (2.6)."""
    read: dict[str, Any] = {}
    skipped = False
    for argument in arguments:
        optional = argument.default is not REQUIRED
        skipped = skipped or (optional and argument.name not in given)
        if optional and skipped:
            read[argument.name] = argument.default
        else:
            read[argument.name] = _read_one(argument, given, objects)
    return read


def _read_one(argument: Argument, given: Mapping[str, Any], objects: Objects) -> Any:
    if argument.name not in given:
        raise wrong_argument(argument.name, argument.type.wanted)
    return argument.type.read(argument.name, given[argument.name], objects)


async def invoke(target: Target, name: str, given: Any, objects: Objects) -> Any:
    """Do one operation and return its value as JSON."""
    params = given if isinstance(given, Mapping) else {}
    operation = target.spec.operation(name)
    if operation is not None:
        return await _call(target, operation, params, objects)
    found = target.spec.accessor(name)
    if found is not None and name.startswith("get"):
        return written(await _settled(_value(target, found)))
    if found is not None and name.startswith("set") and found.writable and found.type is not None:
        await _set(target, found, params, objects)
        return None
    raise unknown_operation(name, len(params))


async def _call(target: Target, operation: Operation, params: Mapping[str, Any], objects: Objects) -> Any:
    arguments = read_arguments(operation.arguments, params, objects)
    method = getattr(target, operation.attribute, None)
    if method is None:
        raise refusal(Code.NOT_IMPLEMENTED, f"Operation '{operation.name}' is not implemented")
    return written(await _settled(method(*arguments.values())))


def _value(target: Target, found: Property) -> Any:
    if found.stored:
        return target.values.get(found.name, found.default)
    return getattr(target, found.attribute)


async def _set(target: Target, found: Property, params: Mapping[str, Any], objects: Objects) -> None:
    assert found.type is not None
    value = _read_one(Argument(found.name, found.type), params, objects)
    if found.stored:
        target.values[found.name] = value
    else:
        setattr(target, found.attribute, value)


async def _settled(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value


def written(value: Any) -> Any:
    """Spell a result on the wire: objects are their ids, an empty map is null (protocol 2.3)."""
    if isinstance(value, Mapping):
        return {key: written(each) for key, each in value.items()} or None
    if isinstance(value, list | tuple):
        return [written(each) for each in value]
    if hasattr(value, "spec"):
        return value.id
    return value
