"""Endpoints that are remembered, and forgotten one by one, by pipeline and by session."""

import time

from callplane.contracts.media import MediaRef
from wrapper.media.endpoint_events import EndpointOwners
from wrapper.media.port import EndpointOwner

CROWD = 300


def owner(session: str, connection: str, epoch: int = 1) -> EndpointOwner:
    """Somebody's."""
    return EndpointOwner(session, "seat", connection, epoch, 1)


def test_an_endpoint_a_pipeline_and_a_session_are_forgotten_with_what_is_in_them() -> None:
    owners = EndpointOwners()
    kept = {}
    for server, pipeline, epoch, session in (("m", "1_P", 1, "s"), ("m", "2_P", 2, "s"), ("n", "1_P", 1, "t")):
        for id_ in ("a", "b"):
            kept[server, pipeline, id_] = MediaRef(server, f"{pipeline}/{id_}")
            owners.put(kept[server, pipeline, id_], owner(session, id_, epoch))
    assert [owners.get(ref) is not None for ref in kept.values()] == [True] * 6
    owners.forget(kept["m", "1_P", "a"])
    owners.forget(MediaRef("m", "unknown"))
    assert owners.get(kept["m", "1_P", "a"]) is None
    assert owners.get(kept["n", "1_P", "a"]) == owner("t", "a"), "another server's of the same id"
    owners.forget_session("s", 2)
    assert owners.get(kept["m", "1_P", "b"]) is None
    assert owners.get(kept["m", "2_P", "b"]) == owner("s", "b", 2)
    owners.forget(MediaRef("m", "2_P"))
    owners.forget_session("s", None)
    assert len(owners) == 2
    owners.forget_session("t", None)
    assert (len(owners), owners._in, owners._of) == (0, {}, {})


def test_what_is_renewed_is_one() -> None:
    owners, ref = EndpointOwners(), MediaRef("m", "P/e")
    owners.put(ref, owner("s", "old"))
    owners.put(ref, owner("s", "new"))
    assert (len(owners), owners.get(ref)) == (1, owner("s", "new"))


def test_who_is_forgotten_costs_no_look_at_the_others() -> None:
    owners = EndpointOwners()
    for n in range(CROWD * CROWD):
        owners.put(MediaRef("m", f"{n // 4}_P/{n}"), owner(f"s{n // 4}", str(n)))
    began = time.process_time()
    for n in range(0, CROWD * CROWD // 2, 4):
        owners.forget(MediaRef("m", f"{n // 4}_P/{n}"))
        owners.forget_session(f"s{n // 4}", None)
    # A look at all of them each time would be some two billion steps.
    assert time.process_time() - began < 10
    assert len(owners) == CROWD * CROWD // 2
