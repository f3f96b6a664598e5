"""Transaction: several operations in one call, later ones naming what earlier ones make."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kurento_client.decoding import each, record
from kurento_client.errors import KurentoError, TransactionFailed, refusal_of, unexpected
from kurento_client.guards import check, type_in
from kurento_client.jsonrpc import ErrorResponse
from kurento_client.objects.media_object import MediaObject


@dataclass(frozen=True, slots=True)
class NewRef:
    """Stands for the value that operation `index` of the same transaction will return."""

    index: int
    type: str = ""

    def __str__(self) -> str:
        return f"newref:{self.index}"


Target = str | NewRef | MediaObject
"""What an operation may act on: an id, a handle, or what the transaction itself makes."""


class Results(Sequence[Any]):
    """The values in the order of the operations; `results[ref]` is that of the operation which gave `ref`."""

    def __init__(self, values: Sequence[Any]) -> None:
        self._values = tuple(values)

    def __getitem__(self, index: Any) -> Any:
        return self._values[index.index if isinstance(index, NewRef) else index]

    def __len__(self) -> int:
        return len(self._values)


class Transaction:
    """Collects operations; `commit` sends them as one call (protocol 3.10).

    The server executes them in order and stops at the first refusal, without undoing anything.
    """

    def __init__(self, send: Callable[[str, Mapping[str, Any]], Awaitable[Any]]) -> None:
        self._send = send
        self._operations: list[dict[str, Any]] = []

    def create(self, object_type: str, /, **constructor: Any) -> NewRef:
        """Add the creation of an object; the result is its id."""
        return self._add("create", {"type": object_type, "constructorParams": constructor}, object_type)

    def invoke(self, target: Target, operation: str, /, **params: Any) -> NewRef:
        """Add an operation on an object; the result is its value. Raises WouldCrashServer."""
        sink = params.get("sink")
        check(_type(target), operation, None if sink is None else _type(sink))
        wanted = {"object": target, "operation": operation, "operationParams": params}
        return self._add("invoke", wanted)

    def subscribe(self, target: Target, event_type: str, /) -> NewRef:
        """Add a subscription; the result is its id."""
        return self._add("subscribe", {"object": target, "type": event_type})

    def release(self, target: Target, /) -> NewRef:
        """Add the release of an object; there is no result."""
        return self._add("release", {"object": target})

    async def commit(self) -> Results:
        """Send all operations and return their values.

        Raises TransactionFailed when one of them was refused, and what any call raises (see
        `KurentoClient.call`); with OutcomeUnknown any part of it may have been executed.
        """
        answered = await self._send("transaction", {"operations": self._operations})
        values: list[Any] = []
        for index, answer in enumerate(each(record, answered)):
            if answer.get("error") is not None:
                raise self._failure(index, record(answer["error"]), values)
            result = answer.get("result")
            values.append(result.get("value") if isinstance(result, Mapping) else None)
        if len(values) != len(self._operations):
            raise unexpected(f"{len(self._operations)} results", answered)
        return Results(values)

    def _add(self, method: str, params: Mapping[str, Any], object_type: str = "") -> NewRef:
        index = len(self._operations)  # The inner ids must be the indices.
        operation = {"id": index, "jsonrpc": "2.0", "method": method, "params": _wire(params)}
        self._operations.append(operation)
        return NewRef(index, object_type)

    def _failure(self, index: int, error: Mapping[str, Any], values: Sequence[Any]) -> TransactionFailed:
        operation = self._operations[index]
        what = operation["params"].get("operation") or operation["params"].get("type") or ""
        created = [
            value
            for value, each_operation in zip(values, self._operations, strict=False)
            if each_operation["method"] == "create"
        ]
        why: KurentoError = refusal_of(
            ErrorResponse(index, int(error.get("code", 0)), str(error.get("message", "")), error.get("data"))
        )
        failure = TransactionFailed(index, f"{operation['method']} {what}".strip(), why, created)
        failure.__cause__ = why
        return failure


def _type(target: Any) -> str:
    if isinstance(target, NewRef):
        return target.type
    return type_in(target.id if isinstance(target, MediaObject) else str(target))


def _wire(value: Any) -> Any:
    if isinstance(value, NewRef):
        return str(value)
    if isinstance(value, MediaObject):
        return value.id
    if isinstance(value, Mapping):
        return {key: _wire(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_wire(item) for item in value]
    return value
