"""Transactions: several calls in one, each able to name what an earlier one made (protocol 3.10)."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from kurento_client.jsonrpc import Code, JsonRpcError
from mediaserver.errors import parameter, refusal
from mediaserver.rpc.params import Params

Step = Callable[[str, Params], Awaitable[Any]]

_NEWREF = "newref:"


async def run_transaction(params: Params, session_id: str, step: Step) -> list[dict[str, Any]]:
    """Run the operations in order; the first failing one ends the list, without a rollback."""
    operations = params.get("operations")
    if not isinstance(operations, list):
        raise parameter("'operations' parameter is required")
    answers: list[dict[str, Any]] = []
    for index, operation in enumerate(operations):
        inner = operation if isinstance(operation, Mapping) else {}
        if inner.get("id") != index or isinstance(inner.get("id"), bool):
            said = f"Id of request '{index}' should be '{index}'"
            raise refusal(Code.MALFORMED_TRANSACTION, said)
        answer = await _one(inner, index, session_id, (answers, step))
        answers.append(answer)
        if "error" in answer:
            break
    return answers


async def _one(inner: Params, index: int, session_id: str, so_far: tuple[list[dict[str, Any]], Step]) -> dict[str, Any]:
    answers, step = so_far
    given = inner.get("params")
    resolved = _resolve(given if isinstance(given, Mapping) else {}, answers)
    head = {"id": index, "jsonrpc": "2.0"}
    try:
        result = await step(str(inner.get("method")), {**resolved, "sessionId": session_id})
    except JsonRpcError as refused:
        error: dict[str, Any] = {"code": refused.code, "message": refused.message}
        if refused.data is not None:
            error["data"] = refused.data
        return {**head, "error": error}
    return {**head, "result": result}


def _resolve(value: Any, answers: list[dict[str, Any]]) -> Any:
    if isinstance(value, Mapping):
        return {key: _resolve(each, answers) for key, each in value.items()}
    if isinstance(value, list):
        return [_resolve(each, answers) for each in value]
    if isinstance(value, str) and value.startswith(_NEWREF):
        return _made_by(value, answers)
    return value


def _made_by(reference: str, answers: list[dict[str, Any]]) -> Any:
    index = reference[len(_NEWREF) :]
    if not index.isdigit():
        raise refusal(Code.MALFORMED_TRANSACTION, f"Invalid index of newref '{reference}'")
    made = answers[int(index)].get("result") if int(index) < len(answers) else None
    if not isinstance(made, dict) or "value" not in made:
        raise refusal(Code.MALFORMED_TRANSACTION, f"Result not found on request {index}")
    return made["value"]
