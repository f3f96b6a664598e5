"""The call page may ask one other server, where its address names it, and nothing else gets into its policy."""

import pytest

from api.http.page_policy import other_server, security_policy
from callplane.contracts.errors import Refusal
from testkit.fakes.asgi import api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.servers.servers import Database


@pytest.mark.parametrize(
    ("named", "origin", "asked"),
    [
        ("https://calls.example.org", "https://calls.example.org", "wss://calls.example.org"),
        ("http://localhost:8080", "http://localhost:8080", "ws://localhost:8080"),
        ("https://Calls.Example.org:8443", "https://calls.example.org:8443", "wss://calls.example.org:8443"),
        ("http://192.0.2.7:1", "http://192.0.2.7:1", "ws://192.0.2.7:1"),
        (f"https://{'.'.join(['a' * 63] * 4)[:253]}:65535", f"https://{'.'.join(['a' * 63] * 4)[:253]}:65535", None),
    ],
)
def test_an_origin_is_named_with_its_socket(named: str, origin: str, asked: str | None) -> None:
    assert other_server([named]) == origin
    policy = security_policy(origin)
    assert f"connect-src 'self' {origin} {asked or origin.replace('http', 'ws')};" in policy
    assert policy.count(";") == security_policy().count(";")
    named_besides = policy[policy.index("connect-src") :].partition(";")[0]
    assert policy.replace(named_besides, "connect-src 'self'") == security_policy()


@pytest.mark.parametrize("none", [[], [""], ["", ""]])
def test_none_is_none(none: list[str]) -> None:
    assert other_server(none) is None
    assert "connect-src 'self';" in security_policy(other_server(none))


NONSENSE = [
    "calls.example.org",
    "//calls.example.org",
    "ftp://calls.example.org",
    "wss://calls.example.org",
    "javascript:alert(1)",
    "data:,x",
    "https:",
    "https://",
    "https://*",
    "https://*.example.org",
    "https://calls.example.org/",
    "https://calls.example.org/v1",
    "https://calls.example.org?x",
    "https://calls.example.org#x",
    "https://ann@calls.example.org",
    "https://ann:secret@calls.example.org",
    "https://calls.example.org:",
    "https://calls.example.org:0",
    "https://calls.example.org:65536",
    "https://calls.example.org:*",
    "https://[::1]:8080",
    "https://-a.example",
    "https://a..example",
    "https://calls.example.org.",
    "https://calls.example.org https://evil.example",
    "https://calls.example.org;script-src *",
    "https://calls.example.org'",
    'https://calls.example.org"',
    "https://calls.example.org\n",
    "https://calls.example.org\r\nX-Evil: 1",
    "\thttps://calls.example.org",
    " https://calls.example.org",
    "https://calls.example.org\x00",
    "https://calls\\.example.org",
    "https://calls%2eexample.org",
    "https://\u212aalls.example.org",
    "https://cäll.example.org",
    "'self'",
    "'unsafe-inline'",
    f"https://{'a.' * 200}example",
    f"https://{'a' * 64}.example",
]


@pytest.mark.parametrize("named", NONSENSE, ids=range(len(NONSENSE)))
def test_nothing_but_an_origin_comes_through(named: str) -> None:
    with pytest.raises(Refusal, match=r"https://calls\.example\.org"):
        other_server([named])


def test_two_are_refused_for_page_and_server_could_take_different_ones() -> None:
    with pytest.raises(Refusal):
        other_server(["https://a.example", "https://b.example"])
    with pytest.raises(Refusal):
        other_server(["", "https://b.example"])


async def test_the_page_is_served_with_it_and_no_other_page_is(database: Database) -> None:
    async with api(settings_for(database), ScriptedBus()) as it:
        named = {"server": "https://calls.example.org"}
        answer = await it.http.get("/", params=named)
        assert answer.status_code == 200
        assert "connect-src 'self' https://calls.example.org wss://calls.example.org;" in _policy(answer.headers)
        assert "connect-src 'self';" in _policy((await it.http.get("/")).headers)
        for path in ("/console", "/page/main.js"):
            assert "connect-src 'self';" in _policy((await it.http.get(path, params=named)).headers)
        refused = await it.http.get("/", params={"server": "https://calls.example.org; script-src *"})
        assert (refused.status_code, refused.json()["code"]) == (400, "bad-request")
        assert "server=https://calls.example.org" in refused.json()["detail"]


def _policy(headers: object) -> str:
    return str(headers["content-security-policy"])  # type: ignore[index]
