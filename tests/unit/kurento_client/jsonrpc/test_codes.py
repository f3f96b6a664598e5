import pytest

from kurento_client.jsonrpc import Code, type_name
from testkit.fakes.kurento_frames import exchanges


@pytest.mark.parametrize("exchange", [each for each in exchanges() if "error" in each.response], ids=str)
def test_every_recorded_code_is_known_by_its_name(exchange: object) -> None:
    error = exchange.response["error"]  # type: ignore[attr-defined]
    data = error.get("data") or {}
    assert Code(error["code"])
    assert type_name(error["code"]) == data.get("type")


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (40500, "UNDEFINED"),
        (49001, "UNDEFINED"),
        (-32603, None),
        (-32602, "INVALID_PARAMS"),
        (40210, "SDP_END_POINT_ANSWER_ALREADY_PROCCESED"),
    ],
)
def test_codes_with_a_name_of_their_own(code: int, name: str | None) -> None:
    assert type_name(code) == name
