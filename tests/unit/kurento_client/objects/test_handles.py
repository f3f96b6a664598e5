import pytest

from kurento_client import MediaElement, MediaObject, MediaPipeline, ServerManager, WebRtcEndpoint
from kurento_client.objects import handle
from testkit.fakes.scripted_kurento import conversation

PIPELINE = "p_kurento.MediaPipeline"


@pytest.mark.parametrize(
    ("id", "kind"),
    [
        (PIPELINE, MediaPipeline),
        (f"{PIPELINE}/a_kurento.WebRtcEndpoint", WebRtcEndpoint),
        (f"{PIPELINE}/a_kurento.PlayerEndpoint", MediaElement),
        (f"{PIPELINE}/a_kurento.Composite", MediaObject),
        (f"{PIPELINE}/h_kurento.Composite/a_kurento.HubPort", MediaElement),
        ("manager_ServerManager", ServerManager),
        ("nobody", MediaObject),
    ],
)
async def test_a_handle_has_the_class_its_id_names(id: str, kind: type[MediaObject]) -> None:
    async with conversation() as (_, client):
        made = handle(client, id)
    assert (type(made), made.id) == (kind, id)
