"""A pod that has too much to do: who is there is served on, who is new hears to come again, before anything is read."""

from tests.unit.api.http.test_http11 import GET, UPGRADE, door, problem

LAST = b"Connection: close\r\n\r\n"


async def test_new_connections_are_refused_and_those_that_are_there_are_not() -> None:
    late = False
    async with door(sheds=lambda: late) as it:
        there = await it.open(GET + b"\r\n")
        assert (await there.head()).startswith(b"HTTP/1.1 200")
        late = True
        refused = await it.ask(GET + b"\r\n")
        assert problem(refused) == (503, "unavailable")
        assert b"retry-after: 1" in refused
        assert problem(await it.ask(GET + UPGRADE + b"\r\n")) == (503, "unavailable")
        there.writer.write(GET + LAST)
        assert b"HTTP/1.1 200" in await there.rest()
        for probe in (b"/livez", b"/readyz", b"/metrics?x=1"):
            answer = await it.ask(b"GET " + probe + b" HTTP/1.1\r\nHost: localhost\r\n" + LAST)
            assert answer.startswith(b"HTTP/1.1 200")
        assert it.app.asked == ["/x", "/x", "/livez", "/readyz", "/metrics"], "of the others nothing was seen"
        late = False
        assert (await it.ask(GET + LAST)).startswith(b"HTTP/1.1 200")


async def test_who_opens_a_stream_is_new_also_on_a_connection_that_a_proxy_has_kept() -> None:
    late = False
    async with door(sheds=lambda: late) as it:
        for stream in (b"/messages/stream?ack=1", b"/messages/socket"):
            late = False
            kept = await it.open(GET + b"\r\n")
            await kept.head()
            late = True
            kept.writer.write(b"GET " + stream + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = await kept.rest()
            assert problem(answer[answer.index(b"HTTP/1.1 503") :]) == (503, "unavailable")
