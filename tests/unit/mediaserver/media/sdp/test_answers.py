"""Whatever lines and groups an offer has, its answer is one (RFC 3264, 6; RFC 8843, 7.3)."""

from hypothesis import given, settings
from hypothesis import strategies as st

from mediaserver.media.sdp import local
from mediaserver.media.sdp.description import Description
from mediaserver.media.sdp.local import Identity, Place
from mediaserver.media.sdp.negotiation import Unanswerable, agree
from testkit.fakes.sdp import described, media

OWN = [Identity(f"ufrag{n}", "password", "FF:EE", "cname", "stream", {"audio": 1, "video": 2}) for n in range(2)]
DIRECTIONS = ["sendrecv", "sendonly", "recvonly", "inactive"]

lines = st.builds(
    lambda kind, direction, codec, port: (kind, direction, codec, port),
    st.sampled_from(["audio", "video"]),
    st.sampled_from(DIRECTIONS),
    st.sampled_from(["", "", "H264/90000"]),
    st.sampled_from([9, 9, 0]),
)
groups = st.lists(st.lists(st.sampled_from("01234"), min_size=1, max_size=5, unique=True).map(" ".join), max_size=3)


@settings(deadline=None, max_examples=150)
@given(st.lists(lines, min_size=1, max_size=5), groups, st.booleans(), st.booleans(), st.booleans())
def test_every_offer_gets_an_answer(
    offered: list[tuple[str, str, str, int]], bundles: list[str], mids: bool, receives: bool, sends: bool
) -> None:
    text = described(
        *(
            media(kind, direction, mid=str(n) if mids else "", codec=codec, port=port)
            for n, (kind, direction, codec, port) in enumerate(offered)
        ),
        bundles=tuple(bundles),
    )
    offer = Description.parse(text)
    try:
        agreement = agree(offer, receives=receives, sends=sends)
    except Unanswerable:
        raise AssertionError("every line has a transport") from None
    places = [Place(["candidate:1"], ("192.0.2.1", 5000 + n)) for n in range(len(agreement.bundles))]
    answer = Description.parse(local.answer(offer, agreement, OWN, {}).render(places))
    assert [(m.kind, m.mid, m.profile) for m in answer.media] == [(m.kind, m.mid, m.profile) for m in offer.media]
    taken = [m for m in answer.media if m.port]
    assert len({m.kind for m in taken}) == len(taken)
    able = {kind for kind, _, codec, port in offered if port and not codec}
    assert {m.kind for m in taken} == able
    for theirs, ours in zip(offer.media, answer.media, strict=True):
        if ours.port:
            assert not ("send" in ours.direction and theirs.direction not in ("sendrecv", "recvonly"))
            assert not ("recv" in ours.direction and theirs.direction not in ("sendrecv", "sendonly"))
    if receives:  # a line that sends goes before one that does not
        sending = {k for k, direction, codec, port in offered if port and not codec and direction.startswith("send")}
        assert {m.kind for m in taken if m.direction in ("sendrecv", "recvonly")} == sending
    for group in answer.bundles:
        ports = {m.port for m in answer.media if m.mid in group}
        assert len(ports) == 1  # one transport
        assert 0 not in ports  # of accepted lines alone
        assert any(set(group) <= set(each.split()) for each in bundles)
    alone = [m.port for m in taken if not any(m.mid in group for group in answer.bundles)]
    assert len(set(alone)) == len(alone)
