"""Keys, tokens and open access: what is let in, and as whom."""

import math
import time

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from api.auth.credentials import Anonymous, Credentials, KeyHolder
from api.auth.tokens import AccessToken, SeatToken
from api.settings import Settings
from callplane.contracts.errors import Refusal
from callplane.contracts.ids import ParticipantId, SessionId
from callplane.contracts.shapes import GrantChanges

KEY = "k" * 40
SECRET = "s" * 40
OLDER = "o" * 40


def credentials(**more: object) -> Credentials:
    return Credentials(Settings(api_keys=f"web:{KEY}", token_secrets=f"{SECRET},{OLDER}", **more))


def access(key: str = KEY, typ: str = "JWT", **changes: object) -> str:
    claims = {"iss": "web", "sub": "ada", "session": "daily", "exp": int(time.time()) + 60, **changes}
    return jwt.encode({name: value for name, value in claims.items() if value is not None}, key, "HS256", {"typ": typ})


def refused(having: Credentials, **headers: str) -> str:
    with pytest.raises(Refusal) as refusal:
        having.of(Headers(headers))
    return refusal.value.problem.code


def test_a_key_is_its_holder() -> None:
    assert credentials().of(Headers({"X-API-Key": KEY})) == KeyHolder("web", "web", is_operator=True)


@pytest.mark.parametrize("given", ["", "wrong", KEY[:-1], KEY + "x", "ключ"])
def test_another_key_is_nobody(given: str) -> None:
    assert refused(credentials(), **{"x-api-key": given.encode().decode("latin-1")}) == "unauthorized"


def test_the_token_of_a_seat_is_always_the_same() -> None:
    one = credentials().participants
    token = one.sign("s", "p")
    assert token == one.sign("s", "p")
    assert one.verify(token) == SeatToken("s", "p")
    assert jwt.decode(token, options={"verify_signature": False}) == {"sub": "p", "session": "s"}


def test_an_older_secret_still_verifies() -> None:
    older = Credentials(Settings(token_secrets=OLDER)).participants.sign("s", "p")
    assert credentials().of(Headers({"Authorization": f"Bearer {older}"})) == SeatToken("s", "p")


def test_an_access_token_says_what_it_allows() -> None:
    token = access(role="moderator")
    assert credentials().of(Headers({"Authorization": f"bearer {token}"})) == AccessToken(
        "web", "ada", "daily", "moderator", "web"
    )
    anywhere = credentials().of(Headers({"Authorization": f"Bearer {access(session='*')}"}))
    assert anywhere == AccessToken("web", "ada", None, "publisher", "web")


def test_an_access_token_says_what_its_seat_may() -> None:
    token = access(grants={"publish": ["microphone"], "chat": False})
    found = credentials().of(Headers({"Authorization": f"Bearer {token}"}))
    assert isinstance(found, AccessToken)
    assert found.grants == GrantChanges(publish=["microphone"], chat=False)


def test_a_clock_that_is_a_little_ahead_signs_good_tokens() -> None:
    now = int(time.time())
    token = access(iat=now + 20, nbf=now + 20, exp=now + 80)
    assert isinstance(credentials().of(Headers({"Authorization": f"Bearer {token}"})), AccessToken)


def test_how_long_a_token_is_good_for_counts_from_when_it_was_made() -> None:
    """Also when most of that is over."""
    short, now = credentials(access_token_seconds=600), int(time.time())
    assert isinstance(short.of(Headers({"Authorization": f"Bearer {access(exp=now + 590)}"})), AccessToken)
    old = access(iat=now - 3600, exp=now + 60)
    assert refused(short, authorization=f"Bearer {old}") == "unauthorized"


@pytest.mark.parametrize(
    "token",
    [
        "",
        "garbage",
        "a.b.c",
        "x" * 5000,
        "e30.e30.",
        access(key=SECRET),
        access(exp=1),
        access(exp=None),
        access(iss="other"),
        access(iss=None),
        access(sub=None),
        access(role="admin"),
        access(grants=[]),
        access(grants={"publsh": []}),
        access(grants={"publish": ["window"]}),
        access(grants={"subscribe": 0}),
        access(session=7),
        access(session=None),
        access(exp=int(time.time()) + 9_000_000),
        access(exp="soon"),
        access(exp=math.nan),
        access(exp=math.inf),
        access(exp=10**400),
        access(exp=time.time() + 60, iat=-(10**400)),
        access(sub="\ud800"),
        access(session="\ud800"),
        access(iat=int(time.time()) + 300),
        access(nbf=int(time.time()) + 300),
        access(iat="now"),
        access(typ="participant+jwt"),
        access(key=SECRET, typ="participant+jwt", session=None),
        jwt.encode({"sub": "p", "session": "s"}, SECRET, "HS256"),
        jwt.encode({"sub": "p", "session": "s"}, "f" * 40, "HS256", {"typ": "participant+jwt"}),
        jwt.encode({"sub": "p", "session": "s"}, None, "none", {"typ": "participant+jwt"}),
        jwt.encode({"sub": "p", "session": "s"}, "s" * 64, "HS512", {"typ": "participant+jwt"}),
    ],
)
def test_other_tokens_are_nobody(token: str) -> None:
    assert refused(credentials(open_access=True), authorization=f"Bearer {token}", host="localhost") == "unauthorized"


def test_one_secret_for_both_kinds_mixes_nothing_up() -> None:
    both = Credentials(Settings(api_keys=f"web:{SECRET}", token_secrets=SECRET))
    seat = jwt.encode({"sub": "p", "session": "s", "iss": "web", "exp": int(time.time()) + 60}, SECRET, "HS256")
    assert isinstance(both.of(Headers({"Authorization": f"Bearer {seat}"})), AccessToken)
    mine = both.participants.sign("s", "p")
    assert isinstance(both.of(Headers({"Authorization": f"Bearer {mine}"})), SeatToken)


