"""Call page, console and browser SDK, served as the files they are, scripts without their comments."""

import os
from pathlib import Path

from fastapi import FastAPI, Request
from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

import web
from api.dependencies import PUBLIC
from api.http.bare_scripts import script_response
from api.http.page_policy import other_server, security_policy

CONSOLE = "/console"
"""Where operators' console is, at the address of their routes."""

HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": security_policy(),
    "Permissions-Policy": "camera=(self), microphone=(self), display-capture=(self), geolocation=(), payment=()",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class _Fresh(StaticFiles):
    """Files that browsers keep, and ask each time whether they have changed: modules must fit one another."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(HEADERS)
        return response

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        if os.fspath(full_path).endswith(".js"):
            return script_response(Path(full_path), stat_result.st_mtime_ns, Headers(scope=scope))
        return super().file_response(full_path, stat_result, scope, status_code)


def mount_web(app: FastAPI) -> None:
    """``/`` is the page, ``/console`` the console; below ``/page``, ``/sdk`` and ``/console`` are their folders."""

    @app.get(CONSOLE, include_in_schema=False, dependencies=[PUBLIC])
    async def console() -> FileResponse:
        return FileResponse(web.ROOT / "console" / "index.html", headers=HEADERS)

    for folder in ("page", "sdk", "console"):
        app.mount(f"/{folder}", _Fresh(directory=web.ROOT / folder, check_dir=False), name=folder)

    @app.get("/", include_in_schema=False, dependencies=[PUBLIC])
    async def page(request: Request) -> FileResponse:
        policy = security_policy(other_server(request.query_params.getlist("server")))
        return FileResponse(web.ROOT / "page" / "index.html", headers={**HEADERS, "Content-Security-Policy": policy})
