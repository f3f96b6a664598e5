"""Endpoints that are remembered, and forgotten one by one, by pipeline and by session."""

import time

from callplane.contracts.media import MediaRef
from wrapper.media.endpoint_owners import EndpointOwners
from wrapper.media.port import EndpointOwner

CROWD = 300


def line(session: str, connection: str, epoch: int = 1) -> EndpointOwner:
    """Somebody's."""
    return EndpointOwner(session, "seat", connection, epoch, 1)


def test_an_endpoint_a_pipeline_and_a_session_are_forgotten_with_what_is_in_them() -> None:
    lines = EndpointOwners()
    kept = {}
    for server, pipeline, epoch, session in (("m", "1_P", 1, "s"), ("m", "2_P", 2, "s"), ("n", "1_P", 1, "t")):
        for id_ in ("a", "b"):
            kept[server, pipeline, id_] = MediaRef(server, f"{pipeline}/{id_}")
            lines.put(kept[server, pipeline, id_], line(session, id_, epoch))
    assert [lines.get(ref) is not None for ref in kept.values()] == [True] * 6
    lines.forget(kept["m", "1_P", "a"])
    lines.forget(MediaRef("m", "unknown"))
    assert lines.get(kept["m", "1_P", "a"]) is None
    assert lines.get(kept["n", "1_P", "a"]) == line("t", "a"), "another server's of the same id"
    lines.forget_session("s", 2)
    assert lines.get(kept["m", "1_P", "b"]) is None
    assert lines.get(kept["m", "2_P", "b"]) == line("s", "b", 2)
    lines.forget(MediaRef("m", "2_P"))
    lines.forget_session("s", None)
    assert len(lines) == 2
    lines.forget_session("t", None)
    assert (len(lines), lines._in, lines._of) == (0, {}, {})


def test_what_is_renewed_is_one() -> None:
    lines, ref = EndpointOwners(), MediaRef("m", "P/e")
    lines.put(ref, line("s", "old"))
    lines.put(ref, line("s", "new"))
    assert (len(lines), lines.get(ref)) == (1, line("s", "new"))


def test_who_is_forgotten_costs_no_look_at_the_others() -> None:
    lines = EndpointOwners()
    for n in range(CROWD * CROWD):
        lines.put(MediaRef("m", f"{n // 4}_P/{n}"), line(f"s{n // 4}", str(n)))
    began = time.process_time()
    for n in range(0, CROWD * CROWD // 2, 4):
        lines.forget(MediaRef("m", f"{n // 4}_P/{n}"))
        lines.forget_session(f"s{n // 4}", None)
    # A look at all of them each time would be some two billion steps.
    assert time.process_time() - began < 10
    assert len(lines) == CROWD * CROWD // 2
