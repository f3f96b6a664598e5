"""The call page and the browser SDK, served as the files they are."""

from fastapi import FastAPI
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

import web


class _Fresh(StaticFiles):
    """Files that browsers keep, and ask each time whether they have changed: modules must fit one another."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


def mount_web(app: FastAPI) -> None:
    """``/`` is the page; ``/page`` and ``/sdk`` are the folders of those names."""
    for folder in ("page", "sdk"):
        app.mount(f"/{folder}", _Fresh(directory=web.ROOT / folder, check_dir=False), name=folder)

    @app.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(web.ROOT / "page" / "index.html", headers={"Cache-Control": "no-cache"})
