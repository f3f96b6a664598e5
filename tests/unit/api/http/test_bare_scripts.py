"""Scripts as they are served: without comments, under an ETag of what is served, asked for again each time."""

import httpx

import web
from api.http.bare_scripts import bare
from api.routing import routed


async def test_a_script_has_no_comments_and_is_sent_once() -> None:
    transport = httpx.ASGITransport(routed())
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        first = await http.get("/sdk/session.js")
        etag = first.headers["ETag"]
        again = await http.get("/sdk/session.js", headers={"If-None-Match": f'"other", W/{etag}'})
        other = await http.get("/sdk/session.js", headers={"If-None-Match": '"other"'})
        head = await http.head("/sdk/session.js")
        style = await http.get("/page/page.css")
    source = (web.ROOT / "sdk" / "session.js").read_text()
    assert first.text == bare(source) != source
    assert "/**" not in first.text
    assert first.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert first.headers["Cache-Control"] == again.headers["Cache-Control"] == "no-cache"
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", etag)
    assert (other.status_code, other.content) == (200, first.content)
    assert (head.status_code, head.content, head.headers["Content-Length"]) == (
        200,
        b"",
        first.headers["Content-Length"],
    )
    assert style.text == (web.ROOT / "page" / "page.css").read_text()


def test_statements_stay_on_their_lines() -> None:
    assert bare('// one\n/**\n * two\n */\na("//x"); // y\n  b(/** @type {T} */ (c));\n') == (
        '\n\n\n\na("//x"); // y\n  b( (c));\n'
    )
