"""Protocol errors: refusals in Kurento's own words (protocol 5)."""

from kurento_client.jsonrpc import Code, JsonRpcError


def refusal(code: Code, message: str) -> JsonRpcError:
    """Make a refusal that carries Kurento's code and its symbolic name."""
    return JsonRpcError.kurento(code, message)


def not_found(object_id: str) -> JsonRpcError:
    """Refuse an id that names nothing; inside `newref:` the code differs (protocol 3.10)."""
    said = f"Object '{object_id}' not found"
    if object_id.startswith("newref:"):
        return refusal(Code.MEDIA_OBJECT_NOT_FOUND_TRANSACTION_NO_COMMIT, said)
    return refusal(Code.MEDIA_OBJECT_NOT_FOUND, said)


def unknown_operation(name: str, parameters: int) -> JsonRpcError:
    """Refuse an operation or setter that the class does not have; Kurento uses 40008, not 40105."""
    return refusal(Code.MALFORMED_TRANSACTION, f"Method '{name}' with {parameters} parameters not found")


def wrong_argument(name: str, wanted: str) -> JsonRpcError:
    """Refuse an argument that is missing or cannot be converted."""
    return refusal(Code.MARSHALL_ERROR, f"'{name}' parameter should be a {wanted}")


def unexpected(reason: str) -> JsonRpcError:
    """Refuse as Kurento does where one of its C++ exceptions escapes (protocol 5.1)."""
    return refusal(Code.INTERNAL_ERROR, f"Unexpected error while processing method: {reason}")


def parameter(message: str) -> JsonRpcError:
    """Refuse a missing or wrong-typed parameter of an RPC method itself; no data goes along."""
    return refusal(Code.SERVER_ERROR, message)
