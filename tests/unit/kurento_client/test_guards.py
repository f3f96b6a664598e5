import pytest

from kurento_client import WouldCrashServer
from kurento_client.guards import NO_ELEMENTS, check_invoke, type_in

PIPELINE = "71bd7d9e_kurento.MediaPipeline"


@pytest.mark.parametrize(
    ("id", "type"),
    [
        (PIPELINE, "MediaPipeline"),
        (f"{PIPELINE}/acf_kurento.WebRtcEndpoint", "WebRtcEndpoint"),
        (f"{PIPELINE}/h_kurento.Composite/p_kurento.HubPort", "HubPort"),
        ("manager_ServerManager", "ServerManager"),
        ("nosuch", "nosuch"),
        ("", ""),
    ],
)
def test_an_id_names_its_type(id: str, type: str) -> None:
    assert type_in(id) == type


@pytest.mark.parametrize("type", sorted(NO_ELEMENTS))
@pytest.mark.parametrize("operation", ["connect", "disconnect"])
def test_nothing_is_connected_to_what_is_no_element(type: str, operation: str) -> None:
    with pytest.raises(WouldCrashServer):
        check_invoke(f"{PIPELINE}/a_kurento.WebRtcEndpoint", operation, {"sink": f"x_kurento.{type}"})


def test_the_two_calls_that_crash_by_themselves_are_refused() -> None:
    with pytest.raises(WouldCrashServer):
        check_invoke(f"{PIPELINE}/a_kurento.WebRtcEndpoint", "getIceTcp", {})
    with pytest.raises(WouldCrashServer):
        check_invoke(f"{PIPELINE}/a_kurento.Mixer", "connect", {"sink": f"{PIPELINE}/a_kurento.HubPort"})


def test_elements_and_unknown_ids_pass() -> None:
    check_invoke("x_kurento.WebRtcEndpoint", "connect", {"sink": "p/y_kurento.PassThrough"})
    check_invoke("x_kurento.Dispatcher", "connect", {"sink": "p/d/y_kurento.HubPort", "source": "p/d/z"})
    check_invoke("anything", "connect", {"sink": "anything else"})
    check_invoke("anything", "connect", {})
