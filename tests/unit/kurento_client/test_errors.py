import pytest

from kurento_client import (
    AlreadyNegotiated,
    CallTimedOut,
    InvalidSession,
    KurentoError,
    NoDescription,
    NotEnoughResources,
    ObjectNotFound,
    OutcomeUnknown,
    SdpRefused,
    TagNotFound,
)
from kurento_client.errors import refusal, refusal_of
from kurento_client.jsonrpc import Code, ErrorResponse


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (40007, InvalidSession),
        (40009, NotEnoughResources),
        (40101, ObjectNotFound),
        (40110, TagNotFound),
        (40201, SdpRefused),
        (40202, NoDescription),
        (40203, NoDescription),
        (40205, SdpRefused),
        (40206, SdpRefused),
        (40208, AlreadyNegotiated),
        (40210, AlreadyNegotiated),
    ],
)
def test_a_code_has_its_class(code: int, kind: type[KurentoError]) -> None:
    error = refusal_of(ErrorResponse(1, code, "said"))
    assert type(error) is kind
    assert (error.code, error.type, error.message) == (code, Code(code).name, "said")


@pytest.mark.parametrize("code", [-32601, 40001, 40008, 40108, 49999, 0])
def test_other_codes_are_plain(code: int) -> None:
    assert type(refusal(code, None, "")) is KurentoError


def test_a_deadline_leaves_the_outcome_unknown() -> None:
    assert issubclass(CallTimedOut, OutcomeUnknown)
