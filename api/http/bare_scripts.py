"""Bare scripts: modules are served without their comments, which are a third of what browsers would load."""

import hashlib
import re
from functools import lru_cache
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.staticfiles import NotModifiedResponse

_COMMENTS = re.compile(r"[ \t]*/\*\*.*?\*/|^[ \t]*//[^\n]*", re.S | re.M)
"""Such as our modules have: `/** … */` wherever it stands, and `//` on lines of its own. A test compares the tokens."""


def bare(script: str) -> str:
    """The script without comments, each statement on the line that it has in the source."""
    return _COMMENTS.sub(lambda comment: "\n" * comment[0].count("\n"), script)


@lru_cache(maxsize=256)
def _served(path: Path, _changed: int) -> tuple[bytes, str]:
    body = bare(path.read_text()).encode()
    return body, f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def script_response(path: Path, changed: int, asked: Headers) -> Response:
    """The script of this file, which changed then; 304 where the browser has this one."""
    body, etag = _served(path, changed)
    headers = {"ETag": etag, "Content-Type": "text/javascript; charset=utf-8"}
    known = {one.strip().removeprefix("W/") for one in asked.get("If-None-Match", "").split(",")}
    if known & {etag, "*"}:
        return NotModifiedResponse(Headers(headers))
    return Response(body, headers=headers)
