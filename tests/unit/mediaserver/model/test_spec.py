"""The class table."""

import pytest

from mediaserver.model.catalogue import MEDIA_PIPELINE, WEBRTC_ENDPOINT
from mediaserver.model.spec import snake
from mediaserver.objects.factory import MAKERS
from mediaserver.objects.server_manager import FACTORIES


@pytest.mark.parametrize(
    ("wire", "python"),
    [("processOffer", "process_offer"), ("getUsedCpu", "get_used_cpu"), ("connect", "connect")],
)
def test_names(wire: str, python: str) -> None:
    assert snake(wire) == python


def test_only_the_first_letter_is_raised() -> None:
    assert WEBRTC_ENDPOINT.accessor("getICECandidatePairs") is not None
    assert WEBRTC_ENDPOINT.accessor("getIceCandidatePairs") is None
    assert WEBRTC_ENDPOINT.accessor("getName") is WEBRTC_ENDPOINT.accessor("setName")


def test_inheritance() -> None:
    assert WEBRTC_ENDPOINT.is_a("MediaElement")
    assert not MEDIA_PIPELINE.is_a("MediaElement")
    assert WEBRTC_ENDPOINT.has_event("Error")
    assert not MEDIA_PIPELINE.has_event("IceCandidateFound")
    assert WEBRTC_ENDPOINT.operation("addTag") is not None


def test_what_can_be_made_is_what_is_said() -> None:
    assert sorted(MAKERS) == sorted(name for names in FACTORIES.values() for name in names)
