import pytest

from kurento_client import IceComponentState, MediaType, UnexpectedAnswer
from kurento_client.enums import member


def test_a_member_is_spelt_as_on_the_wire() -> None:
    assert member(IceComponentState, "READY") is IceComponentState.READY
    assert f"{MediaType.VIDEO}" == "VIDEO"


@pytest.mark.parametrize("value", ["ready", "", None, 1])
def test_what_is_no_member_is_said(value: object) -> None:
    with pytest.raises(UnexpectedAnswer):
        member(IceComponentState, value)