def test_only_bearer_is_understood() -> None:
    assert refused(credentials(), authorization="Basic YTpi") == "unauthorized"


@pytest.mark.parametrize("host", ["localhost", "localhost:8080", "127.0.0.1:8080", "[::1]:8080", "LOCALHOST"])
def test_open_access_lets_anybody_in_at_home(host: str) -> None:
    assert credentials(open_access=True).of(Headers({"host": host})) == Anonymous()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"host": "callplane.example.org"},
        {"host": "localhost.example.org:8080"},
        {"host": "127.0.0.1.example.org"},
        {"host": "192.168.1.5:8080"},
        {"host": "localhost:8080", "origin": "https://example.org"},
        {"host": "localhost:8080", "origin": "null"},
        {"host": "localhost:8080", "origin": "http://localhost:3000"},
        {"host": "localhost:8080", "x-forwarded-for": "192.0.2.1"},
        {"host": "localhost:8080", "x-forwarded-proto": "https"},
        {"host": "localhost:8080", "forwarded": "for=192.0.2.1"},
        {"host": "localhost:8080", "via": "1.1 proxy"},
        {"host": "localhost:8080", "x-real-ip": "192.0.2.1"},
    ],
)
def test_open_access_stays_at_home(headers: dict[str, str]) -> None:
    assert refused(credentials(open_access=True), **headers) == "unauthorized"


def test_open_access_is_off_unless_said() -> None:
    assert refused(credentials(), host="localhost") == "unauthorized"


def test_open_access_takes_the_origins_of_the_settings() -> None:
    opened = credentials(open_access=True, cors_origins="https://page.example.org")
    assert opened.of(Headers({"host": "localhost", "origin": "https://page.example.org"})) == Anonymous()
    assert opened.of(Headers({"host": "localhost:8080", "origin": "http://localhost:8080"})) == Anonymous()


def test_a_token_of_the_run_is_asked_for_where_one_is_set() -> None:
    opened = credentials(open_access=True, open_token="open-sesame")
    assert refused(opened, host="localhost") == "unauthorized"
    assert refused(opened, host="localhost", authorization="Bearer open-other") == "unauthorized"
    assert opened.of(Headers({"host": "localhost", "authorization": "Bearer open-sesame"})) == Anonymous()
    assert refused(opened, host="localhost", authorization="Bearer open-sesame", via="1.1 proxy") == "unauthorized"


def test_the_token_of_a_run_is_nothing_where_access_is_not_open() -> None:
    assert refused(credentials(open_token="open-sesame"), host="localhost", authorization="Bearer open-sesame")


@given(st.text(max_size=40), st.text(max_size=40))
def test_the_token_of_a_seat_is_what_the_library_signs_and_verifies(session: str, participant: str) -> None:
    """Pods of the version before sign the same, and verify it."""
    here, elsewhere = credentials().participants, credentials().participants
    token = here.sign(SessionId(session), ParticipantId(participant))
    claims = {"sub": participant, "session": session}
    assert token == jwt.encode(claims, SECRET, "HS256", {"typ": "participant+jwt"})
    assert elsewhere.known(token) is None
    assert here.known(token) == elsewhere.verify(token) == SeatToken(SessionId(session), ParticipantId(participant))


def test_what_was_verified_once_is_known_if_it_never_ends_and_within_bounds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("api.auth.tokens.VERIFIED_KEPT", 3)
    having = credentials()
    tokens = [having.participants.sign("s", f"p{number}") for number in range(5)]
    for number, token in enumerate(tokens):
        for _ in range(2):
            assert having.of(Headers({"Authorization": f"Bearer {token}"})) == SeatToken("s", f"p{number}")
    assert [having.participants.known(token) is not None for token in tokens] == [False, False, True, True, True]
    claims = {"sub": "p", "session": "s", "exp": int(time.time()) + 1}
    passing = jwt.encode(claims, SECRET, "HS256", {"typ": "participant+jwt"})
    assert having.of(Headers({"Authorization": f"Bearer {passing}"})) == SeatToken("s", "p")
    assert having.participants.known(passing) is None, "it would be good for ever"
    assert refused(having, authorization=f"Bearer {tokens[0][:-2]}xx") == "unauthorized"


def test_an_access_token_that_was_verified_is_known_until_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its signature is looked at once, and it is good for no longer than by its signature."""
    having, token, looks = credentials(), access(grants={"chat": False}), []
    decode = jwt.decode
    monkeypatch.setattr("jwt.decode", lambda *args, **more: looks.append(1) or decode(*args, **more))
    first = having.of(Headers({"Authorization": f"Bearer {token}"}))
    seen = len(looks)
    assert seen > 0
    assert having.of(Headers({"Authorization": f"Bearer {token}"})) == first
    assert len(looks) == seen
    assert refused(having, authorization=f"Bearer {token[:-2]}xx") == "unauthorized"
    assert credentials().access.known(token) is None, "another program has not verified it"
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now + 61)
    assert having.access.known(token) is None


def test_of_verified_access_tokens_the_latest_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.auth.tokens.VERIFIED_KEPT", 3)
    having, tokens = credentials(), [access(sub=f"p{number}") for number in range(5)]
    for token in tokens:
        having.of(Headers({"Authorization": f"Bearer {token}"}))
    assert [having.access.known(token) is not None for token in tokens] == [False, False, True, True, True]
    assert having.access.known("x" * 5000) is None
